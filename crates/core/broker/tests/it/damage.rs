//! Rows that cannot be read, and everything else, which goes on.

use std::process::Command;
use std::time::Duration;

use lanyard_broker::{List, Refresh, RefresherOptions, Taken};
use lanyard_protocol::Method;
use lanyard_simulator::{Options, RefreshBehaviour};
use lanyard_store::{About, Event, JournalRecord};
use lanyard_time::Clock as _;
use serde_json::json;

use crate::world::{Call as _, World};

const DAY: Duration = Duration::from_hours(24);

/// Columns as an attacker, a repair by hand or a bad disk could leave them in a row.
const DAMAGES: [&str; 7] = [
    "kind = 'bot'",
    "access_lifetime = -1",
    "standing = 'stalled', trouble_kind = 'of-a-newer-version'",
    "standing = 'needs-login', trouble_kind = NULL",
    "environment = 'no address'",
    "created_at = 9223372036854775807",
    "scopes = x'ff'",
];

#[tokio::test]
async fn a_row_that_cannot_be_read_concerns_nothing_but_itself() {
    for damage in DAMAGES {
        let world = World::new(Options::default()).await;
        let (good, bad) = (world.grant("good", 14 * DAY).await, world.grant("bad", 14 * DAY).await);
        let hand_outs = world.hand_outs().await;
        let running = world.renew(RefresherOptions::default());
        running.quiet(&world.clock).await;

        world.sql(&format!("UPDATE credentials SET {damage} WHERE id = '{}'", bad.id));
        // The journal tells only of the store's own changes.
        let touched = JournalRecord {
            at: world.clock.now().wall,
            about: About::credential(&bad.id, &bad.name),
            actor: "test".to_owned(),
            event: Event::RetryAllowed {},
        };
        world.broker.store().append(&touched).await.unwrap();
        hand_outs.catch_up().await.unwrap();
        running.refresher.changed([bad.id]);
        let now = hand_outs.now();
        assert!(matches!(hand_outs.take("good", Duration::ZERO, &now), Ok(Taken::Good(_))), "{damage}");

        assert_eq!(world.broker.call(List).await.unwrap().len(), 1, "{damage}");
        let named = world.broker.store().unreadable_credentials().await.unwrap();
        assert!(named.len() == 1 && named[0].to_string().contains("bad"), "{damage}: {named:?}");
        let again = world.hand_outs().await;
        let now = again.now();
        assert!(matches!(again.take("good", Duration::ZERO, &now), Ok(Taken::Good(_))), "{damage}");

        world.pass(12 * DAY, 12 * DAY, &[&running]).await;
        assert_eq!(world.now(&good).await.generation.number(), 2, "{damage}");
        running.stop().await;
    }
}

#[tokio::test]
async fn a_good_answer_is_kept_although_its_row_was_damaged_while_webex_was_asked() {
    for damage in DAMAGES {
        let world = World::new(Options { refresh: RefreshBehaviour::RotateStrict, ..Options::default() }).await;
        let credential = world.grant("acme", 14 * DAY).await;
        world.fault(Some(1), json!({ "delay_after_ms": 5000 })).await;
        let broker = world.broker.clone();
        let name = credential.name.clone();
        let asked =
            tokio::spawn(
                async move { broker.call(Refresh { name, force: true, take_over: false, expected: None }).await },
            );
        while world.refreshes().await.is_empty() {}
        world.sql(&format!("UPDATE credentials SET {damage} WHERE id = '{}'", credential.id));
        world.advance(Duration::from_secs(5));
        let _ = asked.await.unwrap();

        // The row has the tokens of the answer once it is repaired, and nothing was revoked at Webex.
        // What the seal leaves out, the answer itself has repaired.
        if !damage.starts_with("access_lifetime") {
            world.sql(&format!(
                "UPDATE credentials SET standing = 'active', trouble_kind = NULL, environment = '{}', created_at = {}, scopes = NULL, \
                 kind = 'service-app'",
                world.environment().id(),
                credential.created_at.as_millisecond()
            ));
        }
        let record = world.control(Method::GET, "/record", None).await;
        let revoked = record.as_array().unwrap().iter().any(|call| call["path"].as_str().unwrap().contains("revoke"));
        assert!(!revoked, "{damage}: {record}");
        if damage.starts_with("environment") {
            // The environment is part of what the row is sealed for: nothing can be put into it any more.
            continue;
        }
        let again = world
            .broker
            .call(Refresh { name: credential.name.clone(), force: true, take_over: false, expected: None })
            .await;
        assert!(again.is_ok(), "{damage}: {again:?}");
        assert_eq!(world.refreshes().await.len(), 2, "{damage}");
    }
}

impl World {
    /// Writes into the database as another program does.
    pub(crate) fn sql(&self, statement: &str) {
        let done = Command::new("sqlite3").arg(self.database()).arg(statement).status().expect("sqlite3(1) is here");
        assert!(done.success(), "{statement}");
    }
}

#[tokio::test]
async fn a_broker_tells_that_the_journal_lacks_what_it_saw_and_hands_out_all_the_same() {
    let world = World::new(Options::default()).await;
    world.grant("acme", 14 * DAY).await;
    let hand_outs = world.hand_outs().await;
    hand_outs.catch_up().await.unwrap();
    assert_eq!(hand_outs.lost_history(), None);
    let seen = world.broker.store().journal_end().await.unwrap().number;
    world.sql("DELETE FROM journal WHERE number = (SELECT MAX(number) FROM journal)");
    world.sql(
        "UPDATE journal_head SET number = number - 1, mac = (SELECT mac FROM journal ORDER BY number DESC LIMIT 1)",
    );
    for _ in 0..2 {
        hand_outs.catch_up().await.unwrap();
        assert_eq!(hand_outs.lost_history().map(|lost| lost.number), Some(seen));
        assert!(matches!(hand_outs.take("acme", Duration::ZERO, &hand_outs.now()), Ok(Taken::Good(_))));
    }
}
