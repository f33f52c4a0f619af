//! What a person, or a program, reads.

pub(crate) mod client;
pub(crate) mod credential;
pub(crate) mod duration;
pub(crate) mod holders;
pub(crate) mod json;
pub(crate) mod log;
pub(crate) mod pasted;
pub(crate) mod table;

use std::io::{ErrorKind, Write as _};

use crate::exit::Failure;

/// Prints a line on stdout. A reader that went away ends the command quietly.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()).map_err(unwritten)
}

/// Why standard output could not be written. That nobody reads it any more is no failure.
pub(crate) fn unwritten(source: std::io::Error) -> Failure {
    match source.kind() {
        ErrorKind::BrokenPipe => Failure::Unread,
        _ => Failure::io("cannot write to standard output")(source),
    }
}

/// Says something beside the data, on stderr. Whoever does not want to hear it does not. Commands in it can be pasted.
pub(crate) fn note(text: &str) {
    verbatim(&pasted::for_this_home(text));
}

/// The same, letter by letter.
pub(crate) fn verbatim(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
