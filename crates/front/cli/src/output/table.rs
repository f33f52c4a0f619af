//! Tables for people.

use std::fmt;

use anstyle::Style;
use jiff::Timestamp;
use lanyard_protocol::visible;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::style;

/// Lines that are laid out, visible and painted.
#[derive(Debug)]
pub(crate) struct Block(Vec<String>);

impl Block {
    /// Indents the lines.
    pub(crate) fn indented(self, by: usize) -> Self {
        Self(self.0.into_iter().map(|line| format!("{:by$}{line}", "")).collect())
    }

    /// Its lines.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// Between two columns.
const GAP: usize = 2;
/// A column is not made narrower than this, a short moment; the first one, the name, keeps more if there is room.
const NARROW: usize = 11;
const NARROW_NAME: usize = 24;
/// Stands for omitted text, and for omitted columns.
const CUT: &str = "…";
/// The headings of the columns that are omitted first.
const OMITTED_FIRST: [&str; 2] = ["KIND", "BY"];

/// The heading of a last column that is copied from: it is shown whole, even if the terminal has to wrap it.
pub(crate) const ID: &str = "ID";
/// The columns beside an id have this much room, because the terminal wraps the row anyway.
const BESIDE_ID: usize = 60;

/// Lays out rows under headings, columns aligned, without lines. On a terminal the rows fit its width: long cells are shortened, and
/// less important columns are omitted. Anywhere else the table is complete.
pub(crate) fn render(headings: &[&str], rows: Vec<Vec<String>>) -> Block {
    within(headings, rows, room())
}

/// The width of the terminal on standard output, where there is one.
pub(crate) fn room() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(usize::from(width.0)).filter(|width| *width > 0)
}

/// The day of a moment in a table, with the time if there is room.
pub(crate) fn day(at: Timestamp, room: Option<usize>) -> String {
    match room {
        Some(..WIDE) => at.strftime("%Y-%m-%d").to_string(),
        _ => format!("{at:.0}"),
    }
}

/// A moment in a table, in UTC. On a narrow terminal it is shortened, because a moment that is cut off is of no use.
pub(crate) fn moment(at: Timestamp, room: Option<usize>) -> String {
    match room {
        Some(..SHORT) => at.strftime("%m-%d %H:%MZ").to_string(),
        Some(SHORT..WIDE) => at.strftime("%Y-%m-%d %H:%MZ").to_string(),
        _ => format!("{at:.0}"),
    }
}

/// The widths of a terminal, in columns, below which the cells of a table are shortened.
const SHORT: usize = 70;
pub(crate) const WIDE: usize = 120;

/// Lays out rows for a known width; `None` is as wide as they need to be.
pub(crate) fn within(headings: &[&str], rows: Vec<Vec<String>>, room: Option<usize>) -> Block {
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.iter().map(|cell| visible(cell).into_owned()).collect()).collect();
    let needed: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(column, heading)| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).fold(heading.width(), usize::max)
        })
        .collect();
    let all = || needed.iter().copied().enumerate().collect::<Vec<_>>();
    let shown = match (room, needed.split_last()) {
        (Some(room), Some((id, others))) if headings.ends_with(&[ID]) => {
            let mut shown = fit(others, headings, room.max(BESIDE_ID));
            if shown.len() < others.len() {
                all()
            } else {
                shown.push((others.len(), *id));
                shown
            }
        }
        (Some(room), _) => fit(&needed, headings, room),
        (None, _) => all(),
    };
    let mut head = lay_out(&shown, |column| (headings[column], style::HEADING));
    if shown.len() < headings.len() {
        head.push(' ');
        head.push_str(CUT);
    }
    let body = rows.iter().map(|row| {
        lay_out(&shown, |column| {
            let cell = row.get(column).map_or("", String::as_str);
            (cell, if headings[column] == "STATE" { style::of_state(cell) } else { style::PLAIN })
        })
    });
    Block(std::iter::once(head).chain(body).collect())
}

/// The columns that are shown, with their widths.
fn fit(needed: &[usize], headings: &[&str], room: usize) -> Vec<(usize, usize)> {
    let total =
        |widths: &mut dyn Iterator<Item = usize>| widths.map(|width| width + GAP).sum::<usize>().saturating_sub(GAP);
    let narrow_name = NARROW_NAME.min((room / 3).max(NARROW));
    let least: Vec<usize> = needed
        .iter()
        .zip(headings)
        .enumerate()
        .map(|(column, (needed, heading))| {
            let narrow = if column == 0 { narrow_name } else { NARROW };
            (*needed).min(narrow.max(heading.width()))
        })
        .collect();
    let mut columns: Vec<usize> = (0..needed.len()).collect();
    // The sign for omitted columns takes its place, too.
    let room_for = |columns: &[usize]| {
        if columns.len() < needed.len() { room.saturating_sub(1 + CUT.width()) } else { room }
    };
    while columns.len() > 1 && total(&mut columns.iter().map(|column| least[*column])) > room_for(&columns) {
        let first = columns.iter().rposition(|column| OMITTED_FIRST.contains(&headings[*column]) && *column > 0);
        columns.remove(first.unwrap_or(columns.len() - 1));
    }
    let room = room_for(&columns);
    let alone = columns.len() == 1;
    let mut shown: Vec<(usize, usize)> = columns.into_iter().map(|column| (column, needed[column])).collect();
    while total(&mut shown.iter().map(|(_, width)| *width)) > room {
        let shrinkable = shown.iter_mut().filter(|(column, width)| *width > if alone { 1 } else { least[*column] });
        let Some((_, widest)) = shrinkable.max_by_key(|(_, width)| *width) else { break };
        *widest -= 1;
    }
    shown
}

