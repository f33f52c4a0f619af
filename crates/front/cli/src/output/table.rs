//! Tables for people.

use comfy_table::{ContentArrangement, Table, presets};

/// Lays out rows under headings, columns aligned, without lines; as wide as it needs to be where stdout is no terminal.
pub(crate) fn render(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings.iter().copied());
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Lays out facts, one a line: what it is, then what it says. A name that repeats is shown once.
pub(crate) fn facts(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut last = "";
    let mut lines = Vec::with_capacity(rows.len());
    for (name, value) in rows {
        let shown = if *name == last { "" } else { name };
        last = name;
        lines.push(format!("{shown:width$}  {value}"));
    }
    lines.join("\n")
}
