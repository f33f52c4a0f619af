//! Clients, their policies, and the hashes of their keys.

use std::time::Duration;

use lanyard_credential::{Client, ClientId, ClientKey, ClientName, Credential, CredentialId, Generation, Granted};
use lanyard_protocol::OrgId;
use lanyard_store::{
    About, AddClientError, AuditVerdict, ChangeClientError, Event, EventKind, HandOutCount, JournalRecord, KeyedClient,
    NewCredential,
};
use lanyard_time::SystemEntropy;

use super::world::{World, client, pending};

async fn bot(world: &World, name: &str) -> Credential {
    world.store.insert_credential(&NewCredential { credential: pending(name), tokens: None }).await.unwrap()
}

#[tokio::test]
async fn a_client_is_found_as_it_was_added() {
    let world = World::new().await;
    let (acme, lobby) = (bot(&world, "acme").await, bot(&world, "lobby").await);
    let mut limited = client("monitor", Granted::Only([acme.id, lobby.id].into()));
    limited.client.methods = Some("GET,POST".parse().unwrap());
    limited.client.paths = Some(vec!["/people/*".parse().unwrap(), "/a,b/%2A/**".parse().unwrap()]);
    limited.client.org = Some(OrgId::new("Y2lz"));
    limited.client.expires_at = Some("2026-02-01T00:00:00Z".parse().unwrap());
    let everything = client("everything", Granted::All);
    let mut nothing = client("nothing", Granted::Only([].into()));
    nothing.client.paths = Some(Vec::new());
    let mut user = client("user", Granted::All);
    (user.client.uid, user.key) = (Some(u32::MAX), None);
    for new in [&limited, &everything, &nothing, &user] {
        world.store.insert_client(new).await.unwrap();
        assert_eq!(world.store.client(&new.client.name).await.unwrap().as_ref(), Some(&new.client));
    }
    let all = [&everything, &limited, &nothing, &user];
    let found = world.store.client_list().await.unwrap().clients;
    assert_eq!(found.len(), all.len());
    for (found, expected) in found.iter().zip(all) {
        assert_eq!(found.client, expected.client);
        match (&found.key, &expected.key) {
            (Some(found), Some(expected)) => assert!(found.matches(expected)),
            (found, expected) => assert!(found.is_none() && expected.is_none()),
        }
    }
    assert_eq!(world.store.clients().await.unwrap(), all.map(|one| one.client.clone()));
    let names = world.store.client_names().await.unwrap();
    assert_eq!(names.iter().map(ClientName::as_str).collect::<Vec<_>>(), ["everything", "monitor", "nothing", "user"]);
    assert_eq!(world.store.client(&"absent".parse().unwrap()).await.unwrap(), None);
}

fn told(record: &JournalRecord) -> (EventKind, String) {
    (record.event.kind(), record.event.to_string())
}

#[tokio::test]
async fn a_policy_stands_in_the_journal_and_brokers_learn_of_it() {
    let world = World::new().await;
    let acme = bot(&world, "acme").await;
    let before = world.store.journal_end().await.unwrap();
    let mut new = client("monitor", Granted::Only([acme.id].into()));
    new.client.methods = Some("GET".parse().unwrap());
    new.client.paths = Some(vec!["/people/*".parse().unwrap(), "/devices/**".parse().unwrap()]);
    new.client.expires_at = Some("2026-02-01T00:00:00Z".parse().unwrap());
    world.store.insert_client(&new).await.unwrap();
    let added = world.store.changes(before).await.unwrap();
    assert!(added.clients && added.credentials.is_empty());
    assert!(world.store.remove_client(new.client.id).await.unwrap());
    let removed = world.store.changes(added.position).await.unwrap();
    assert!(removed.clients && removed.position.number > added.position.number);
    assert!(!world.store.remove_client(new.client.id).await.unwrap());
    assert_eq!(world.store.journal_end().await.unwrap(), removed.position, "nothing was changed");

    let records: Vec<_> = world.store.audit(2).await.unwrap().into_iter().map(|entry| entry.record).collect();
    assert_eq!(told(&records[0]), (EventKind::ClientRemoved, "monitor".to_owned()));
    let policy = "monitor: token,proxy with acme; methods GET; paths /people/*,/devices/**; until 2026-02-01T00:00:00Z";
    assert_eq!(told(&records[1]), (EventKind::ClientAdded, policy.to_owned()));
    assert!(matches!(world.store.verify_audit(&[]).await.unwrap(), AuditVerdict::Intact(_)));
}

