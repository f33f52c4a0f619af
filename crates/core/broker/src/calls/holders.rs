//! Who was given a token that Webex may still accept.

use jiff::Timestamp;
use lanyard_credential::{Credential, Generation};
use lanyard_store::{AuditAction, AuditEntry};
use serde::{Deserialize, Serialize};

use crate::{Broker, Error};

/// The programs that were handed a credential's present access token. Whatever is done here, each may use it until it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holders {
    /// They, each once; the one that asked last comes first.
    pub holders: Vec<Holder>,
    /// When the token ends by itself; `None` where that is unknown.
    pub until: Option<Timestamp>,
    /// Whether older hand-outs were left out: there were too many.
    pub more: bool,
}

/// Somebody who was handed a token.
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
    /// Who holds the credential's present access token, as far as the audit knows. Nobody where there is none, or none that lasts.
    pub(crate) async fn holders(&self, credential: &Credential) -> Result<Holders, Error> {
        let none = Holders { holders: Vec::new(), until: None, more: false };
        let Some(validity) = &credential.validity else { return Ok(none) };
        if validity.access_has_ended(&validity.by_boot_clock(&self.clock.now())) {
            return Ok(none);
        }
        // Where the wall clock was set since, that of the token's making is not the one of the audit's entries.
        let mut made = None;
        for action in [AuditAction::SignedIn, AuditAction::Minted, AuditAction::Rotated] {
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

fn gathered(entries: &[AuditEntry], credential: &Credential) -> Vec<Holder> {
    let mut holders: Vec<Holder> = Vec::new();
    for entry in entries {
        let Some(handed) = Handed::read(&entry.record.detail) else { continue };
        if handed.generation != credential.generation || !handed.gives_away() {
            continue;
        }
        let actor = without_process(&entry.record.actor);
        match holders.iter_mut().find(|holder| holder.actor == actor && holder.means == handed.means) {
            Some(holder) => holder.times += handed.times,
            None => holders.push(Holder {
                actor: actor.to_owned(),
                means: handed.means.to_owned(),
                last: entry.record.at,
                times: handed.times,
            }),
        }
    }
    holders
}

/// The detail of a hand-out in the audit, in its parts: "token, generation 4", or "token, generation 4, 12 times" where a broker wrote down several
/// at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handed<'a> {
    /// How it was handed out: `token`, `exec` with the program, `proxy` or `api` with the method and the first segment.
    pub means: &'a str,
    /// The generation of the token.
    pub generation: Generation,
    /// How often, within the time that one record covers.
    pub times: usize,
}

impl<'a> Handed<'a> {
    /// Reads a record's detail; `None` if it is not that of a hand-out.
    pub fn read(detail: &'a str) -> Option<Self> {
        // From the end: the name of a program that was given the token may be anything.
        let (means, rest) = detail.rsplit_once(", generation ")?;
        let (generation, times) = match rest.split_once(", ") {
            None => (rest, 1),
            Some((generation, times)) => (generation, times.strip_suffix(" times")?.parse().ok()?),
        };
        Some(Self { means, generation: Generation::new(generation.parse().ok()?), times })
    }

    /// Whether the token left Lanyard. Calls through the proxy and those of `lanyard api` use it for a caller that never has it.
    fn gives_away(&self) -> bool {
        !(self.means.starts_with("proxy ") || self.means.contains(", proxy ") || self.means.starts_with("api "))
    }
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
    fn what_was_handed_out_is_read_as_it_was_written() {
        let handed = |means, generation, times| Some(Handed { means, generation: Generation::new(generation), times });
        for (detail, expected) in [
            ("token, generation 4", handed("token", 4, 1)),
            ("token, generation 4, 12 times", handed("token", 4, 12)),
            ("exec a, generation 9, generation 4", handed("exec a, generation 9", 4, 1)),
            ("token", None),
            ("token, generation", None),
            ("token, generation 4, often", None),
            ("token, generation four", None),
        ] {
            assert_eq!(Handed::read(detail), expected, "{detail}");
        }
    }

    #[test]
    fn only_what_leaves_lanyard_is_given_away() {
        for (detail, expected) in [
            ("token, generation 4", true),
            ("exec api, generation 4", true),
            ("exec curl, generation 4", true),
            ("api GET devices, generation 4", false),
            ("proxy GET people, generation 4", false),
            ("exec curl, proxy GET people, generation 4", false),
        ] {
            assert_eq!(Handed::read(detail).map(|handed| handed.gives_away()), Some(expected), "{detail}");
        }
    }
}
