//! Who still holds a token.

use lanyard_broker::Holders;
use serde_json::{Value, json};

/// Says it on stderr; nothing where nobody does.
pub(crate) fn note(holders: &Holders) {
    if holders.holders.is_empty() {
        return;
    }
    let until = super::json::time(holders.until).unwrap_or_else(|| "it ends, and Webex does not say when".to_owned());
    super::note(&format!("its token was handed out before, and can be used until {until}:"));
    for holder in &holders.holders {
        let times = if holder.times == 1 { String::new() } else { format!(", {} times", holder.times) };
        super::note(&format!("  {}: {}, last at {:.0}{times}", holder.actor, holder.means, holder.last));
    }
    if holders.more {
        super::note("  and earlier ones, in the audit");
    }
}

/// The same for a program.
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
