//! The holders of a token that Webex may still accept.

use jiff::Timestamp;
use lanyard_credential::Credential;
use lanyard_store::{Event, EventKind, JournalEntry};
use serde::{Deserialize, Serialize};

use crate::{Broker, Error};

operations![];

/// The programs that were handed a credential's present access token. Whatever is done here, each may use it until it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holders {
    /// They, each once; the one that asked last comes first.
    pub holders: Vec<Holder>,
    /// When the token expires; `None` if that is unknown.
    pub until: Option<Timestamp>,
    /// Whether older hand-outs were left out: there were too many.
    pub more: bool,
}

/// A caller that was handed a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The actor, as named in the audit, without the number of the process that asked.
    pub actor: String,
    /// How: `token`, or `exec` and the program's name.
    pub means: String,
    /// The last hand-out.
    pub last: Timestamp,
    /// How often.
    pub times: usize,
}

/// So many hand-outs are looked at. A program that asks each minute does so 20,000 times while a token lasts, and it is one holder.
const MOST: u32 = 50_000;

impl Broker {
    /// The holders of the credential's current access token, as far as the audit shows. None if there is no token, or it has expired.
    pub(crate) async fn holders(&self, credential: &Credential) -> Result<Holders, Error> {
        let none = Holders { holders: Vec::new(), until: None, more: false };
        let Some(validity) = &credential.validity else { return Ok(none) };
        if validity.access_has_ended(&validity.by_boot_clock(&self.clock.now())) {
            return Ok(none);
        }
        // Where the wall clock was set since, that of the token's making is not the one of the audit's entries.
        let mut made = None;
        for action in [EventKind::SignedIn, EventKind::Minted, EventKind::Rotated] {
            made = made.max(self.store.last(credential.id, action).await?);
        }
        let since = made.map_or(validity.obtained.wall, |made| made.min(validity.obtained.wall));
        let entries = self.store.hand_outs_since(credential.id, since, MOST).await?;
        Ok(Holders {
            more: entries.len() >= MOST as usize,
            holders: gathered(&entries, credential),
            until: validity.access_expires_at(),
        })
    }
}

fn gathered(entries: &[JournalEntry], credential: &Credential) -> Vec<Holder> {
    let mut holders: Vec<Holder> = Vec::new();
    for entry in entries {
        let Event::HandedOut { means, generation, times } = &entry.record.event else { continue };
        if *generation != credential.generation || !gives_away(means) {
            continue;
        }
        let times = usize::try_from(*times).unwrap_or(usize::MAX);
        let actor = without_process(&entry.record.actor);
        match holders.iter_mut().find(|holder| holder.actor == actor && holder.means == *means) {
            Some(holder) => holder.times = holder.times.saturating_add(times),
            None => {
                holders.push(Holder { actor: actor.to_owned(), means: means.clone(), last: entry.record.at, times });
            }
        }
    }
    holders
}

/// Whether the token left Lanyard. Calls through the proxy and those of `lanyard api` use it for a caller that never has it.
fn gives_away(means: &str) -> bool {
    !(means.starts_with("proxy ") || means.contains(", proxy ") || means.starts_with("api "))
}

/// "uid 1000" of "uid 1000 (lanyard, pid 4711)": a program that asks each minute is one holder.
fn without_process(actor: &str) -> &str {
    match actor.split_once(" (") {
        Some((who, process)) if process.contains("pid ") => who,
        _ => actor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_leaves_lanyard_is_given_away() {
        for (means, expected) in [
            ("token", true),
            ("exec api", true),
            ("exec curl", true),
            ("api GET devices", false),
            ("proxy GET people", false),
            ("exec curl, proxy GET people", false),
        ] {
            assert_eq!(gives_away(means), expected, "{means}");
        }
    }
}
