//! Commands inside sentences, so that they can be pasted.

use std::borrow::Cow;
use std::path::Path;
use std::sync::OnceLock;

use clap::CommandFactory as _;
pub(crate) use lanyard_home::quoted;

use crate::arguments::Arguments;

/// `--home DIR`, as it was given on the command line. A variable needs no repeating: it is still set.
static GIVEN: OnceLock<String> = OnceLock::new();

/// Makes every command that is shown name the home that this one was given.
pub(crate) fn keep_home(home: &Path) {
    // A process has one command line.
    let _ = GIVEN.set(quoted(&home.to_string_lossy()));
}

/// Returns the text with its commands directed at the home that was given.
pub(crate) fn for_this_home(text: &str) -> Cow<'_, str> {
    match GIVEN.get() {
        Some(home) if text.contains(PROGRAM) => {
            let program = Arguments::command();
            Cow::Owned(with_home(text, home, |word| program.find_subcommand(word).is_some()))
        }
        _ => Cow::Borrowed(text),
    }
}

/// `lanyard` begins a command where one of its subcommands follows, and is a word of the sentence elsewhere.
fn with_home(text: &str, home: &str, is_command: impl Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len() + home.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(PROGRAM) {
        let (before, after) = rest.split_at(at + PROGRAM.len());
        let alone = !before[..at].ends_with(|c: char| c.is_alphanumeric() || "-_./".contains(c));
        let end = after.find(|c: char| !(c.is_ascii_lowercase() || c == '-')).unwrap_or(after.len());
        out.push_str(before);
        if alone && is_command(&after[..end]) {
            out.push_str("--home ");
            out.push_str(home);
            out.push(' ');
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

const PROGRAM: &str = "lanyard ";

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> String {
        with_home(text, "/x", |word| ["app", "list", "login"].contains(&word))
    }

    #[test]
    fn a_command_in_a_sentence_names_the_home() {
        assert_eq!(
            with("see lanyard list; or `lanyard app add`"),
            "see lanyard --home /x list; or `lanyard --home /x app add`"
        );
        assert_eq!(with("lanyard list"), "lanyard --home /x list");
    }

    #[test]
    fn the_name_of_the_product_is_no_command() {
        for text in
            ["a lanyard process", "lanyard asks again", "/usr/bin/lanyard list", "give lanyard the secret", "lanyard "]
        {
            assert_eq!(with(text), text);
        }
    }

    #[test]
    fn a_directory_is_one_word_of_the_shell() {
        assert_eq!(quoted("/srv/lanyard-2"), "/srv/lanyard-2");
        assert_eq!(quoted("/my home/it's"), r"'/my home/it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
