//! Labels, and to whom tokens were handed out.

use std::time::Duration;

use lanyard_credential::{Label, LabelKey};
use lanyard_store::{AuditAction, AuditRecord, AuditVerdict};

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
    assert_eq!((entry.action, entry.detail.as_str()), (AuditAction::Labelled, "a=1"));

    let before = world.store.audit(100).await.unwrap().len();
    assert!(world.store.change_labels(acme.id, &[], &[label("a=1")]).await.unwrap());
    assert_eq!(world.store.audit(100).await.unwrap().len(), before, "nothing changed, nothing is written");
    assert!(matches!(world.store.verify_audit(&[]).await.unwrap(), AuditVerdict::Intact(_)));

    world.store.remove_credential(acme.id).await.unwrap();
    assert!(!world.store.change_labels(acme.id, &[], &[label("a=2")]).await.unwrap());
}

#[tokio::test]
async fn the_hand_outs_of_one_credential_are_read_newest_first_and_bounded() {
    let world = World::new().await;
    let acme = world.signed_in().await;
    let record = |action, detail: &str, about| AuditRecord {
        at: world.now().wall,
        action,
        credential: about,
        actor: "uid 1".to_owned(),
        detail: detail.to_owned(),
    };
    let about = Some((acme.id, acme.name.clone()));
    world.store.append_audit(&record(AuditAction::HandedOut, "early", about.clone())).await.unwrap();
    world.clock.advance(Duration::from_secs(10));
    let since = world.now().wall;
    for detail in ["first", "second"] {
        world.store.append_audit(&record(AuditAction::HandedOut, detail, about.clone())).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
    }
    world.store.append_audit(&record(AuditAction::Refused, "no", about)).await.unwrap();
    let other = (lanyard_credential::CredentialId::random(&lanyard_time::SystemEntropy), acme.name.clone());
    world.store.append_audit(&record(AuditAction::HandedOut, "another's", Some(other))).await.unwrap();

    let details = async |limit| {
        let found = world.store.hand_outs_since(acme.id, since, limit).await.unwrap();
        found.into_iter().map(|entry| entry.record.detail).collect::<Vec<_>>()
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
