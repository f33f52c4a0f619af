//! A monthly report as one page of HTML: without a script, and without anything that is loaded from elsewhere.

use std::time::Duration;

use lanyard_devices::{ReportBy, ReportRow, ReportView};
use lanyard_protocol::visible;

use super::devices;
use crate::output::duration;

/// The page. Under a policy that forbids styles it is plain and complete.
pub(super) fn page(view: &ReportView) -> String {
    let title = format!("Availability in {}", escaped(&view.month));
    let count = devices(view.rows.iter().map(|row| row.devices).sum());
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{STYLE_DIGEST}'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n<p>{count}; business hours {}, {}.</p>\n<table>\n<thead><tr>",
        escaped(&view.hours),
        escaped(&view.time_zone)
    );
    let columns = columns(view.by);
    let numbers = ["Devices", "All hours", "In hours", "Outages", "Down"];
    page.extend(columns.iter().map(|(heading, _)| format!("<th scope=\"col\">{heading}</th>")));
    page.extend(numbers.map(|heading| format!("<th scope=\"col\" class=\"n\">{heading}</th>")));
    page.push_str("</tr></thead>\n<tbody>\n");
    page.extend(view.rows.iter().map(|row| line(columns, row)));
    page.push_str(
        "</tbody>\n</table>\n<p>Availability counts the time in which the state was known; a device that is degraded or asleep is \
         available.</p>\n</body>\n</html>\n",
    );
    page
}

/// A column of text: its heading, and its content in a row.
type Column = (&'static str, fn(&ReportRow) -> &str);

fn columns(by: ReportBy) -> &'static [Column] {
    const CUSTOMER: Column = ("Customer", |row| row.customer.as_deref().unwrap_or("-"));
    const LOCATION: Column = ("Location", |row| row.location.as_deref().unwrap_or("?"));
    match by {
        ReportBy::Customer => &[("Customer", |row| &row.name)],
        ReportBy::Watch => &[("Watch", |row| &row.name), CUSTOMER],
        ReportBy::Location => &[("Location", |row| &row.name), CUSTOMER],
        ReportBy::Workspace => &[("Workspace", |row| &row.name), LOCATION, CUSTOMER],
        ReportBy::Device => &[
            ("Device", |row| &row.name),
            ("Serial number", |row| row.serial.as_deref().unwrap_or("-")),
            LOCATION,
            CUSTOMER,
        ],
    }
}

fn line(columns: &[Column], row: &ReportRow) -> String {
    let texts = columns.iter().enumerate().map(|(number, (_, text))| {
        // Isolated, so that a text that runs from right to left does not reorder its neighbours.
        let text = escaped(text(row));
        match number {
            0 => format!("<th scope=\"row\"><bdi>{text}</bdi></th>"),
            _ => format!("<td><bdi>{text}</bdi></td>"),
        }
    });
    let down = match row.down_seconds {
        0 => "-".to_owned(),
        seconds => duration::words(Duration::from_secs(seconds)),
    };
    let numbers =
        [row.devices.to_string(), available(row.availability), available(row.in_hours), row.outages.to_string(), down];
    let numbers = numbers.map(|number| format!("<td class=\"n\">{number}</td>"));
    format!("<tr>{}</tr>\n", texts.chain(numbers).collect::<String>())
}

/// A part as a percentage, with a bar.
fn available(part: Option<f64>) -> String {
    let Some(part) = part else { return "?".to_owned() };
    let (percent, width) = (part * 100.0, part.clamp(0.0, 1.0) * WIDTH);
    format!(
        "{percent:.2} %<svg width=\"{WIDTH}\" height=\"6\" viewBox=\"0 0 {WIDTH} 6\" role=\"img\" aria-label=\"{percent:.2} % available\">\
         <rect width=\"{WIDTH}\" height=\"6\" fill=\"#c0392b\"/><rect width=\"{width:.1}\" height=\"6\" fill=\"#2e8b57\"/></svg>"
    )
}

/// A text of foreign origin, as the content of an element or of a quoted attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in visible(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            plain => escaped.push(plain),
        }
    }
    escaped
}

const WIDTH: f64 = 120.0;

const STYLE: &str = "body{font:15px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}\
table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid #ccc;padding:.4rem .6rem;text-align:left;vertical-align:top}\
.n{text-align:right;white-space:nowrap}svg{display:block;margin:.2rem 0 0 auto}@media print{body{margin:0}}";
/// The SHA-256 of the style, by which the page allows it and no other.
const STYLE_DIGEST: &str = "Q6k1wYbDx5qLvoeNodXBURFaiuyxr3/PMNMxvCRPWYg=";

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn row(name: &str) -> ReportRow {
        ReportRow {
            name: name.to_owned(),
            customer: Some(name.to_owned()),
            watch: Some("lobby".to_owned()),
            serial: Some(name.to_owned()),
            room: Some(name.to_owned()),
            location: Some(name.to_owned()),
            devices: 2,
            availability: Some(0.9871),
            in_hours: None,
            down_seconds: 3600,
            outages: 1,
        }
    }

    fn page_of(by: ReportBy, name: &str) -> String {
        let view = ReportView {
            month: "2026-11".to_owned(),
            time_zone: "Europe/Zurich".to_owned(),
            hours: "Mon-Fri 8-18".to_owned(),
            by,
            rows: vec![row(name)],
            unplaced: Vec::new(),
            unread: Vec::new(),
        };
        page(&view)
    }

    #[test]
    fn no_name_is_markup_or_hidden() {
        // The name, and its form in the page.
        let cases = [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("\" onload=\"x", "&quot; onload=&quot;x"),
            ("'&amp;", "&#39;&amp;amp;"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
            ("two\nlines\0", "two\\nlines\\u{0}"),
            ("Zürich 会议室 غرفة חדר Зал", "Zürich 会议室 غرفة חדר Зал"),
            ("=cmd|' /C calc'!A0", "=cmd|&#39; /C calc&#39;!A0"),
            ("</bdi></table><img src=x>", "&lt;/bdi&gt;&lt;/table&gt;&lt;img src=x&gt;"),
        ];
        for by in [ReportBy::Customer, ReportBy::Watch, ReportBy::Location, ReportBy::Workspace, ReportBy::Device] {
            let plain = page_of(by, "plain");
            for (name, shown) in cases {
                let page = page_of(by, name);
                assert_eq!(page.replace(shown, "plain"), plain, "{name:?}: nothing else differs");
            }
        }
    }

    #[test]
    fn the_page_loads_nothing_and_runs_nothing() {
        let page = page_of(ReportBy::Workspace, "1.04 Boardroom");
        let digest = STANDARD.encode(Sha256::digest(STYLE));
        assert!(page.contains(&format!("default-src 'none'; style-src 'sha256-{digest}'")), "{digest}: {page}");
        for word in ["<script", "http://", "https://", "src=\"", "href", "style=", "onload", "url("] {
            assert!(!page.contains(word), "{word}: {page}");
        }
        assert!(page.contains("98.71 %<svg") && page.contains("width=\"118.5\"") && page.contains("1 hour"), "{page}");
        assert!(page.contains("<td class=\"n\">?</td>"), "{page}");
    }
}