#[tokio::test]
async fn a_client_gets_another_policy_and_keeps_its_key_and_counts() {
    let world = World::new().await;
    let (acme, lobby) = (bot(&world, "acme").await, bot(&world, "lobby").await);
    let new = client("monitor", Granted::Only([acme.id].into()));
    let other = client("other", Granted::Only([acme.id].into()));
    world.store.insert_client(&new).await.unwrap();
    world.store.insert_client(&other).await.unwrap();
    let before = world.store.journal_end().await.unwrap();
    let change = |client: &mut Client| {
        client.capabilities = "read".parse().unwrap();
        client.credentials = Granted::Only([lobby.id].into());
        client.methods = Some("GET".parse().unwrap());
        client.paths = Some(vec!["/people/*".parse().unwrap()]);
        client.org = Some(OrgId::new("Y2lz"));
        client.expires_at = Some("2026-02-01T00:00:00Z".parse().unwrap());
        // None of these is its policy.
        client.id = ClientId::random(&SystemEntropy);
        client.name = "superuser".parse().unwrap();
        client.uid = Some(0);
    };
    let changed = world.store.change_client(&new.client.name, change).await.unwrap();
    assert!(world.store.changes(before).await.unwrap().clients);
    let (id, created_at) = (new.client.id, new.client.created_at);
    assert_eq!((changed.id, changed.name.as_str(), changed.created_at, changed.uid), (id, "monitor", created_at, None));
    let list = world.store.client_list().await.unwrap();
    assert!(list.refused.is_empty(), "{:?}", list.refused);
    assert_eq!(list.clients.iter().map(|one| &one.client).collect::<Vec<_>>(), [&changed, &other.client]);
    assert!(list.clients[0].key.as_ref().unwrap().matches(new.key.as_ref().unwrap()));
    let record = world.store.audit(1).await.unwrap().remove(0).record;
    let policy =
        "monitor: read with lobby; methods GET; paths /people/*; organisation Y2lz; until 2026-02-01T00:00:00Z";
    assert_eq!(told(&record), (EventKind::ClientChanged, policy.to_owned()));

    let end = world.store.journal_end().await.unwrap();
    let gone = CredentialId::random(&SystemEntropy);
    let refused =
        world.store.change_client(&new.client.name, |client| client.credentials = Granted::Only([gone].into()));
    assert!(matches!(refused.await, Err(ChangeClientError::UnknownCredential(id)) if id == gone));
    let absent = world.store.change_client(&"absent".parse().unwrap(), |_| panic!("there is nothing to change")).await;
    assert!(matches!(absent, Err(ChangeClientError::UnknownClient(name)) if name.as_str() == "absent"));
    assert_eq!(world.store.journal_end().await.unwrap(), end, "nothing was changed");
    assert_eq!(world.store.client(&new.client.name).await.unwrap(), Some(changed));
    let everything = world.store.change_client(&new.client.name, |client| client.credentials = Granted::All).await;
    assert_eq!(everything.unwrap().credentials, Granted::All);
    assert_eq!(world.store.client_list().await.unwrap().refused, []);
}

#[tokio::test]
async fn a_name_and_a_user_are_one_clients() {
    let world = World::new().await;
    let mut first = client("monitor", Granted::All);
    (first.client.uid, first.key) = (Some(1000), None);
    world.store.insert_client(&first).await.unwrap();
    let same_name = world.store.insert_client(&client("monitor", Granted::All)).await;
    assert!(matches!(same_name, Err(AddClientError::NameTaken(name)) if name.as_str() == "monitor"));
    let mut same_user = client("other", Granted::All);
    (same_user.client.uid, same_user.key) = (Some(1000), None);
    let same_user = world.store.insert_client(&same_user).await;
    assert!(matches!(same_user, Err(AddClientError::UserTaken(name)) if name.as_str() == "monitor"));
    assert_eq!(world.store.clients().await.unwrap(), [first.client.clone()]);
    // Both are free again afterwards.
    world.store.remove_client(first.client.id).await.unwrap();
    let again = KeyedClient { client: Client { id: ClientId::random(&SystemEntropy), ..first.client }, key: None };
    world.store.insert_client(&again).await.unwrap();
}

