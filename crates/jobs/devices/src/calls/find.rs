//! The device that a person means.

use lanyard_operation::{Code, Problem};

use crate::calls::watched::Watched;
use crate::seen::Seen;

/// How a text names a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// By its whole name, its room, a number or its id.
    Exactly,
    /// So, or else it is the only one whose name contains the text.
    OrLike,
}

/// The device that a text means.
pub(crate) fn find<'a>(
    all: &'a [Watched],
    text: &str,
    meant: Meant,
) -> Result<(&'a Watched, &'a str, &'a Seen), Problem> {
    let every =
        || all.iter().flat_map(|watched| watched.devices.iter().map(move |(id, seen)| (watched, id.as_str(), seen)));
    let plain = text.trim().to_lowercase();
    let room = |watched: &Watched, seen: &Seen| watched.place_of(seen).map(|place| place.room.to_lowercase());
    let mut found: Vec<_> = every().filter(|(_, id, seen)| seen.facts.is_meant_by(id, text)).collect();
    if found.is_empty() && !plain.is_empty() {
        found = every().filter(|(watched, _, seen)| room(watched, seen).as_ref() == Some(&plain)).collect();
    }
    if meant == Meant::OrLike && found.is_empty() && !plain.is_empty() {
        let in_room = |watched: &Watched, seen: &Seen| room(watched, seen).is_some_and(|room| room.contains(&plain));
        let is_like = |watched, seen: &Seen| seen.facts.is_named_like(text) || in_room(watched, seen);
        found = every().filter(|(watched, _, seen)| is_like(watched, seen)).collect();
    }
    match &*found {
        [] => Err(Problem::new(Code::NoSuchName, format!("no watched device is called {text:?}"))
            .hint("give its name, serial number, MAC address or id, as in: lanyard devices list --all")),
        [one] => Ok(*one),
        several => {
            let mut names: Vec<_> = several
                .iter()
                .take(SHOWN)
                .map(|(watched, id, seen)| {
                    let which = seen.facts.serial.as_deref().unwrap_or(id);
                    let product = seen.facts.product.strip_prefix("Cisco ").unwrap_or(&seen.facts.product);
                    let product = if product.is_empty() { String::new() } else { format!("{product}, ") };
                    let location = watched.place_of(seen).and_then(|place| place.location.as_deref());
                    let location = location.map(|name| format!("{name}, ")).unwrap_or_default();
                    format!("{} ({}, {location}{product}{which})", seen.facts.name, watched.watch.name)
                })
                .collect();
            names.sort();
            let what = format!("{text:?} matches {} devices: {}", several.len(), names.join("; "));
            Err(Problem::new(Code::NoSuchName, what)
                .hint("give the serial number of the one that you mean, or --watch if several watches see it"))
        }
    }
}

/// How many matches are named.
const SHOWN: usize = 8;
