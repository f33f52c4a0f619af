//! Tables for people.

use std::fmt;

use anstyle::Style;
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
/// A column is not made narrower than this; the first one, the name, keeps more.
const NARROW: usize = 10;
const NARROW_NAME: usize = 24;
/// Stands for what was cut off, and for columns that do not fit.
const CUT: &str = "…";

/// The heading of a last column that is copied from: it is shown whole, even if the terminal has to wrap it.
pub(crate) const ID: &str = "ID";

/// Lays out rows under headings, columns aligned, without lines. On a terminal the rows fit its width: long cells are shortened, and
/// columns at the end are left out. Anywhere else everything is there.
pub(crate) fn render(headings: &[&str], rows: Vec<Vec<String>>) -> Block {
    within(headings, rows, room())
}

/// The width of the terminal on standard output, where there is one.
pub(crate) fn room() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(usize::from(width.0)).filter(|width| *width > 0)
}

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
    let widths = match (room, needed.split_last()) {
        (Some(room), Some((id, others))) if headings.ends_with(&[ID]) => {
            let others = fit(others, headings, room);
            if others.len() + 1 < headings.len() { needed.clone() } else { [&others[..], &[*id]].concat() }
        }
        (Some(room), _) => fit(&needed, headings, room),
        (None, _) => needed.clone(),
    };
    let mut head = lay_out(&widths, |column| (headings[column], style::HEADING));
    if widths.len() < headings.len() {
        head.push(' ');
        head.push_str(CUT);
    }
    let body = rows.iter().map(|row| {
        lay_out(&widths, |column| {
            let cell = row.get(column).map_or("", String::as_str);
            (cell, if headings[column] == "STATE" { style::of_state(cell) } else { style::PLAIN })
        })
    });
    Block(std::iter::once(head).chain(body).collect())
}

/// The widths of the columns that are shown.
fn fit(needed: &[usize], headings: &[&str], room: usize) -> Vec<usize> {
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    let least: Vec<usize> = needed
        .iter()
        .zip(headings)
        .enumerate()
        .map(|(column, (needed, heading))| {
            let narrow = if column == 0 { NARROW_NAME } else { NARROW };
            (*needed).min(narrow.max(heading.width()))
        })
        .collect();
    for shown in (1..=needed.len()).rev() {
        // The sign for columns that are left out takes its place, too.
        let room = if shown < needed.len() { room.saturating_sub(1 + CUT.width()) } else { room };
        if shown > 1 && total(&least[..shown]) > room {
            continue;
        }
        let mut widths = needed[..shown].to_vec();
        while total(&widths) > room {
            let shrinkable = (0..shown).filter(|column| widths[*column] > if shown > 1 { least[*column] } else { 1 });
            let Some(widest) = shrinkable.max_by_key(|column| widths[*column]) else { break };
            widths[widest] -= 1;
        }
        return widths;
    }
    Vec::new()
}

/// One row; without spaces at its end.
fn lay_out<'a>(widths: &[usize], cell: impl Fn(usize) -> (&'a str, Style)) -> String {
    let mut row = String::new();
    let mut owed = 0;
    for (column, width) in widths.iter().enumerate() {
        let (text, style) = cell(column);
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
        let row = ["refresh", "An app with a long name", &"i".repeat(90)].map(ToOwned::to_owned).to_vec();
        let table = within(&["KIND", "APP", ID], vec![row], Some(30)).to_string();
        assert!(table.ends_with(&format!("refresh  An app with a long n…  {}", "i".repeat(90))), "{table}");
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
