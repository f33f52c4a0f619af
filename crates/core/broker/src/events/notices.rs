//! Entries of the journal as notices.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use lanyard_channel::{AlertState, Notice, NoticeCredential, NoticeData, NoticeId, NoticeType, Severity};
use lanyard_credential::{CredentialId, CredentialName, Kind};
use lanyard_store::{Event, JournalEntry, JournalRecord, Store, StoreError};
use serde_json::{Map, Value, json};

/// Makes notices of the journal's entries. It keeps the credentials that it has looked up, so a new one is made for each page.
#[derive(Debug)]
pub(crate) struct Notices<'a> {
    store: &'a Store,
    source: String,
    link: Option<&'a str>,
    known: HashMap<CredentialId, Option<Facts>>,
}

/// A credential's kind and labels.
type Facts = (Kind, BTreeMap<String, String>);

impl<'a> Notices<'a> {
    /// `link` is the address of the console.
    pub(crate) async fn new(store: &'a Store, link: Option<&'a str>) -> Result<Self, StoreError> {
        let source = source(store).await?;
        Ok(Self { store, source, link, known: HashMap::new() })
    }

    /// The notice of an entry; `None` if the entry is not an event for people.
    pub(crate) async fn of(&mut self, entry: &JournalEntry) -> Result<Option<Notice>, StoreError> {
        let Some((kind, mut data)) = told(&entry.record) else { return Ok(None) };
        if let Some((id, name)) = entry.record.about.as_credential() {
            data.credential = self.credential(*id, name).await?;
        }
        data.link = self.link.map(str::to_owned);
        let id = id_of(entry);
        Ok(Some(Notice::new(id, self.source.clone(), kind, entry.record.at, data)))
    }

    async fn credential(
        &mut self,
        id: CredentialId,
        name: &CredentialName,
    ) -> Result<Option<NoticeCredential>, StoreError> {
        if !self.known.contains_key(&id) {
            let found = self.facts(id).await?;
            self.known.insert(id, found);
        }
        let known = self.known.get(&id).cloned().flatten();
        Ok(known.map(|(kind, labels)| NoticeCredential { id, name: name.clone(), kind, labels }))
    }

