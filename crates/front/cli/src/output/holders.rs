//! The holders of a token, and the credentials that depend on another.

use lanyard_broker::Holders;
use lanyard_credential::CredentialName;
use serde_json::{Value, json};

/// Lists the holders on stderr; prints nothing if there are none.
pub(crate) fn note(holders: &Holders) {
    if holders.holders.is_empty() {
        return;
    }
    let until =
        super::json::time(holders.until).unwrap_or_else(|| "it expires, and Webex does not say when".to_owned());
    super::note(&format!("its token was handed out, and can be used until {until}:"));
    for holder in &holders.holders {
        let times = if holder.times == 1 { String::new() } else { format!(", {} times", holder.times) };
        super::note(&format!("  {}: {}, last at {:.0}{times}", holder.actor, holder.means, holder.last));
    }
    if holders.more {
        super::note("  and earlier ones, in the audit");
    }
}

/// The holders in JSON.
pub(crate) fn json(holders: &Holders) -> Value {
    let all: Vec<_> = holders
        .holders
        .iter()
        .map(|holder| {
            json!({
                "actor": holder.actor,
                "means": holder.means,
                "last": super::json::time(Some(holder.last)),
                "times": holder.times,
                "until": super::json::time(holders.until),
            })
        })
        .collect();
    Value::Array(all)
}

/// Says which credentials are minted through one that is going; nothing where none is.
pub(crate) fn minted(through: &[CredentialName]) {
    if !through.is_empty() {
        let names: Vec<_> = through.iter().map(CredentialName::as_str).collect();
        super::note(&format!("warning: these credentials cannot be renewed without it: {}", names.join(", ")));
    }
}

/// The names in JSON.
pub(crate) fn names(through: &[CredentialName]) -> Value {
    through.iter().map(CredentialName::as_str).collect()
}
