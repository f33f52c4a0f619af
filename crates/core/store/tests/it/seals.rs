//! Rows that somebody wrote past Lanyard.

use lanyard_credential::{Credential, Standing};
use lanyard_store::{Commit, StoreError};

use super::world::{World, begun, new_app, pending};

/// Changes of a column that the seal covers, each to a value that a row can hold.
const CREDENTIAL: [&str; 21] = [
    "id = 'ffffffff-ffff-4fff-8fff-ffffffffffff'",
    "name = 'other'",
    "kind = 'bot'",
    "environment = 'https://webexapis.com/v1'",
    "app = NULL",
    "standing = 'disabled'",
    "scopes = 'spark:all'",
    "subject_id = 'another'",
    "subject_account = 'bot'",
    "subject_name = 'Another'",
    "subject_email = 'another@example.com'",
    "subject_unknown = NULL",
    "organisation_id = 'another'",
    "organisation_name = 'Another'",
    "labels = ''",
    "mint_via = 'ffffffff-ffff-4fff-8fff-ffffffffffff'",
    "mint_organisation = 'another'",
    "mint_subject = 'another'",
    "mint_display_name = 'Another'",
    "grant_number = 7",
    "created_at = 0",
];

const APP: [&str; 8] = [
    "id = 'ffffffff-ffff-4fff-8fff-ffffffffffff'",
    "name = 'other'",
    "kind = 'service-app'",
    "environment = 'https://webexapis.com/v1'",
    "client_id = 'C666'",
    "redirect_uris = 'https://evil.example/'",
    "scopes = 'spark:all'",
    "application_id = NULL",
];

fn is_altered<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Altered { .. }))
}

/// Whether each way to use a credential refuses it.
async fn is_refused(world: &World, credential: &Credential) -> bool {
    let store = &world.store;
    let mut held = Vec::new();
    store.held_tokens_of_all(&mut lanyard_store::Shared::default(), |token| held.push(token)).await.unwrap();
    is_altered(&store.credential_by_id(credential.id).await)
        && is_altered(&store.hand_out_by_id(credential.id).await)
        && is_altered(&store.held_token(credential.id, &mut lanyard_store::Shared::default()).await)
        && is_altered(&store.claim(credential.id).await)
        && is_altered(&store.set_standing(credential.id, &Standing::Active).await)
        && is_altered(&store.change_labels(credential.id, &[], &["a=b".parse().unwrap()]).await)
        && is_altered(&store.replace_grant(credential.id, &world.tokens("2"), &credential.subject, None).await)
        && store.credentials().await.unwrap().iter().all(|found| found.id != credential.id)
        && held.iter().all(|token| token.id != credential.id)
        && store.unreadable_credentials().await.unwrap().len() == 1
}

#[tokio::test]
async fn an_altered_credential_is_refused_and_no_change_makes_it_authentic() {
    for alteration in CREDENTIAL {
        let world = World::new().await;
        let credential = world.signed_in().await;
        world.tamper(&format!("PRAGMA foreign_keys = OFF; UPDATE credentials SET {alteration}")).await;
        if alteration.starts_with("id") {
            assert!(world.store.credentials().await.unwrap().is_empty());
            continue;
        }
        assert!(is_refused(&world, &credential).await, "{alteration}");
        assert!(is_refused(&world, &credential).await, "{alteration}: the second time");
    }
}

/// The columns that a seal leaves out: those with values that are sealed for their row, those that decide what is opened, how the last
/// attempt failed, and how long the tokens last.
const NOT_SEALED: [&str; 22] = [
    "seal",
    "wrapped_key",
    "access_token",
    "refresh_token",
    "spare_token",
    "client_secret",
    "secret_version",
    "generation",
    "obtained_wall",
    "obtained_boot",
    "obtained_elapsed",
    "access_lifetime",
    "refresh_right",
    "refresh_lifetime",
    "last_rotated_at",
    "trouble_kind",
    "trouble_message",
    "trouble_wall",
    "trouble_boot",
    "trouble_elapsed",
    "trouble_failures",
    "trouble_pause",
];

