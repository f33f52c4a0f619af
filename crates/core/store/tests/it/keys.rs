//! A home's key is replaced while the home is in use.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use lanyard_credential::{CredentialId, Standing};
use lanyard_home::{Options, ReplaceKeyError};
use lanyard_secret::{ClientSecret, RefreshToken};
use lanyard_store::{Commit, DamagedRow, NewCredential, StoreError};
use lanyard_vault::key_file::KeyFile;
use lanyard_vault::{KeyLine, Mac, OpenError as VaultError, RowAddress, Sealed};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Row as _};

use crate::schema::home_of_first_version;
use crate::world::{World, access, begun, parts, pending};

/// Asserts that every token opens in a store that was just opened.
async fn all_open(world: &World, ids: &[CredentialId]) {
    let store = world.opened().await;
    for (number, id) in ids.iter().enumerate() {
        let (_, token) = access(&store.store, *id).await.expect("it has one");
        assert_eq!(token, format!("canary-access-{number}"));
    }
}

/// Seals the home's row as it is, as a process with the home's key does.
pub(crate) async fn reseal_home(world: &World, key_file: &str) {
    let key = match KeyFile::new(world.home().join(key_file)).read().unwrap().remove(0) {
        KeyLine::Open(key) => key,
        KeyLine::Locked(_) => panic!("the key is locked"),
    };
    let mut connection = world.connection().await;
    let row = sqlx::query("SELECT * FROM home").fetch_one(&mut connection).await.unwrap();
    let place = RowAddress { table: "home", row: "1", column: "wrapped_key", generation: 2, environment: "" };
    let wrapped: Vec<u8> = row.get("wrapped_key");
    let own = key.unwrap(&Sealed::from_bytes(wrapped), &place).unwrap();
    let text = |column| row.get::<Option<String>, _>(column);
    let number = |column| row.get::<Option<i64>, _>(column).map(|number| number.to_string());
    let fields = [
        Some("home".to_owned()),
        text("home_id"),
        text("key_id"),
        text("key_source"),
        text("next_key_id"),
        text("next_key_source"),
        number("next_key_since"),
        text("retired_key_id"),
        text("retired_key_source"),
        text("paused_reason"),
        number("paused_since"),
    ];
    let mut encoded = Vec::new();
    for field in fields {
        let length = field.as_ref().map_or(u64::MAX, |field| field.len() as u64);
        encoded.extend_from_slice(&length.to_be_bytes());
        encoded.extend_from_slice(field.unwrap_or_default().as_bytes());
    }
    let seal = own.seals_key().chain(&Mac::BEGINNING, &encoded);
    sqlx::query("UPDATE home SET seal = $1").bind(seal.as_bytes()).execute(&mut connection).await.unwrap();
}

