//! Colours. They are written always, and taken away where nobody sees them (no terminal, `NO_COLOR`), unless `CLICOLOR_FORCE` is
//! set.

use std::fmt;

use anstyle::{AnsiColor, Style};

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const HEADING: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const CAREFUL: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const FAINT: Style = Style::new().dimmed();

/// Paints one part of a line.
pub(crate) fn paint(style: Style, text: &impl fmt::Display) -> String {
    if style == PLAIN { text.to_string() } else { format!("{style}{text}{style:#}") }
}

/// The colour of a credential's state.
pub(crate) fn of_state(state: &str) -> Style {
    match state.trim_end() {
        "active" => GOOD,
        "pending" | "expiring" | "stalled" => CAREFUL,
        "needs-login" | "needs-token" => BAD,
        "clearing" | "disabled" => FAINT,
        _ => PLAIN,
    }
}

/// A line on stderr: what it is stands before a colon.
pub(super) fn note(text: &str) -> String {
    let colours = [
        ("error:", BAD.bold()),
        ("  because:", BAD),
        ("warning:", CAREFUL.bold()),
        ("hint:", AnsiColor::Cyan.on_default().bold()),
    ];
    first(text, &colours)
}

/// A line of a report.
pub(super) fn finding(text: &str) -> String {
    first(text, &[("ok  ", GOOD), ("!!  ", BAD.bold()), ("?   ", CAREFUL)])
}

/// A line of the demo.
pub(super) fn story(text: &str) -> String {
    if text.is_empty() || text.starts_with(' ') {
        return first(text, &[("  ok:", GOOD.bold())]);
    }
    paint(CAREFUL.bold(), &text)
}

/// Paints the first part of a line, where it is one of these.
fn first(text: &str, colours: &[(&str, Style)]) -> String {
    for (part, style) in colours {
        if let Some(rest) = text.strip_prefix(part) {
            return format!("{}{rest}", paint(*style, part));
        }
    }
    text.to_owned()
}

/// Painted text as stdout is to have it.
pub(crate) fn for_stdout(text: String) -> String {
    match anstream::AutoStream::choice(&std::io::stdout()) {
        anstream::ColorChoice::Never => anstream::adapter::strip_str(&text).to_string(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mark_is_painted() {
        assert_eq!(note("error: no"), "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m no");
        assert_eq!(finding("ok  home"), "\u{1b}[32mok  \u{1b}[0mhome");
        assert_eq!(finding("okay"), "okay");
        assert_eq!(anstream::adapter::strip_str(&story("A step")).to_string(), "A step");
    }
}