#[tokio::test]
async fn every_column_is_sealed_or_known_not_to_be() {
    let world = World::new().await;
    if world.database.is_some() {
        // The scripts give both engines the same columns.
        return;
    }
    let mut connection = world.connection().await;
    for (table, alterations) in [("credentials", &CREDENTIAL[..]), ("apps", &APP[..])] {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(table)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        for column in columns {
            let altered = alterations.iter().any(|alteration| alteration.split_once(" = ").unwrap().0 == column);
            assert_ne!(altered, NOT_SEALED.contains(&column.as_str()), "{table}.{column}");
        }
    }
}

#[tokio::test]
async fn what_changes_often_is_not_sealed() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    world.tamper("UPDATE credentials SET obtained_wall = 0, access_lifetime = 1, last_rotated_at = 5").await;
    assert!(world.store.credential_by_id(credential.id).await.is_ok());
}

#[tokio::test]
async fn seals_cannot_be_removed_or_moved_to_another_row() {
    for sql in [
        "UPDATE credentials SET seal = NULL",
        "UPDATE credentials SET seal = zeroblob(32)",
        "UPDATE credentials SET seal = (SELECT seal FROM credentials WHERE name = 'second') WHERE name = 'acme'",
        "UPDATE credentials SET name = CASE name WHEN 'acme' THEN 'x' ELSE 'acme' END WHERE name IN ('acme', 'second');
         UPDATE credentials SET name = 'second' WHERE name = 'x'",
    ] {
        let world = World::new().await;
        let credential = world.signed_in().await;
        let second = lanyard_store::NewCredential { credential: pending("second"), tokens: None };
        world.store.insert_credential(&second).await.unwrap();
        world.tamper(sql).await;
        assert!(is_altered(&world.store.credential_by_id(credential.id).await), "{sql}");
        assert!(is_altered(&world.store.credential(&credential.name).await), "{sql}");
    }
}

#[tokio::test]
async fn an_altered_app_is_refused_and_can_be_removed() {
    for alteration in APP {
        let world = World::new().await;
        let app = new_app("portal");
        world.store.insert_app(&app).await.unwrap();
        let (id, name) = (app.app.id, app.app.name.clone());
        world.tamper(&format!("UPDATE apps SET {alteration}")).await;
        assert!(world.store.apps().await.unwrap().is_empty(), "{alteration}");
        assert_eq!(world.store.unreadable_apps().await.unwrap().len(), 1, "{alteration}");
        if alteration.starts_with("id") {
            continue;
        }
        assert!(is_altered(&world.store.app_by_id(id).await), "{alteration}");
        assert!(is_altered(&world.store.app_secret(id).await), "{alteration}");
        assert!(is_altered(&world.store.replace_app_secret(id, &app.client_secret).await), "{alteration}");
        assert!(is_altered(&world.store.change_app(&app.app, "").await), "{alteration}");
        if alteration.starts_with("name") {
            continue;
        }
        assert_eq!(world.store.app_to_remove(&name).await.unwrap(), Some(id));
        assert!(world.store.remove_app(id).await.unwrap());
    }
}

#[tokio::test]
async fn a_damaged_secret_of_an_authentic_app_can_be_replaced() {
    let world = World::new().await;
    let app = new_app("portal");
    world.store.insert_app(&app).await.unwrap();
    world.tamper("UPDATE apps SET client_secret = zeroblob(2), wrapped_key = zeroblob(1)").await;
    assert!(matches!(world.store.app_secret(app.app.id).await, Err(StoreError::Sealed(_))));
    assert!(world.store.replace_app_secret(app.app.id, &app.client_secret).await.unwrap());
    assert!(world.store.app_secret(app.app.id).await.unwrap().is_some());
}

#[tokio::test]
async fn an_answer_is_kept_in_a_row_that_was_altered_meanwhile_and_the_row_stays_refused() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let (view, declared) = begun(&world.store, credential.id).await;
    world.tamper("UPDATE credentials SET kind = 'bot'").await;
    let done =
        world.store.commit(credential.id, view.credential.grant, &declared.intent, &world.rotated("2")).await.unwrap();
    assert!(matches!(done, Commit::Committed(_)), "{done:?}");
    assert!(is_altered(&world.store.credential_by_id(credential.id).await));
    world.tamper("UPDATE credentials SET kind = 'integration'").await;
    let (generation, token) = super::world::access(&world.store, credential.id).await.unwrap();
    assert_eq!((generation, token.as_str()), (2, "canary-access-2"));
}