/// One row; without spaces at its end.
fn lay_out<'a>(shown: &[(usize, usize)], cell: impl Fn(usize) -> (&'a str, Style)) -> String {
    let mut row = String::new();
    let mut owed = 0;
    for (column, width) in shown {
        let (text, style) = cell(*column);
        let text = shortened(text, *width);
        if !text.is_empty() {
            row.extend(std::iter::repeat_n(' ', owed));
            row.push_str(&style::paint(style, &text));
            owed = 0;
        }
        owed += width.saturating_sub(text.width()) + GAP;
    }
    row
}

/// Text in at most so many cells of a terminal.
fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(CUT.width());
    let kept = text.chars().take_while(|character| {
        let fits = character.width().unwrap_or(0) <= left;
        left = left.saturating_sub(character.width().unwrap_or(0));
        fits
    });
    kept.collect::<String>() + CUT
}

/// Lays out facts, one a line: what it is, then what it says. A name that repeats is shown once.
pub(crate) fn facts(rows: &[(&str, String)]) -> Block {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut last = "";
    let mut lines = Vec::with_capacity(rows.len());
    for (name, value) in rows {
        let shown = if *name == last { "" } else { name };
        last = name;
        let value = visible(value);
        let style = if *name == "state" { style::of_state(&value) } else { style::PLAIN };
        lines.push(format!("{shown:width$}  {}", style::paint(style, &value)));
    }
    Block(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADINGS: [&str; 4] = ["NAME", "STATE", "ACTS AS", "ORGANISATION"];

    fn table(name: &str, room: Option<usize>) -> Vec<String> {
        let row = [name, "active", "somebody-with-a-long-address@acme.example", "Acme"].map(ToOwned::to_owned);
        let block = within(&HEADINGS, vec![row.to_vec(), vec!["b".into(), "x".into(), "李".into(), "y".into()]], room);
        block.lines().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn a_moment_names_its_time_zone_in_every_width() {
        let at = "2026-11-30T01:38:12Z".parse().unwrap();
        assert_eq!(
            [Some(60), Some(80), None].map(|room| moment(at, room)),
            ["11-30 01:38Z", "2026-11-30 01:38Z", "2026-11-30T01:38:12Z"]
        );
    }

    #[test]
    fn everything_is_shown_where_there_is_room() {
        let all = [
            "NAME  STATE   ACTS AS                                    ORGANISATION",
            "acme  active  somebody-with-a-long-address@acme.example  Acme",
            "b     x       李                                         y",
        ];
        assert_eq!(table("acme", None), all);
        assert_eq!(table("acme", Some(80)), all);
    }

    #[test]
    fn long_cells_are_shortened_and_then_columns_left_out() {
        assert_eq!(table("acme", Some(50))[1], "acme  active  somebody-with-a-long-…  Acme");
        assert_eq!(
            table("acme", Some(28)),
            ["NAME  STATE   ACTS AS …", "acme  active  somebody-wi…", "b     x       李"]
        );
        assert_eq!(table("acme", Some(16)), ["NAME  STATE …", "acme  active", "b     x"]);
    }

    #[test]
    fn an_id_is_never_shortened() {
        let row = ["refresh", &"n".repeat(60), "2026-11-29T21:05:57Z", &"i".repeat(90)].map(ToOwned::to_owned).to_vec();
        let table = within(&["KIND", "APP", "MADE", ID], vec![row], Some(30)).to_string();
        let expected = format!("refresh  {}…  2026-11-29T21:05:57Z  {}", "n".repeat(28), "i".repeat(90));
        assert!(table.ends_with(&expected), "{table}");
    }

    #[test]
    fn the_kind_is_omitted_before_the_state() {
        let row = ["lobby", "service-app", "active", "12 days"].map(ToOwned::to_owned).to_vec();
        let shown = |room| within(&["NAME", "KIND", "STATE", "VALID FOR"], vec![row.clone()], Some(room)).to_string();
        let plain = |room| anstream::adapter::strip_str(&shown(room)).to_string();
        assert_eq!(plain(40), "NAME   KIND         STATE   VALID FOR\nlobby  service-app  active  12 days");
        assert_eq!(plain(30), "NAME   STATE   VALID FOR …\nlobby  active  12 days");
        assert_eq!(plain(18), "NAME   STATE …\nlobby  active");
    }

    #[test]
    fn no_row_is_wider_than_the_terminal_whatever_the_names_are() {
        for name in ["a", &"n".repeat(64), &"李".repeat(40)] {
            for room in 8..120 {
                for line in table(name, Some(room)) {
                    assert!(line.width() <= room, "{room}: {line}");
                }
            }
        }
    }

    #[test]
    fn a_name_with_a_line_break_forges_no_row() {
        assert_eq!(table("a\nfake  active", None).len(), 3);
        assert_eq!(facts(&[("name", "a\nkind  bot\u{202e}".to_owned())]).to_string(), r"name  a\nkind  bot\u{202e}");
    }
}
