//! Clients in words.

use jiff::Timestamp;
use lanyard_broker::{Holding, ShownClient};
use lanyard_credential::Granted;
use lanyard_protocol::OrgId;

use super::table::{self, Block};

/// So many credentials are named in a row of a table.
const NAMED: usize = 3;

/// "token, proxy with acme, lobby, until 2027-01-31T18:00:00Z".
pub(crate) fn summary(shown: &ShownClient) -> String {
    let until = match shown.client.expires_at {
        Some(end) => format!(", until {end:.0}"),
        None => String::new(),
    };
    format!("{} with {}{until}", may(shown), with(shown))
}

/// One row for each, laid out for a terminal of that width; `None` is as wide as they need to be.
pub(crate) fn list(clients: &[ShownClient], now: Timestamp, room: Option<usize>) -> Block {
    let rows = clients
        .iter()
        .map(|shown| {
            let client = &shown.client;
            vec![
                client.name.to_string(),
                may(shown),
                with(shown),
                known_by(shown),
                match client.expires_at {
                    None => "never".to_owned(),
                    Some(_) if client.has_expired(now) => "expired".to_owned(),
                    Some(end) => table::day(end, room),
                },
                shown.last_used.map_or_else(|| "never".to_owned(), |at| used(at, room)),
                held(shown, room),
            ]
        })
        .collect();
    table::within(&["NAME", "MAY", "WITH", "KNOWN BY", "EXPIRES", "LAST USED", "HOLDS TOKENS OF"], rows, room)
}

/// Everything about one.
pub(crate) fn show(shown: &ShownClient, now: Timestamp) -> Block {
    let client = &shown.client;
    let mut rows = vec![("name", client.name.to_string()), ("id", client.id.to_string())];
    rows.extend(client.capabilities.iter().map(|capability| ("may", capability.to_string())));
    match &client.credentials {
        Granted::All => rows.push(("with", "every credential".to_owned())),
        Granted::Only(_) if shown.credentials.is_empty() => {
            rows.push(("with", "none: all of its credentials were cleared, so every request is refused".to_owned()));
        }
        Granted::Only(_) => rows.extend(shown.credentials.iter().map(|name| ("with", name.to_string()))),
    }
    rows.push(("methods", client.methods.map_or_else(|| "any".to_owned(), |methods| methods.to_string())));
    match &client.paths {
        None => rows.push(("paths", "any that exposes no credential".to_owned())),
        Some(paths) => rows.extend(paths.iter().map(|path| ("paths", path.to_string()))),
    }
    rows.push(("organisation", client.org.as_ref().map_or("any", OrgId::as_str).to_owned()));
    rows.push((
        "expires",
        match client.expires_at {
            None => "never".to_owned(),
            Some(end) if client.has_expired(now) => format!("{end:.0}: every request is refused"),
            Some(end) => format!("{end:.0}"),
        },
    ));
    rows.push(("known by", known_by(shown)));
    rows.push(("added", format!("{:.0}", client.created_at)));
    rows.push(("last used", shown.last_used.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}"))));
    rows.extend(shown.holds.iter().map(|one| ("holds", holding(one))));
    table::facts(&rows)
}

/// "the token of acme, generation 4, until 2027-01-31T18:00:00Z, handed out last at 2027-01-30T17:00:00Z".
pub(crate) fn holding(holding: &Holding) -> String {
    let until = match holding.until {
        Some(end) if holding.replaced => format!("replaced, but valid until {end:.0} at most"),
        Some(end) => format!("until {end:.0}"),
        None => "until an unknown time".to_owned(),
    };
    format!(
        "a token of {}, generation {}, {until}; handed out last at {:.0}",
        holding.credential, holding.generation, holding.last
    )
}

fn may(shown: &ShownClient) -> String {
    shown.client.capabilities.iter().map(|capability| capability.to_string()).collect::<Vec<_>>().join(", ")
}

fn with(shown: &ShownClient) -> String {
    match &shown.client.credentials {
        Granted::All => "every credential".to_owned(),
        Granted::Only(_) if shown.credentials.is_empty() => "none (all were cleared)".to_owned(),
        Granted::Only(_) => few(shown.credentials.iter().map(ToString::to_string).collect()),
    }
}

fn held(shown: &ShownClient, room: Option<usize>) -> String {
    let mut names: Vec<_> = shown.holds.iter().map(|holding| holding.credential.to_string()).collect();
    names.dedup();
    let until = shown.holds.iter().map(|holding| holding.until).max_by_key(|end| end.unwrap_or(Timestamp::MAX));
    match until {
        None => "-".to_owned(),
        Some(Some(end)) => format!("{}, until {}", few(names), table::day(end, room)),
        Some(None) => format!("{}, until an unknown time", few(names)),
    }
}

/// When it was last used. The other columns need the room on a narrow terminal.
fn used(at: Timestamp, room: Option<usize>) -> String {
    table::moment(at, room.map(|room| if room < table::WIDE { 0 } else { room }))
}

fn known_by(shown: &ShownClient) -> String {
    match shown.client.uid {
        Some(uid) => format!("uid {uid}"),
        None => "key".to_owned(),
    }
}

fn few(mut names: Vec<String>) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    if names.len() > NAMED {
        let more = names.split_off(NAMED).len();
        names.push(format!("{more} more"));
    }
    names.join(", ")
}