#[tokio::test]
async fn a_client_of_a_credential_that_is_not_there_is_not_half_added() {
    let world = World::new().await;
    let acme = bot(&world, "acme").await;
    let gone = CredentialId::random(&SystemEntropy);
    let refused = world.store.insert_client(&client("monitor", Granted::Only([acme.id, gone].into()))).await;
    assert!(matches!(refused, Err(AddClientError::UnknownCredential(id)) if id == gone));
    assert_eq!(world.store.clients().await.unwrap(), []);
    assert!(world.store.remove_credential(acme.id).await.unwrap(), "nothing of it is left to hold the credential");
}

#[tokio::test]
async fn a_credential_that_is_erased_is_taken_from_its_clients_and_from_no_other() {
    let world = World::new().await;
    let (acme, lobby) = (bot(&world, "acme").await, bot(&world, "lobby").await);
    let both = client("both", Granted::Only([acme.id, lobby.id].into()));
    let one = client("one", Granted::Only([acme.id].into()));
    let all = client("all", Granted::All);
    for new in [&both, &one, &all] {
        world.store.insert_client(new).await.unwrap();
    }
    let before = world.store.journal_end().await.unwrap();
    world.store.begin_clearing(acme.id).await.unwrap();
    world.store.finish_clearing(acme.id).await.unwrap();
    let changes = world.store.changes(before).await.unwrap();
    assert_eq!(changes.credentials, [acme.id], "whose clients are read again with it");
    let found = world.store.clients().await.unwrap().into_iter().map(|client| client.credentials).collect::<Vec<_>>();
    assert_eq!(found, [Granted::All, Granted::Only([lobby.id].into()), Granted::Only([].into())]);
}

#[tokio::test]
async fn a_key_is_not_stored() {
    let world = World::new().await;
    let id = ClientId::random(&SystemEntropy);
    let key = ClientKey::random(id, &SystemEntropy);
    let mut new = client("monitor", Granted::All);
    new.client.id = id;
    new.key = Some(key.hash());
    world.store.insert_client(&new).await.unwrap();
    let secret = key.expose_secret().rsplit('_').nth(1).unwrap();
    for entry in std::fs::read_dir(world.home()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
    let found = world.store.client_list().await.unwrap().clients.remove(0);
    assert!(found.key.unwrap().matches(&ClientKey::parse(key.expose_secret()).unwrap().hash()));
}

#[tokio::test]
async fn what_a_client_was_handed_is_counted_and_what_came_before_it_is_not() {
    let world = World::new().await;
    let acme = bot(&world, "acme").await;
    let note = async |actor: &str, event| {
        world.clock.advance(Duration::from_secs(1));
        let (at, about) = (world.now().wall, About::credential(&acme.id, &acme.name));
        let record = JournalRecord { at, about, actor: actor.to_owned(), event };
        world.store.append(&record).await.unwrap();
        at
    };
    let token = |number| Event::HandedOut { means: "token".to_owned(), generation: Generation::new(number), times: 1 };
    note("client monitor", token(1)).await;
    let since = note("client other", token(1)).await;
    note("client monitor", token(1)).await;
    let first = note("client monitor", token(1)).await;
    let second = note("client monitor", token(2)).await;
    note("client monitor", Event::Refused { means: "token".to_owned(), why: "expired".to_owned(), times: 1 }).await;

    let count = |event, last, records| HandOutCount { credential: acme.id, event, last, records };
    let found = world.store.hand_outs_to("client monitor", since).await.unwrap();
    assert_eq!(found, [count(token(2), second, 1), count(token(1), first, 2)]);
    assert_eq!(world.store.last_hand_out_to("client monitor", since).await.unwrap(), Some(second));
    assert_eq!(world.store.last_hand_out_to("client nobody", since).await.unwrap(), None);
}
