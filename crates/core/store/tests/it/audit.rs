//! The audit's chains.

use lanyard_credential::Spend;
use lanyard_store::{AuditAction, AuditRecord, AuditVerdict, Fault, Head};

use super::world::{World, begun};

async fn rotated(world: &World) {
    let credential = world.signed_in().await;
    let (_, intent) = begun(&world.store, credential.id, Spend::Stored).await;
    world.store.commit(credential.id, credential.grant, &intent, &world.rotated("2")).await.unwrap();
}

#[tokio::test]
async fn every_change_is_recorded_with_who_did_it() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let helpdesk = world.store.acting_as("uid 1000, helpdesk");
    helpdesk.rename_credential(credential.id, &"renamed".parse().unwrap()).await.unwrap();
    let record = AuditRecord {
        at: world.now().wall,
        action: AuditAction::HandedOut,
        credential: Some((credential.id, "renamed".parse().unwrap())),
        actor: "uid 1001, cron".to_owned(),
        detail: "to the socket".to_owned(),
    };
    world.store.append_audit(&record).await.unwrap();

    let entries = world.store.audit(2).await.unwrap();
    assert_eq!(entries[0].record, record);
    assert_eq!(entries[1].record.action, AuditAction::Renamed);
    assert_eq!(entries[1].record.actor, "uid 1000, helpdesk");
    let all = world.store.audit_since(jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    let actions: Vec<AuditAction> = all.iter().map(|entry| entry.record.action).collect();
    let expected = [
        AuditAction::HomeCreated,
        AuditAction::AppAdded,
        AuditAction::Added,
        AuditAction::Renamed,
        AuditAction::HandedOut,
    ];
    assert_eq!(actions, expected);
    let sequences: Vec<u64> = all.iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_chain_that_nobody_touched_is_intact() {
    let world = World::new().await;
    let exported = world.store.heads().await.unwrap();
    rotated(&world).await;
    let AuditVerdict::Intact(heads) = world.store.verify_audit(&exported).await.unwrap() else {
        panic!("nobody touched it");
    };
    assert_eq!(heads, world.store.heads().await.unwrap());
}

#[tokio::test]
async fn each_writer_has_a_chain_of_its_own() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let other = world.seen_by(world.elsewhere()).await;
    other.rename_credential(credential.id, &"renamed".parse().unwrap()).await.unwrap();
    let heads = world.store.heads().await.unwrap();
    assert_eq!(heads.len(), 2);
    let theirs = heads.iter().find(|head| head.writer == "elsewhere").unwrap();
    assert_eq!(theirs.sequence, 1);
    assert!(matches!(world.store.verify_audit(&heads).await.unwrap(), AuditVerdict::Intact(_)));
}

#[tokio::test]
async fn every_way_to_alter_a_chain_is_seen_at_its_place() {
    let altered = [
        ("UPDATE audit SET at = at + 1 WHERE sequence = 3", 3, Fault::Altered),
        ("UPDATE audit SET action = 'revoked' WHERE sequence = 3", 3, Fault::Altered),
        ("UPDATE audit SET actor = 'nobody' WHERE sequence = 2", 2, Fault::Altered),
        ("UPDATE audit SET detail = detail || ' ' WHERE sequence = 4", 4, Fault::Altered),
        ("UPDATE audit SET credential_name = 'other' WHERE sequence = 3", 3, Fault::Altered),
        ("UPDATE audit SET credential_id = NULL WHERE sequence = 3", 3, Fault::Altered),
        ("UPDATE audit SET credential_id = '' WHERE sequence = 1", 1, Fault::Altered),
        ("UPDATE audit SET mac = zeroblob(32) WHERE sequence = 3", 3, Fault::Altered),
        ("UPDATE audit SET mac = zeroblob(31) WHERE sequence = 3", 3, Fault::Altered),
        ("UPDATE audit SET writer = 'someone-else'", 1, Fault::Altered),
        ("DELETE FROM audit WHERE sequence = 1", 1, Fault::Missing),
        ("DELETE FROM audit WHERE sequence = 3", 3, Fault::Missing),
        (
            "UPDATE audit SET sequence = -1 WHERE sequence = 2; UPDATE audit SET sequence = 2 WHERE sequence = 3; \
             UPDATE audit SET sequence = 3 WHERE sequence = -1",
            2,
            Fault::Altered,
        ),
        (
            "DELETE FROM audit WHERE sequence = 2; UPDATE audit SET sequence = 2 WHERE sequence = 3; \
             UPDATE audit SET sequence = 3 WHERE sequence = 4; UPDATE audit SET sequence = 4 WHERE sequence = 5",
            2,
            Fault::Altered,
        ),
        (
            "UPDATE audit SET actor = actor || substr(detail, 1, 1), detail = substr(detail, 2) WHERE sequence = 3",
            3,
            Fault::Altered,
        ),
    ];
    for (sql, place, expected) in altered {
        let world = World::new().await;
        rotated(&world).await;
        world.tamper(sql).await;
        match world.store.verify_audit(&[]).await.unwrap() {
            AuditVerdict::Broken { sequence, fault, .. } => assert_eq!((sequence, fault), (place, expected), "{sql}"),
            AuditVerdict::Intact(_) => panic!("not seen: {sql}"),
        }
    }
}

#[tokio::test]
async fn a_cut_tail_shows_against_an_exported_head_alone() {
    let world = World::new().await;
    rotated(&world).await;
    let exported = world.store.heads().await.unwrap();
    let [Head { writer, sequence, .. }] = exported.as_slice() else {
        panic!("one writer, one chain");
    };
    let cut = AuditVerdict::Broken { writer: writer.clone(), sequence: *sequence, fault: Fault::Cut };
    world.tamper(&format!("DELETE FROM audit WHERE sequence = {sequence}")).await;
    assert!(matches!(world.store.verify_audit(&[]).await.unwrap(), AuditVerdict::Intact(_)));
    assert_eq!(world.store.verify_audit(&exported).await.unwrap(), cut);

    // Written on from there, the chain is long enough again, and is another.
    let record = AuditRecord {
        at: world.now().wall,
        action: AuditAction::HandedOut,
        credential: None,
        actor: "somebody".to_owned(),
        detail: String::new(),
    };
    world.store.append_audit(&record).await.unwrap();
    match world.store.verify_audit(&exported).await.unwrap() {
        AuditVerdict::Broken { fault, .. } => assert_eq!(fault, Fault::Altered),
        AuditVerdict::Intact(_) => panic!("not seen"),
    }
    world.tamper("DELETE FROM audit").await;
    assert_eq!(world.store.verify_audit(&exported).await.unwrap(), cut);
}

#[tokio::test]
async fn an_audit_without_the_record_of_the_homes_making_is_broken() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let other = world.seen_by(world.elsewhere()).await;
    other.rename_credential(credential.id, &"renamed".parse().unwrap()).await.unwrap();
    // The whole chain in which the home was made, and then the other one too.
    for delete in ["DELETE FROM audit WHERE writer <> 'elsewhere'", "DELETE FROM audit"] {
        world.tamper(delete).await;
        let verdict = world.store.verify_audit(&[]).await.unwrap();
        assert!(
            matches!(verdict, AuditVerdict::Broken { sequence: 1, fault: Fault::Missing, .. }),
            "{delete}: {verdict:?}"
        );
    }
}
