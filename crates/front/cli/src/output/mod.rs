//! Output for people and for programs.
//!
//! Everything that is printed passes through here, where text of foreign origin is made [visible]: no name from Webex moves the
//! cursor, sets the clipboard, forges a row, or reads as another name. Only what a program asked for byte for byte, on a pipe, is
//! written as it is.

pub(crate) mod client;
pub(crate) mod credential;
pub(crate) mod duration;
pub(crate) mod foreign;
pub(crate) mod holders;
pub(crate) mod json;
pub(crate) mod log;
pub(crate) mod pasted;
pub(crate) mod style;
pub(crate) mod table;

use std::io::{ErrorKind, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use lanyard_operation::Problem;
use lanyard_protocol::{visible, visible_json};

use self::table::Block;
use crate::exit::Failure;

/// Prints a line on stdout. A reader that stopped reading is not a failure.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    write(&visible(text))
}

/// Prints a line that begins with a mark (`ok`, `!!`, `?`), which has its colour on a terminal.
pub(crate) fn finding(text: &str) -> Result<(), Failure> {
    write(&style::finding(&visible(text)))
}

/// Prints a line of the demo's story; its headings and its marks have their colours on a terminal.
pub(crate) fn story(text: &str) -> Result<(), Failure> {
    write(&style::story(&visible(text)))
}

/// Prints a table, or facts.
pub(crate) fn block(block: &Block) -> Result<(), Failure> {
    write(&block.to_string())
}

/// Prints a document that a program reads, byte for byte: its text of foreign origin was made harmless by what wrote it.
pub(crate) fn exactly(document: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    written(out.write_all(document.as_bytes()).and_then(|()| out.flush()))
}

/// Prints text that is visible already, and painted; the colours go where stdout is not a terminal.
fn write(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()))
}

/// Judges a write to standard output. A reader that stopped, as `head` does, has what it wanted: the write counts as done, and
/// the command's outcome and exit code stay what its work makes them.
pub(crate) fn written(result: std::io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            READER_GONE.store(true, Ordering::Relaxed);
            Ok(())
        }
        result => result.map_err(Failure::io("cannot write to standard output")),
    }
}

/// Whether the reader of standard output has stopped reading.
pub(crate) fn reader_gone() -> bool {
    READER_GONE.load(Ordering::Relaxed)
}

static READER_GONE: AtomicBool = AtomicBool::new(false);

/// Says something beside the data, on stderr: one line. Commands in it can be pasted.
pub(crate) fn note(text: &str) {
    aside(&style::note(&visible(&pasted::for_this_home(text))));
}

/// Warns of rows that are in no list, because they cannot be read.
pub(crate) fn unreadable(rows: &[Problem]) {
    for row in rows {
        note(&format!("warning: not listed, because its row cannot be read: {row}"));
        if let Some(hint) = row.next_step() {
            note(&format!("hint: {hint}"));
        }
    }
}

/// Shows an address on stderr, on a line of its own, to be copied or opened.
pub(crate) fn address(url: &impl std::fmt::Display) {
    aside("");
    aside(&format!("  {}", visible(&url.to_string())));
    aside("");
}

/// Writes JSON on stderr, on one line.
pub(crate) fn json_note(json: &serde_json::Value) {
    aside(&visible_json(&json.to_string()));
}

/// Ignores write errors: a report of them could not be read.
fn aside(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}