#[tokio::test]
async fn only_what_lanyard_wrote_has_the_tokens_of_an_answer_revoked() {
    for tampering in [
        "UPDATE credentials SET standing = 'clearing'",
        "UPDATE credentials SET grant_number = grant_number + 1",
        "DELETE FROM intents; DELETE FROM credentials",
    ] {
        let world = World::new().await;
        let credential = world.signed_in().await;
        let (view, declared) = begun(&world.store, credential.id).await;
        world.tamper(tampering).await;
        let (id, grant, tokens) = (credential.id, view.credential.grant, world.rotated("2"));
        let done = world.store.commit(id, grant, &declared.intent, &tokens).await;
        assert!(is_altered(&done), "{tampering}: {done:?}");
        let kept = world.store.keep_spare(id, grant, tokens.refresh.as_ref().unwrap()).await;
        assert!(is_altered(&kept), "{tampering}: {kept:?}");
    }
    let world = World::new().await;
    let credential = world.signed_in().await;
    let (view, declared) = begun(&world.store, credential.id).await;
    let (id, grant, tokens) = (credential.id, view.credential.grant, world.rotated("2"));
    world.store.begin_clearing(id).await.unwrap();
    for _ in 0..2 {
        let done = world.store.commit(id, grant, &declared.intent, &tokens).await.unwrap();
        assert!(matches!(done, Commit::Erased), "{done:?}");
        assert!(!world.store.keep_spare(id, grant, tokens.refresh.as_ref().unwrap()).await.unwrap());
        world.store.finish_clearing(id).await.unwrap();
    }
    // The entry that says so is not believed either once somebody has altered it.
    world.tamper("UPDATE journal SET actor = 'x' WHERE kind = 'cleared'").await;
    assert!(is_altered(&world.store.commit(id, grant, &declared.intent, &tokens).await));
}

#[tokio::test]
async fn an_altered_credential_can_be_cleared_and_none_of_its_tokens_is_revoked() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    world.tamper("UPDATE credentials SET organisation_id = 'another'").await;
    assert!(is_altered(&world.store.credential(&credential.name).await));
    let found = world.store.credential_to_clear(&credential.name).await.unwrap().unwrap();
    let waiting = world.store.begin_clearing(found.id).await.unwrap().unwrap();
    assert_eq!(waiting.len(), 0, "the name may be another's, whom the person meant");
    assert_eq!(world.store.unreadable_tokens(found.id).await.unwrap().len(), 2, "it is said that they live on");
    assert!(is_altered(&world.store.credential(&credential.name).await), "to clear it does not make it authentic");
    assert!(world.store.finish_clearing(found.id).await.unwrap());
    assert!(world.store.credential_to_clear(&credential.name).await.unwrap().is_none());
}

/// Changes of the home's own row: the keys that are to be fetched, used or removed, and whether the home is paused.
const HOME: [&str; 6] = [
    "next_key_id = 'a1b2c3d4e5f60718', next_key_source = 'key-file', next_key_since = 0",
    "retired_key_id = 'a1b2c3d4e5f60718', retired_key_source = 'keyring'",
    "home_id = '0123456789abcdef'",
    "key_source = 'keyring'",
    "paused_since = 1, paused_reason = 'x'",
    "seal = NULL",
];

#[tokio::test]
async fn an_altered_row_of_the_home_is_refused() {
    for alteration in HOME {
        let world = World::new().await;
        let credential = world.signed_in().await;
        world.tamper(&format!("UPDATE home SET {alteration}")).await;
        assert!(is_altered(&world.store.rename_credential(credential.id, &"other".parse().unwrap()).await.map_err(
            |error| match error {
                lanyard_store::NameError::Store(error) => error,
                error => panic!("{alteration}: {error}"),
            }
        )));
        assert!(is_altered(&world.store.resume().await), "{alteration}");
        assert!(world.open.replace_key(None).await.is_err(), "{alteration}");
        assert!(world.opened_with(lanyard_home::KeyAccess::default()).await.is_err(), "{alteration}");
    }
}

/// Adds a trigger that performs `action` within Lanyard's own transaction when a statement of it has written to `table`.
async fn hook(world: &World, event: &str, table: &str, action: &str) {
    let on = if world.database.is_some() {
        format!(
            "CREATE FUNCTION hook() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF pg_trigger_depth() = 1 THEN {action}; END IF; \
             RETURN NULL; END $$; CREATE TRIGGER hook AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION hook()"
        )
    } else {
        format!("CREATE TRIGGER hook AFTER {event} ON {table} BEGIN {action}; END")
    };
    world.tamper(&on).await;
}

