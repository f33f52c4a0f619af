//! Tells webhooks what happened, and writes it down.

use jiff::Timestamp;
use lanyard_secret::SecretText;
use serde_json::{Value, json};

use crate::deliver::loopback;
use crate::random;
use crate::webex::{State as Everything, Webex};
use crate::world::{Delivery, Event, Happening, Hook, date, organisation_id, webex_id};

/// Puts a delivery into the queue for every webhook that wants to be told, and keeps what happened in messaging for `/events`.
pub(crate) fn announce(webex: &Webex, state: &Everything, event: &Event<'_>) {
    if event.resource != "serviceApp" {
        record(webex, state, event);
    }
    for hook in state.hooks.wanting(event, |account| webex_id("PEOPLE", account)) {
        let Some(target) = hook.target.parse().ok().filter(|target| loopback(target).is_some()) else { continue };
        let delivery = Delivery {
            hook: hook.id,
            target,
            body: envelope(hook, event).to_string(),
            secret: hook.secret.as_ref().map(|secret| SecretText::new(secret.expose_secret())),
        };
        webex.deliver(delivery);
    }
}

fn record(webex: &Webex, state: &Everything, event: &Event<'_>) {
    let Some(actor) = state.directory.account(event.actor) else { return };
    let now = webex.now();
    webex.happenings().add(Happening {
        id: random::uuid(&*webex.setting().entropy),
        resource: event.resource,
        deed: event.deed,
        actor: actor.id,
        organisation: actor.organisation,
        // As exact as it is shown, so that what was shown can be asked for.
        created: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
        data: event.data.clone(),
    });
}

/// The body of a delivery: the webhook, and the event. It has no text of a message; a receiver reads that through REST.
fn envelope(hook: &Hook, event: &Event<'_>) -> Value {
    let mut data = event.data.clone();
    if let Some(fields) = data.as_object_mut().filter(|_| event.resource == "messages") {
        for secret in ["text", "markdown", "html"] {
            fields.remove(secret);
        }
    }
    let mut body = json!({
        "id": webex_id("WEBHOOK", hook.id),
        "name": hook.name,
        "targetUrl": hook.target,
        "resource": event.resource,
        "event": event.deed,
        "orgId": organisation_id(hook.organisation),
        "createdBy": webex_id("PEOPLE", hook.owner),
        "appId": hook.app.as_ref().map(crate::world::application_id),
        "ownedBy": "creator",
        "status": if hook.active { "active" } else { "inactive" },
        "created": date(hook.created),
        "actorId": webex_id("PEOPLE", event.actor),
        "data": data,
    });
    if let Some(filter) = &hook.filter {
        body["filter"] = json!(filter);
    }
    body
}
