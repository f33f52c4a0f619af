//! Lists of devices as CSV files: read to compare with, and written for others.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use lanyard_devices::{CoverageView, ListedDevice};

use crate::csv::{self, Field, records};
use crate::exit::Failure;
use crate::file_text;

/// The content of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Workspace,
    Name,
    Location,
    Product,
    Serial,
    Mac,
    Kind,
    Tags,
    Other,
}

/// A list that was read.
#[derive(Debug)]
pub(super) struct List {
    /// Its devices.
    pub(super) devices: Vec<ListedDevice>,
    /// Whether its last line has an end. Without one the file may have been cut off, and some programs write none.
    pub(super) is_ended: bool,
}

/// Reads a list. Its columns are found by their headings, because each tool has its own.
pub(super) fn read(path: &Path) -> Result<List, Failure> {
    let shown = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| Failure::Usage {
        message: format!("{shown} cannot be read: {error}"),
        hint: "export the devices in Control Hub, or name a credential that sees everything".to_owned(),
    })?;
    parse(&file_text::utf8(bytes, &shown)?, &shown)
}

fn parse(text: &str, shown: &str) -> Result<List, Failure> {
    let is_ended = text.ends_with(['\n', '\r']);
    let mut records = records(text.trim_start_matches('\u{feff}')).into_iter().map(|(_, fields)| fields);
    let header = records.next().unwrap_or_default();
    if header.len() == 1 && header[0].contains([';', '\t']) {
        return Err(Failure::Usage {
            message: format!("the columns of {shown} are not separated by commas"),
            hint: "save the file with commas (in a spreadsheet: as \"CSV UTF-8 (comma delimited)\")".to_owned(),
        });
    }
    let columns: Vec<Column> = header.iter().map(|heading| column(heading)).collect();
    if !columns.iter().any(|column| matches!(column, Column::Serial | Column::Mac)) {
        return Err(Failure::Usage {
            message: format!("{shown} has no column of serial numbers or MAC addresses"),
            hint: "expected headings in the first line, separated by commas, such as Name,Serial Number,MAC Address"
                .to_owned(),
        });
    }
    let records: Vec<_> = records.collect();
    // A comparison with a part of the list would look like full coverage.
    let is_cut = |last: &Vec<Field>| !is_ended && last.len() < columns.len();
    let has_open_quote = text.matches('"').count() % 2 == 1;
    if records.last().is_some_and(is_cut) || has_open_quote {
        return Err(Failure::Usage {
            message: format!("{shown} is cut off: its last line is not complete"),
            hint: "export the devices in Control Hub again".to_owned(),
        });
    }
    let devices = records.iter().map(|fields| device(&columns, fields));
    Ok(List {
        devices: devices
            .filter(|device| *device != ListedDevice { tags: device.tags.clone(), ..ListedDevice::default() })
            .collect(),
        is_ended,
    })
}

fn column(heading: &str) -> Column {
    let words = heading.to_lowercase();
    let plain: String = words.chars().filter(|letter| letter.is_alphanumeric()).collect();
    match &*plain {
        "workspace" | "workspacename" | "place" | "placename" | "room" | "roomname" | "belongsto" => Column::Workspace,
        "name" | "displayname" | "devicename" => Column::Name,
        "location" | "locationname" | "site" => Column::Location,
        "product" | "productname" | "model" => Column::Product,
        "type" | "devicetype" | "producttype" => Column::Kind,
        "tag" | "tags" | "devicetags" => Column::Tags,
        _ if plain.starts_with("serial") || plain.ends_with("serialnumber") => Column::Serial,
        _ if plain.starts_with("mac") || plain.ends_with("macaddress") => Column::Mac,
        _ => Column::Other,
    }
}

fn device(columns: &[Column], fields: &[Field]) -> ListedDevice {
    let of = |wanted: Column| {
        let found = columns.iter().zip(fields).find(|(column, field)| **column == wanted && !field.is_empty());
        found.map(|(_, field)| field.to_string())
    };
    ListedDevice {
        workspace: of(Column::Workspace).or_else(|| of(Column::Name)).unwrap_or_default(),
        location: of(Column::Location),
        product: of(Column::Product).unwrap_or_default(),
        serial: of(Column::Serial),
        mac: of(Column::Mac),
        kind: of(Column::Kind),
        tags: columns.contains(&Column::Tags).then(|| tags(&of(Column::Tags).unwrap_or_default())),
    }
}

/// The tags in a cell.
fn tags(cell: &str) -> Vec<String> {
    let tags = cell.split([',', ';', '|']).map(str::trim).filter(|tag| !tag.is_empty());
    tags.map(str::to_owned).collect()
}

/// Writes the workspaces that a watch misses to a new file.
pub(super) fn write(path: &Path, view: &CoverageView) -> Result<(), Failure> {
    let mut lines = vec![csv::line(&["workspace", "location", "devices"])];
    lines.extend(view.missing.iter().map(|missing| {
        csv::line(&[&missing.workspace, missing.location.as_deref().unwrap_or_default(), &missing.devices.join(", ")])
    }));
    let text = lines.join("\r\n") + "\r\n";
    let written =
        OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::Usage {
        message: format!("{} cannot be written: {error}", path.display()),
        hint: "name a file that does not exist yet".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_their_headings() {
        let text = "\u{feff}Display Name,Status,Serial Number,MAC Address,Location,Product\r\n\
                    \"Board, big\",Online,FOC1,00:1e:7a:00:00:01,Bern,Board Pro\r\n,,,,,\r\nShort,Offline\r\n";
        let List { devices, is_ended } = parse(text, "it").unwrap();
        assert!(is_ended);
        assert_eq!(devices.len(), 2, "{devices:?}");
        assert_eq!((&*devices[0].workspace, devices[0].serial.as_deref()), ("Board, big", Some("FOC1")));
        assert_eq!((devices[0].location.as_deref(), &*devices[0].product), (Some("Bern"), "Board Pro"));
        assert_eq!((&*devices[1].workspace, devices[1].serial.as_deref()), ("Short", None));
        for bad in ["", "Name,Status\nx,y\n", "Name;Serial Number\nx;y\n"] {
            assert!(parse(bad, "it").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_list_that_was_cut_off_is_refused_or_known_to_have_no_end() {
        let whole = "Name,Serial Number,Product\nBoard,FOC1,Board Pro\n\"Foyer, big\",FOC2,Desk Pro\n";
        let cut = |text: &str| parse(text, "it").map(|list| (list.devices.len(), list.is_ended)).ok();
        assert_eq!(cut(whole), Some((2, true)));
        for part in
            ["Name,Serial Number,Product\nBoard,FO", "Name,Serial Number,Product\nBoard,FOC1,Board Pro\n\"Foyer, b"]
        {
            assert_eq!(cut(part), None, "{part}");
        }
        // Within the last cell, or as a program writes it that ends no line.
        assert_eq!(cut(&whole[..whole.len() - 3]), Some((2, false)));
        // A line may lack cells at its end that are empty.
        assert_eq!(cut("Name,Serial Number,Product\nBoard,FOC1\n"), Some((1, true)));
    }
}
