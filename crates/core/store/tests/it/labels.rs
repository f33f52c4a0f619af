//! Labels, and to whom tokens were handed out.

use std::time::Duration;

use lanyard_credential::{Label, LabelKey};
use lanyard_store::{About, AuditVerdict, Event, EventKind, JournalRecord};

use super::world::World;

fn label(text: &str) -> Label {
    text.parse().unwrap()
}

#[tokio::test]
async fn labels_are_replaced_one_by_one_and_written_down() {
    let world = World::new().await;
    let acme = world.signed_in().await;
    let team: LabelKey = "team".parse().unwrap();
    assert!(acme.labels.contains_key("team"));
    assert!(world.store.change_labels(acme.id, &[team], &[label("site=Zürich & Bern"), label("a=")]).await.unwrap());
    assert!(world.store.change_labels(acme.id, &[], &[label("a=1")]).await.unwrap());
    let labels = world.store.credential_by_id(acme.id).await.unwrap().unwrap().labels;
    let expected = [("a", "1"), ("site", "Zürich & Bern")];
    assert_eq!(labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect::<Vec<_>>(), expected);
    let entry = world.store.audit(1).await.unwrap().remove(0).record;
    assert_eq!((entry.event.kind(), &*entry.event.to_string()), (EventKind::Labelled, "a=1"));

    let before = world.store.audit(100).await.unwrap().len();
    assert!(world.store.change_labels(acme.id, &[], &[label("a=1")]).await.unwrap());
    assert_eq!(world.store.audit(100).await.unwrap().len(), before, "nothing changed, nothing is written");
    assert!(matches!(world.store.verify_audit(&[]).await.unwrap(), AuditVerdict::Intact(_)));

    world.store.remove_credential(acme.id).await.unwrap();
    assert!(!world.store.change_labels(acme.id, &[], &[label("a=2")]).await.unwrap());
}

async fn append(world: &World, about: About, event: Event) {
    let record = JournalRecord { at: world.now().wall, about, actor: "uid 1".to_owned(), event };
    world.store.append(&record).await.unwrap();
}

#[tokio::test]
async fn the_hand_outs_of_one_credential_are_read_newest_first_and_bounded() {
    let world = World::new().await;
    let acme = world.signed_in().await;
    let handed_out = async |means: &str, id| {
        let event = Event::HandedOut { means: means.to_owned(), generation: acme.generation, times: 1 };
        append(&world, About::credential(&id, &acme.name), event).await;
    };
    handed_out("early", acme.id).await;
    world.clock.advance(Duration::from_secs(10));
    let since = world.now().wall;
    for means in ["first", "second"] {
        handed_out(means, acme.id).await;
        world.clock.advance(Duration::from_secs(1));
    }
    let refused = Event::Refused { means: "token".to_owned(), why: "no".to_owned(), times: 1 };
    append(&world, About::credential(&acme.id, &acme.name), refused).await;
    handed_out("another's", lanyard_credential::CredentialId::random(&lanyard_time::SystemEntropy)).await;

    let details = async |limit| {
        let found = world.store.hand_outs_since(acme.id, since, limit).await.unwrap();
        let means = |event| match event {
            Event::HandedOut { means, .. } => means,
            other => panic!("{other:?}"),
        };
        found.into_iter().map(|entry| means(entry.record.event)).collect::<Vec<_>>()
    };
    assert_eq!(details(10).await, ["second", "first"]);
    assert_eq!(details(1).await, ["second"]);
}

#[tokio::test]
async fn the_names_that_there_are_are_read_without_the_rest() {
    let world = World::new().await;
    world.signed_in().await;
    let names = world.store.credential_names().await.unwrap();
    assert_eq!(names.iter().map(ToString::to_string).collect::<Vec<_>>(), ["acme"]);
    let apps = world.store.app_names().await.unwrap();
    assert_eq!(apps.iter().map(ToString::to_string).collect::<Vec<_>>(), ["portal"]);
}