    /// The kind and the labels of a credential; of a deleted one, those that it had in the end.
    async fn facts(&self, id: CredentialId) -> Result<Option<Facts>, StoreError> {
        match self.store.credential_by_id(id).await {
            Ok(Some(credential)) => return Ok(Some((credential.kind, credential.labels))),
            Ok(None) => {}
            Err(error) if error.is_of_one_row() => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(match self.store.deletion(id).await?.map(|entry| entry.record.event) {
            Some(Event::Cleared { kind, labels } | Event::Removed { kind, labels }) => {
                kind.parse().ok().map(|kind| (kind, labels))
            }
            _ => None,
        })
    }
}

/// The source of a home's events.
pub(crate) async fn source(store: &Store) -> Result<String, StoreError> {
    let id = store.home_keys().await?.id;
    Ok(format!("urn:lanyard:home:{}", id.as_deref().unwrap_or("unnamed")))
}

/// An id that no other entry of any home has, and that is the same whichever broker delivers it.
fn id_of(entry: &JournalEntry) -> NoticeId {
    let mac: String = entry.mac.chars().take(MAC_DIGITS).collect();
    format!("{}-{mac}", entry.number).parse().expect("digits and a dash are an id")
}

/// The digits of an entry's mac in its id: 96 bits.
const MAC_DIGITS: usize = 24;

/// The type of a record's notice, and its text.
pub(super) fn told(record: &JournalRecord) -> Option<(NoticeType, NoticeData)> {
    let name = record.about.as_credential().map(|(_, name)| name.as_str()).unwrap_or_default();
    match &record.event {
        Event::Alert { state, was, expires_at, why } => alert(name, state, was.as_deref(), *expires_at, why.as_deref()),
        Event::SignedIn { .. } => {
            let data = NoticeData::new(
                format!("{name} was given a new sign-in or a new token by {}.", record.actor),
                Severity::Info,
            );
            Some((NoticeType::CREDENTIAL_AUTHORISED, data))
        }
        Event::AccessEnded { lasted_seconds, .. } => {
            let what = format!("Webex revoked a token of {name} before it expired. Lanyard is renewing it.");
            let details = object(json!({ "lasted_seconds": lasted_seconds }));
            Some((NoticeType::CREDENTIAL_REVOKED, NoticeData { details, ..NoticeData::new(what, Severity::Warning) }))
        }
        Event::Cleared { kind, .. } => {
            let outcome = match kind.parse() {
                Ok(Kind::Integration | Kind::ServiceApp | Kind::WorkspaceIntegration) => {
                    "its tokens were revoked or are being revoked"
                }
                // Webex revokes a token for the app that it belongs to.
                _ => "its token may still be valid, because Lanyard cannot revoke it",
            };
            let what = format!("{name} was cleared by {}: {outcome}.", record.actor);
            Some((NoticeType::CREDENTIAL_REVOKED, NoticeData::new(what, Severity::Info)))
        }
        Event::KeyRotated { key, next, kept_in, .. } => {
            let what = format!("The home's key was replaced by {}. Back up the new key.", record.actor);
            let details = object(json!({ "key": next, "before": key, "kept_in": kept_in }));
            Some((NoticeType::KEY_CHANGED, NoticeData { details, ..NoticeData::new(what, Severity::Warning) }))
        }
        Event::ChannelFailing { name, why } => {
            let what = format!("Events do not arrive through the channel {name}: {why}.");
            let data = NoticeData {
                state: AlertState::Firing,
                hint: Some(format!("lanyard channel test {name}")),
                details: object(json!({ "channel": name, "reason": why })),
                ..NoticeData::new(what, Severity::Critical)
            };
            Some((NoticeType::CHANNEL_FAILING, data))
        }
        Event::ChannelRecovered { name } => {
            let data = NoticeData {
                state: AlertState::Resolved,
                details: object(json!({ "channel": name })),
                ..NoticeData::new(format!("Events arrive through the channel {name} again."), Severity::Info)
            };
            Some((NoticeType::CHANNEL_RECOVERED, data))
        }
        Event::JobAlert { news, state, severity, summary, hint, details, .. } => {
            // A word of another version is no event here.
            let kind = format!("lanyard.{news}").parse().ok()?;
            let data = NoticeData {
                state: match &**state {
                    "firing" => AlertState::Firing,
                    "resolved" => AlertState::Resolved,
                    _ => AlertState::None,
                },
                hint: hint.clone(),
                details: details.clone().into_iter().collect(),
                ..NoticeData::new(summary.clone(), Severity::of(severity).unwrap_or(Severity::Info))
            };
            Some((kind, data))
        }
        _ => None,
    }
}

fn alert(
    name: &str,
    state: &str,
    was: Option<&str>,
    expires_at: Option<Timestamp>,
    why: Option<&str>,
) -> Option<(NoticeType, NoticeData)> {
    let reason = why.map(|why| format!(" Reason: {}.", why.trim_end_matches('.'))).unwrap_or_default();
    let details = object(json!({ "was": was, "expires_at": expires_at, "reason": why }));
    let firing = |severity, what: String, hint: String| NoticeData {
        state: AlertState::Firing,
        hint: Some(hint),
        details: details.clone(),
        ..NoticeData::new(what, severity)
    };
    Some(match state {
        "expiring" => {
            let when = expires_at.map(|at| format!(" at {at:.0}")).unwrap_or_default();
            let what = format!("The token of {name} expires{when}, and Lanyard cannot renew it.{reason}");
            (NoticeType::CREDENTIAL_EXPIRING, firing(Severity::Warning, what, format!("lanyard show {name}")))
        }
        "stalled" => {
            let what = format!("Renewals of {name} are failing.{reason}");
            (NoticeType::CREDENTIAL_STALLED, firing(Severity::Warning, what, format!("lanyard test {name}")))
        }
        "needs-login" => {
            let what = format!("{name} needs a new sign-in or a new token, because Lanyard cannot renew it.{reason}");
            (NoticeType::CREDENTIAL_NEEDS_LOGIN, firing(Severity::Critical, what, format!("lanyard show {name}")))
        }
        "recovered" => {
            let what = match why {
                Some(why) => format!("{name} no longer needs attention: {why}."),
                None => format!("{name} works again."),
            };
            let data = NoticeData { state: AlertState::Resolved, details, ..NoticeData::new(what, Severity::Info) };
            (NoticeType::CREDENTIAL_RECOVERED, data)
        }
        "authorised" => {
            let what = format!("{name} is authorised and has its first token.");
            (NoticeType::CREDENTIAL_AUTHORISED, NoticeData { details, ..NoticeData::new(what, Severity::Info) })
        }
        "client-refused" => {
            let what = format!("A request was refused: {}.", why.unwrap_or_default());
            // It is no alert: nothing would end it.
            let hint = Some("lanyard audit --since 1h".to_owned());
            (NoticeType::CLIENT_REFUSED, NoticeData { hint, details, ..NoticeData::new(what, Severity::Warning) })
        }
        "backup-too-old" => {
            let what = match why {
                None => "The audit has no record of a backup of the home.".to_owned(),
                Some(why) => format!("The latest backup of the home is too old: {why}."),
            };
            (NoticeType::BACKUP_TOO_OLD, firing(Severity::Warning, what, "lanyard backup FILE".to_owned()))
        }
        "backed-up" => {
            let data = NoticeData {
                state: AlertState::Resolved,
                ..NoticeData::new("The latest backup of the home is no longer too old.", Severity::Info)
            };
            (NoticeType::BACKUP_TOO_OLD, data)
        }
        _ => return None,
    })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}