fn files(world: &World) -> Vec<String> {
    let names = fs::read_dir(world.home()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm")).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_new_key_opens_everything_and_nothing_is_left_under_the_old_one() {
    let world = World::new().await;
    let ids = world.many(120).await;
    let credential = world.signed_in().await;
    world.store.begin_clearing(credential.id).await.unwrap();
    let app = credential.app.unwrap();

    let store = world.opened().await;
    let before = store.key_status().await.unwrap();
    // 121 credentials, an app, two tokens that wait to be revoked, and the home's own.
    assert_eq!((before.id, before.rows), (world.key.id(), 125));
    let old = fs::read(world.home().join("home.key")).unwrap();
    let replaced = store.replace_key(None).await.unwrap();
    assert_eq!((replaced.old, replaced.rows, replaced.resumed), (world.key.id(), 125, false));
    assert_eq!(replaced.left_behind, None);

    let after = store.key_status().await.unwrap();
    assert_eq!((after.id, after.rows, after.next, after.to_remove), (replaced.new, 125, None, None));
    assert_eq!(KeyFile::new(world.home().join("home.key")).read().unwrap()[0].id(), replaced.new);
    assert_eq!(fs::metadata(world.home().join("home.key")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(files(&world), ["home.key", "home.lock", "lanyard.db"]);
    all_open(&world, &ids).await;
    let opened = world.opened().await;
    assert!(opened.store.app_secret(app).await.unwrap().unwrap().matches(&ClientSecret::new("canary-client-secret")));
    for pending in opened.store.pending_revocations().await.unwrap() {
        opened.store.open_revocation(&pending).unwrap();
    }
    let actions: Vec<_> =
        opened.store.audit(2).await.unwrap().iter().map(|entry| entry.record.event.kind().as_str()).collect();
    assert_eq!(actions, ["key-rotated", "key-rotation-begun"]);
    assert!(matches!(opened.store.verify_audit(&[]).await.unwrap(), lanyard_store::AuditVerdict::Intact(_)));

    // The old key opens nothing any more.
    fs::write(world.home().join("home.key"), old).unwrap();
    let error = lanyard_home::open(&world.home(), parts(&world.clock), Options::default()).await.unwrap_err();
    assert!(error.to_string().contains(&replaced.new.to_string()), "{error}");
}

#[tokio::test]
async fn a_process_that_was_there_before_reads_and_writes_on() {
    let world = World::new().await;
    let ids = world.many(3).await;
    let earlier = world.opened().await;
    // What a broker keeps in memory.
    let name = "bot-0".parse().unwrap();
    let held = earlier.store.hand_out(&name).await.unwrap().unwrap();
    let replaced = world.opened().await.replace_key(None).await.unwrap();

    assert!(earlier.store.open_access(&held).unwrap().is_some(), "what was read before opens");
    assert_eq!(access(&earlier.store, ids[1]).await.unwrap().1, "canary-access-1", "what is read now opens");
    let new = NewCredential { credential: pending("late"), tokens: Some(world.tokens("late")) };
    let late = earlier.store.insert_credential(&new).await.unwrap();
    earlier.store.replace_grant(ids[2], &world.tokens("2"), &late.subject, None).await.unwrap().unwrap();
    let status = earlier.key_status().await.unwrap();
    assert_eq!((status.id, status.rows), (replaced.new, 5), "what it writes stands under the new key");
    assert_eq!(access(&world.opened().await.store, late.id).await.unwrap().1, "canary-access-late");
    all_open(&world, &ids).await;
}

#[tokio::test]
async fn a_store_without_a_way_to_the_new_key_says_so_and_writes_nothing_under_the_old_one() {
    let world = World::new().await;
    let ids = world.many(1).await;
    let fixed = world.seen_by(world.me()).await;
    world.opened().await.replace_key(None).await.unwrap();
    let error = fixed.access_token(ids[0]).await.unwrap_err();
    assert!(matches!(error, StoreError::Sealed(VaultError::ForeignKey { .. })), "{error}");
    let error = fixed.set_standing(ids[0], &Standing::Disabled).await.unwrap_err();
    assert!(matches!(error, StoreError::Key(_)), "{error}");
    assert!(error.hint().contains("start this process again"));
    all_open(&world, &ids).await;
}

/// A process may end at any point. Here it goes away at every point at which it waits for something.
#[tokio::test]
async fn a_replacement_that_ends_anywhere_leaves_a_home_that_works_and_goes_on_later() {
    let world = World::new().await;
    let ids = world.many(60).await;
    let earlier = world.opened().await;
    let (mut interrupted, mut offered, mut polls, mut last) = (0, 0, 0, world.key.id());
    // How much is done between two points of waiting is the machine's affair: several replacements show enough of them.
    for _ in 0..1000 {
        polls += 1;
        let store = world.opened().await;
        let mut left = polls;
        let finished = {
            let mut replacing = std::pin::pin!(store.replace_key(None));
            std::future::poll_fn(|context| {
                left -= 1;
                match replacing.as_mut().poll(context) {
                    std::task::Poll::Ready(done) => std::task::Poll::Ready(Some(done)),
                    std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
                    std::task::Poll::Pending => std::task::Poll::Pending,
                }
            })
            .await
        };
        drop(store);
        all_open(&world, &ids).await;
        assert_eq!(access(&earlier.store, ids[7]).await.unwrap().1, "canary-access-7");
        assert!(earlier.store.set_standing(ids[0], &Standing::Active).await.unwrap());
        earlier.store.replace_grant(ids[3], &world.tokens("3"), &pending("x").subject, None).await.unwrap().unwrap();
        let status = earlier.key_status().await.unwrap();
        if status.offered.is_some() {
            offered += 1;
            // Either it is withdrawn, or the next one goes on with it.
            if offered % 2 == 0 {
                world.opened().await.withdraw_offered_key().await.unwrap();
                assert_eq!(files(&world), ["home.key", "home.lock", "lanyard.db"]);
                all_open(&world, &ids).await;
            }
        }
        if let Some(next) = &status.next {
            interrupted += 1;
            assert_eq!(next.rows + status.rows, 61, "polled {polls} times");
        } else {
            assert_eq!(status.rows, 61, "polled {polls} times: nothing is under a third key");
        }
        match finished {
            // The commit of the one before, which was given up, came in between.
            None | Some(Err(ReplaceKeyError::Busy)) => {}
            Some(done) => {
                let done = done.unwrap();
                assert_ne!(done.new, last);
                (polls, last) = (0, done.new);
                if interrupted >= 20 && offered >= 2 {
                    break;
                }
            }
        }
    }
    let status = world.opened().await.key_status().await.unwrap();
    assert_eq!((status.id, status.next, status.to_remove), (last, None, None));
    all_open(&world, &ids).await;
    assert_eq!(files(&world), ["home.key", "home.lock", "lanyard.db"]);
    assert!(interrupted >= 20, "only {interrupted} of the points lie between begin and end");
    assert!(offered >= 2, "only {offered} of the points lie between the offer and the begin");
}

#[tokio::test]
async fn what_a_process_left_undone_after_the_last_transaction_the_next_one_does() {
    let world = World::new().await;
    let ids = world.many(2).await;
    let old = fs::read(world.home().join("home.key")).unwrap();
    let replaced = world.opened().await.replace_key(None).await.unwrap();
    // As if it had ended before it touched a file.
    fs::rename(world.home().join("home.key"), world.home().join("home.key.next")).unwrap();
    fs::write(world.home().join("home.key"), old).unwrap();
    fs::set_permissions(world.home().join("home.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let mark = format!("UPDATE home SET retired_key_id = '{}', retired_key_source = 'file'", replaced.old);
    world.tamper(&mark).await;
    reseal_home(&world, "home.key.next").await;
    all_open(&world, &ids).await;
    assert_eq!(files(&world), ["home.key", "home.lock", "lanyard.db"]);
    assert_eq!(KeyFile::new(world.home().join("home.key")).read().unwrap()[0].id(), replaced.new);
    assert_eq!(world.opened().await.key_status().await.unwrap().to_remove, None);
}

#[tokio::test]
async fn an_earlier_key_in_a_keyring_that_is_gone_is_in_nobodys_way() {
    // Nobody answers at this address: no test asks the keyring of whoever runs it. A process cannot change its own environment.
    const SILENT: &str = "unix:path=/nonexistent/lanyard-test-bus";
    if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").as_deref() != Some(SILENT.as_ref()) {
        if cfg!(not(target_os = "linux")) {
            // Past the harness, which shows nothing of a test that does not fail.
            let line = "LEFT OUT: the keyring of this system cannot be taken away from a test\n";
            return std::io::stderr().write_all(line.as_bytes()).unwrap();
        }
        let test = "keys::an_earlier_key_in_a_keyring_that_is_gone_is_in_nobodys_way";
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let output = again.args(["--exact", test]).env("DBUS_SESSION_BUS_ADDRESS", SILENT).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let world = World::new().await;
    let ids = world.many(1).await;
    let mark = "UPDATE home SET retired_key_id = '0123456789abcdef', retired_key_source = 'keyring', home_id = 'test-of-lanyard'";
    world.tamper(mark).await;
    reseal_home(&world, "home.key").await;
    all_open(&world, &ids).await;
    let store = world.opened().await;
    assert!(store.key_status().await.unwrap().to_remove.is_some());
    store.replace_key(None).await.unwrap();
    assert_eq!(store.key_status().await.unwrap().to_remove, None);
    all_open(&world, &ids).await;
}

#[tokio::test]
async fn a_row_that_does_not_open_is_named_and_keeps_no_other_from_the_new_key() {
    let world = World::new().await;
    let ids = world.many(3).await;
    world.tamper("UPDATE credentials SET wrapped_key = zeroblob(10) WHERE name = 'bot-1'").await;
    let store = world.opened().await;
    let error = store.replace_key(None).await.unwrap_err();
    let damaged = DamagedRow::Credential("bot-1".parse().unwrap());
    assert!(matches!(&error, ReplaceKeyError::Damaged(rows) if *rows == [damaged]), "{error}");
    assert_eq!(access(&store.store, ids[2]).await.unwrap().1, "canary-access-2");
    store.store.remove_credential(ids[1]).await.unwrap();
    assert!(store.replace_key(None).await.unwrap().resumed);
}

#[tokio::test]
async fn two_do_not_replace_the_key_at_once() {
    let world = World::new().await;
    world.many(1).await;
    let held = fs::File::open(world.home().join("home.lock")).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let error = world.opened().await.replace_key(None).await.unwrap_err();
    assert!(matches!(error, ReplaceKeyError::Busy), "{error}");
}

#[tokio::test]
async fn every_row_gets_a_new_data_key_and_opens_with_that_alone() {
    let world = World::new().await;
    let ids = world.many(120).await;
    let credential = world.signed_in().await;
    let (view, declared) = begun(&world.store, credential.id).await;
    world.store.keep_spare(credential.id, view.credential.grant, &RefreshToken::new("spare")).await.unwrap();
    world.store.begin_clearing(ids[119]).await.unwrap();
    world.tamper("UPDATE credentials SET access_token = x'00' WHERE name = 'bot-118'").await;
    let sealed = |world: &World| {
        let world = world.home().join("lanyard.db");
        async move {
            let mut connection = SqliteConnectOptions::new().filename(world).connect().await.unwrap();
            let columns = "SELECT wrapped_key FROM credentials WHERE name <> 'bot-118' UNION ALL SELECT access_token FROM credentials \
                           WHERE name <> 'bot-118' UNION ALL SELECT refresh_token FROM credentials WHERE refresh_token IS NOT NULL AND \
                           name <> 'bot-118' UNION ALL SELECT spare_token FROM credentials WHERE spare_token IS NOT NULL \
                           UNION ALL SELECT wrapped_key FROM apps UNION ALL SELECT client_secret FROM apps \
                           UNION ALL SELECT wrapped_key FROM revocations UNION ALL SELECT token FROM revocations";
            sqlx::query_scalar::<_, Vec<u8>>(columns).fetch_all(&mut connection).await.unwrap()
        }
    };
    let before = sealed(&world).await;
    let renewed = world.opened().await.store.renew_data_keys().await.unwrap();
    assert_eq!((renewed.rows, renewed.damaged.len()), (121 - 1 + 1 + 2, 1), "{renewed:?}");
    let after = sealed(&world).await;
    assert_eq!(before.len(), after.len());
    assert!(before.iter().all(|value| !after.contains(value)), "a value is as it was");
    all_open(&world, &ids[..118]).await;
    // Whoever had the rows in memory, and the exchange that was under way, go on.
    let done =
        world.store.commit(credential.id, view.credential.grant, &declared.intent, &world.rotated("2")).await.unwrap();
    assert!(matches!(done, Commit::Committed(_)), "{done:?}");
    let store = world.opened().await;
    assert!(store.store.app_secret(credential.app.unwrap()).await.unwrap().is_some());
    for pending in store.store.pending_revocations().await.unwrap() {
        store.store.open_revocation(&pending).unwrap();
    }
}

#[tokio::test]
async fn a_home_of_the_first_version_opens_and_gets_a_new_key() {
    let world = home_of_first_version().await;
    for _ in 0..2 {
        let store = world.opened().await;
        let app = store.store.app(&"desk".parse().unwrap()).await.unwrap().unwrap();
        let secret = store.store.app_secret(app.id).await.unwrap().unwrap();
        assert_eq!(secret.expose_secret(), "canary-client-secret");
        let lobby = store.store.credential(&"lobby".parse().unwrap()).await.unwrap().unwrap();
        let (_, token) = access(&store.store, lobby.id).await.unwrap();
        assert!(token.starts_with("C6QARM4027x"), "{token}");
        store.replace_key(None).await.unwrap();
    }
}

/// A table that is forgotten in `keys/wrapped.rs` would keep its rows under a key that is thrown away.
#[tokio::test]
async fn every_table_with_data_keys_is_known_to_the_replacement() {
    let world = World::new().await;
    let mut connection = world.connection().await;
    let tables = "SELECT m.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c \
                  WHERE m.type = 'table' AND c.name = 'wrapped_key' ORDER BY m.name";
    let rows = sqlx::query(tables).fetch_all(&mut connection).await.unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(names, ["apps", "credentials", "home", "revocations"], "see keys/wrapped.rs, then change this list");
}
