//! Rows of clients that Lanyard did not write.

use lanyard_credential::Granted;
use lanyard_store::{ClientList, NewCredential, Refusal};

use super::world::{World, client, pending};

/// Two clients: one with a single credential, one with all.
async fn two_clients() -> World {
    let world = World::new().await;
    for name in ["acme", "lobby"] {
        world.store.insert_credential(&NewCredential { credential: pending(name), tokens: None }).await.unwrap();
    }
    let acme = world.store.credential(&"acme".parse().unwrap()).await.unwrap().unwrap();
    world.store.insert_client(&client("one", Granted::Only([acme.id].into()))).await.unwrap();
    world.store.insert_client(&client("two", Granted::All)).await.unwrap();
    world
}

fn told(list: &ClientList) -> (Vec<&str>, Vec<(&str, Refusal)>) {
    let counting = list.clients.iter().map(|found| found.client.name.as_str()).collect();
    (counting, list.refused.iter().map(|refused| (refused.name.as_str(), refused.refusal)).collect())
}

const INSERT: &str = "INSERT INTO clients SELECT 'ffff' || substr(id, 5), 'mallory', 'token', TRUE, methods, paths, organisation, \
     expires_at, created_at, uid, key_hash FROM clients WHERE name = 'two'";

#[tokio::test]
async fn a_row_that_somebody_else_wrote_does_not_count_and_harms_no_other() {
    for (tampering, refused, counting) in [
        (INSERT, ("mallory", Refusal::NotAuthentic), vec!["one", "two"]),
        ("UPDATE clients SET capabilities = 'manage' WHERE name = 'one'", ("one", Refusal::NotAuthentic), vec!["two"]),
        ("UPDATE clients SET all_credentials = TRUE WHERE name = 'one'", ("one", Refusal::NotAuthentic), vec!["two"]),
        ("UPDATE clients SET key_hash = zeroblob(32) WHERE name = 'two'", ("two", Refusal::NotAuthentic), vec!["one"]),
        (
            "UPDATE clients SET uid = 1000, key_hash = NULL WHERE name = 'two'",
            ("two", Refusal::NotAuthentic),
            vec!["one"],
        ),
        ("UPDATE clients SET expires_at = 9 WHERE name = 'two'", ("two", Refusal::NotAuthentic), vec!["one"]),
        ("UPDATE clients SET name = 'three' WHERE name = 'two'", ("three", Refusal::NotAuthentic), vec!["one"]),
        ("UPDATE clients SET capabilities = x'00' WHERE name = 'two'", ("two", Refusal::NotAuthentic), vec!["one"]),
        (
            "INSERT INTO client_credentials SELECT c.id, d.id FROM clients AS c, credentials AS d \
             WHERE c.name = 'one' AND d.name = 'lobby'",
            ("one", Refusal::NotAuthentic),
            vec!["two"],
        ),
        ("DELETE FROM client_credentials", ("one", Refusal::NotAuthentic), vec!["two"]),
        ("UPDATE client_list SET version = version + 1", ("", Refusal::NoList), vec![]),
        ("DELETE FROM client_list", ("", Refusal::NoList), vec![]),
    ] {
        let world = two_clients().await;
        world.tamper(tampering).await;
        let list = world.store.client_list().await.unwrap();
        let (found, told) = told(&list);
        assert_eq!(found, counting, "{tampering}");
        assert!(told.contains(&refused), "{tampering}: {told:?}");
        assert!(!list.refused[0].to_string().is_empty() && list.refused[0].hint().contains("lanyard client remove"));
        // What is added or removed afterwards makes nothing of it count.
        world.store.insert_client(&client("later", Granted::All)).await.unwrap();
        let list = world.store.client_list().await.unwrap();
        let mut expected = counting.clone();
        expected.push("later");
        expected.sort_unstable();
        assert_eq!(told_names(&list), expected, "{tampering}");
        if refused.1 == Refusal::NotAuthentic {
            let found = world.store.client_to_remove(&refused.0.parse().unwrap()).await.unwrap();
            assert!(world.store.remove_client(found.unwrap().id).await.unwrap(), "{tampering}");
            assert!(world.store.client_list().await.unwrap().refused.is_empty(), "{tampering}");
        }
    }
}

fn told_names(list: &ClientList) -> Vec<&str> {
    told(list).0
}

#[tokio::test]
async fn a_client_that_is_gone_without_being_removed_is_reported() {
    let world = two_clients().await;
    world.tamper("DELETE FROM clients WHERE name = 'two'").await;
    let list = world.store.client_list().await.unwrap();
    assert_eq!(told_names(&list), ["one"]);
    assert_eq!(list.refused[0].refusal, Refusal::Missing);
}

#[tokio::test]
async fn a_client_that_was_removed_is_not_put_back() {
    let world = two_clients().await;
    world.tamper("CREATE TABLE kept AS SELECT * FROM clients").await;
    world.tamper("CREATE TABLE kept_list AS SELECT * FROM client_list").await;
    let two = world.store.client(&"two".parse().unwrap()).await.unwrap().unwrap();
    let before = world.store.client_list().await.unwrap().version;
    assert!(world.store.remove_client(two.id).await.unwrap());
    let removed = world.store.client_list().await.unwrap().version;
    assert!(removed > before);
    world.tamper("INSERT INTO clients SELECT * FROM kept WHERE name = 'two'").await;
    let list = world.store.client_list().await.unwrap();
    assert_eq!(told(&list), (vec!["one"], vec![("two", Refusal::NotAuthentic)]));
    // With the list of that time it counts, and whoever saw a later list sees that this one is earlier.
    world.tamper("DELETE FROM client_list; INSERT INTO client_list SELECT * FROM kept_list").await;
    let list = world.store.client_list().await.unwrap();
    assert!(list.version == before && list.version < removed);
}

#[tokio::test]
async fn a_credential_that_goes_leaves_its_clients_counting() {
    let world = two_clients().await;
    let acme = world.store.credential(&"acme".parse().unwrap()).await.unwrap().unwrap();
    world.store.remove_credential(acme.id).await.unwrap();
    let list = world.store.client_list().await.unwrap();
    assert_eq!(told(&list), (vec!["one", "two"], vec![]));
    assert_eq!(list.clients[0].client.credentials, Granted::Only([].into()));
}
