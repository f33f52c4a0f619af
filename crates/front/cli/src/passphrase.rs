//! Passphrases from a terminal.

use std::io::{self, IsTerminal as _};
use std::sync::OnceLock;

use lanyard_vault::Passphrase;

use crate::hidden;

/// The passphrase that was typed for the home's current key: one command asks once.
static PRESENT: OnceLock<Passphrase> = OnceLock::new();

/// Asks for the passphrase of the home's key; `None` where there is no terminal.
pub(crate) fn present() -> io::Result<Option<Passphrase>> {
    if let Some(known) = PRESENT.get() {
        return Ok(Some(known.clone()));
    }
    let asked = ask("passphrase of the home's key (not shown): ")?;
    Ok(asked.map(|passphrase| PRESENT.get_or_init(|| passphrase).clone()))
}

/// Asks for a new passphrase, twice; `None` where there is no terminal.
pub(crate) fn new() -> io::Result<Option<Passphrase>> {
    let first = ask(&format!("new passphrase, at least {} characters (not shown): ", Passphrase::SHORTEST))?;
    let Some(first) = first else { return Ok(None) };
    if !first.is_long_enough() {
        // It is refused by whoever is given it, before it is typed again.
        return Ok(Some(first));
    }
    match ask("the same again: ")? {
        Some(second) if second.matches(&first) => Ok(Some(first)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "the two are not the same")),
    }
}

fn ask(prompt: &str) -> io::Result<Option<Passphrase>> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    Ok(Some(Passphrase::new(&hidden::line(prompt)?)))
}