async fn unhook(world: &World, table: &str) {
    let off = if world.database.is_some() {
        format!("DROP TRIGGER hook ON {table}; DROP FUNCTION hook")
    } else {
        "DROP TRIGGER hook".to_owned()
    };
    world.tamper(&off).await;
}

const FORGED: &str = "UPDATE credentials SET organisation_id = 'forged'";

#[tokio::test]
async fn what_a_hook_in_the_database_writes_beside_a_change_gets_no_seal() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let app = new_app("portal-2");
    let is_refused = |error: lanyard_store::NameError| match error {
        lanyard_store::NameError::Store(error) => assert!(is_altered(&Err::<(), _>(error))),
        error => panic!("{error}"),
    };

    hook(&world, "UPDATE", "credentials", FORGED).await;
    is_refused(world.store.rename_credential(credential.id, &"other".parse().unwrap()).await.unwrap_err());
    assert!(is_altered(&world.store.change_labels(credential.id, &[], &["a=b".parse().unwrap()]).await));
    let tokens = world.tokens("2");
    let new = world.store.replace_grant(credential.id, &tokens, &credential.subject, None).await;
    assert!(is_altered(&new));
    unhook(&world, "credentials").await;

    for action in [FORGED, "UPDATE credentials SET labels = ''"] {
        hook(&world, "INSERT", "credentials", action).await;
        let second = lanyard_store::NewCredential { credential: pending("second"), tokens: None };
        is_refused(world.store.insert_credential(&second).await.unwrap_err());
        unhook(&world, "credentials").await;
    }
    hook(&world, "INSERT", "apps", "UPDATE apps SET client_id = 'forged'").await;
    is_refused(world.store.insert_app(&app).await.unwrap_err());
    unhook(&world, "apps").await;
    // Nothing of it happened.
    assert_eq!(world.store.credential_by_id(credential.id).await.unwrap().unwrap(), credential);
    world.store.rename_credential(credential.id, &"other".parse().unwrap()).await.unwrap();
    world.store.insert_app(&app).await.unwrap();

    // What came of an exchange exists nowhere else: it is kept, in a row that is refused.
    let (view, declared) = begun(&world.store, credential.id).await;
    hook(&world, "UPDATE OF generation", "credentials", FORGED).await;
    let (grant, intent) = (view.credential.grant, &declared.intent);
    let done = world.store.commit(credential.id, grant, intent, &world.rotated("2")).await.unwrap();
    assert!(matches!(done, Commit::Committed(_)), "{done:?}");
    unhook(&world, "credentials").await;
    assert!(is_altered(&world.store.credential_by_id(credential.id).await));
}

#[tokio::test]
async fn what_a_hook_in_the_database_makes_of_a_client_or_of_the_home_gets_no_seal() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let only = super::world::client("ops", lanyard_credential::Granted::Only([credential.id].into()));
    world.store.insert_client(&only).await.unwrap();
    let before = world.store.clients().await.unwrap();

    for (event, table) in [("UPDATE", "clients"), ("DELETE", "client_credentials"), ("INSERT", "client_credentials")] {
        hook(&world, event, table, "UPDATE clients SET all_credentials = TRUE").await;
        let changed = world.store.change_client(&only.client.name, |client| client.methods = None).await;
        assert!(matches!(changed, Err(lanyard_store::ChangeClientError::Store(StoreError::Altered { .. }))), "{table}");
        unhook(&world, table).await;
        assert_eq!(world.store.clients().await.unwrap(), before, "{table}");
    }
    // Nor when a credential goes, or another client comes.
    hook(&world, "DELETE", "client_credentials", "UPDATE clients SET all_credentials = TRUE").await;
    assert!(world.store.remove_credential(credential.id).await.unwrap());
    unhook(&world, "client_credentials").await;
    assert!(world.store.clients().await.unwrap().is_empty(), "its row is refused");

    hook(&world, "UPDATE", "home", "UPDATE home SET key_source = 'keyring'").await;
    assert!(world.open.replace_key(None).await.is_err());
    unhook(&world, "home").await;
    world.opened().await.replace_key(None).await.unwrap();
}
