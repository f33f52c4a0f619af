//! Webhooks: who wants to be told what.

use jiff::Timestamp;
use lanyard_protocol::AppClientId;
use lanyard_secret::SecretText;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::shelf::Shelf;

#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) id: Uuid,
    pub(crate) owner: Uuid,
    pub(crate) organisation: Uuid,
    /// The app whose token made it.
    pub(crate) app: Option<AppClientId>,
    pub(crate) name: String,
    pub(crate) target: String,
    pub(crate) resource: String,
    pub(crate) event: String,
    pub(crate) filter: Option<String>,
    pub(crate) secret: Option<SecretText>,
    pub(crate) active: bool,
    pub(crate) created: Timestamp,
    /// Deliveries that failed since the last that did not.
    failures: u32,
}

/// Something that happened.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    /// Webex's words.
    pub(crate) resource: &'static str,
    pub(crate) deed: &'static str,
    pub(crate) actor: Uuid,
    /// The accounts that may receive the event.
    pub(crate) audience: &'a [Uuid],
    /// The thing as REST shows it, without the fields that only REST shows.
    pub(crate) data: Value,
}

/// A call of a webhook's target.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) hook: Uuid,
    pub(crate) target: Url,
    pub(crate) body: String,
    pub(crate) secret: Option<SecretText>,
}

/// All webhooks.
#[derive(Debug, Default)]
pub(crate) struct Hooks(Shelf<Hook>);

/// After so many failures in a row a webhook is switched off.
const MOST_FAILURES: u32 = 5;

/// How many webhooks an account may have.
pub(crate) const MOST_HOOKS: usize = 100;

impl Hook {
    /// An active one.
    #[expect(clippy::too_many_arguments, reason = "what a request names, and whose it is")]
    pub(crate) fn new(
        id: Uuid,
        owner: Uuid,
        organisation: Uuid,
        app: Option<AppClientId>,
        name: String,
        target: String,
        (resource, event): (String, String),
        created: Timestamp,
    ) -> Self {
        Self {
            id,
            owner,
            organisation,
            app,
            name,
            target,
            resource,
            event,
            filter: None,
            secret: None,
            active: true,
            created,
            failures: 0,
        }
    }

    /// Switches it on, and forgets what failed.
    pub(crate) fn revive(&mut self) {
        self.active = true;
        self.failures = 0;
    }

    /// Whether it wants to be told.
    fn wants(&self, event: &Event<'_>, owner: &str) -> bool {
        let is = |wanted: &str, word: &str| wanted == "all" || wanted == word;
        self.active
            && is(&self.resource, event.resource)
            && is(&self.event, event.deed)
            && event.audience.contains(&self.owner)
            && self.filter.as_deref().is_none_or(|filter| fits(filter, &event.data, owner))
    }
}

/// Every `name=value` of a filter holds; `me` is the owner.
fn fits(filter: &str, data: &Value, owner: &str) -> bool {
    form_urlencoded::parse(filter.as_bytes()).all(|(name, wanted)| {
        let wanted = if wanted == "me" { owner } else { &*wanted };
        match &data[&*name] {
            Value::String(value) => value == wanted,
            Value::Array(values) => values.iter().any(|value| value == wanted),
            Value::Bool(value) => value.to_string() == wanted,
            _ => false,
        }
    })
}

impl Hooks {
    pub(crate) fn put(&mut self, hook: Hook) {
        self.0.put(hook.id, hook);
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<&Hook> {
        self.0.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: Uuid) -> Option<&mut Hook> {
        self.0.get_mut(id)
    }

    pub(crate) fn take(&mut self, id: Uuid) -> Option<Hook> {
        self.0.take(id)
    }

    /// Takes away those of an account that is gone.
    pub(crate) fn forget(&mut self, owner: Uuid) {
        let own: Vec<Uuid> = self.of(owner).map(|hook| hook.id).collect();
        for id in own {
            self.0.take(id);
        }
    }

    pub(crate) fn of(&self, owner: Uuid) -> impl Iterator<Item = &Hook> {
        self.0.iter().filter(move |hook| hook.owner == owner)
    }

    /// Those that want to be told of something; `id` says how Webex writes an account.
    pub(crate) fn wanting<'s>(
        &'s self,
        event: &'s Event<'_>,
        id: impl Fn(Uuid) -> String + 's,
    ) -> impl Iterator<Item = &'s Hook> {
        self.0.iter().filter(move |hook| hook.wants(event, &id(hook.owner)))
    }

    /// Writes down how a delivery went.
    pub(crate) fn delivered(&mut self, id: Uuid, well: bool) {
        let Some(hook) = self.0.get_mut(id) else { return };
        hook.failures = if well { 0 } else { hook.failures + 1 };
        if hook.failures >= MOST_FAILURES {
            hook.active = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_filter_holds_as_a_whole_and_me_is_the_owner() {
        let data = json!({ "roomId": "R", "roomType": "group", "mentionedPeople": ["A", "B"], "isModerator": false });
        for (filter, expected) in [
            ("roomId=R", true),
            ("roomId=R&roomType=direct", false),
            ("mentionedPeople=me", true),
            ("mentionedPeople=C", false),
            ("isModerator=false", true),
            ("colour=red", false),
        ] {
            assert_eq!(fits(filter, &data, "B"), expected, "{filter}");
        }
    }

    #[test]
    fn a_webhook_that_fails_again_and_again_is_switched_off_until_it_is_revived() {
        let mut hooks = Hooks::default();
        let id = Uuid::from_u128(1);
        let words = ("messages".to_owned(), "created".to_owned());
        hooks.put(Hook::new(id, id, id, None, "n".into(), "t".into(), words, Timestamp::UNIX_EPOCH));
        for well in [false, false, false, false, true, false, false, false, false] {
            hooks.delivered(id, well);
        }
        assert!(hooks.get(id).unwrap().active);
        hooks.delivered(id, false);
        assert!(!hooks.get(id).unwrap().active);
        hooks.get_mut(id).unwrap().revive();
        hooks.delivered(id, false);
        assert!(hooks.get(id).unwrap().active);
    }
}
