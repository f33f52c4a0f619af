//! The home's key: kill -9 in the middle of its replacement, and the places where it may be kept.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lanyard_credential::{
    Credential, CredentialId, CredentialName, Generation, Grant, Kind, RefreshRight, Standing, Subject, Validity,
};
use lanyard_protocol::Environment;
use lanyard_secret::AccessToken;
use lanyard_store::{NewCredential, NewTokens, Options, Parts, Store};
use lanyard_testkit::{Home, Running, wait};
use lanyard_time::{Entropy as _, SeededEntropy, SystemEntropy};
use serde_json::Value;

use crate::LANYARD;

/// How many credentials the home holds; `LANYARD_KEY_ROTATION` for the long form.
fn credentials() -> usize {
    std::env::var("LANYARD_KEY_ROTATION").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

/// How many kills must land between the first and the last transaction of a replacement.
fn kills() -> usize {
    if credentials() > 300 { 50 } else { 8 }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A bot whose token nobody needs to ask for.
fn bot(parts: &Parts, number: usize) -> NewCredential {
    NewCredential {
        credential: Credential {
            id: CredentialId::random(&SystemEntropy),
            name: name(number).parse::<CredentialName>().unwrap(),
            kind: Kind::Bot,
            environment: Environment::at("http://127.0.0.1:9/v1").unwrap(),
            app: None,
            standing: Standing::Active,
            grant: Grant::default(),
            generation: Generation::default(),
            validity: None,
            scopes: None,
            subject: Subject::Unknown("nobody asked".to_owned()),
            organisation: None,
            created_at: parts.clock.now().wall,
            last_rotated_at: None,
            labels: std::collections::BTreeMap::default(),
            mint: None,
        },
        tokens: Some(tokens(parts, number)),
    }
}

fn tokens(parts: &Parts, number: usize) -> NewTokens {
    NewTokens {
        access: Some(AccessToken::new(token(number))),
        refresh: None,
        validity: Validity { obtained: parts.clock.now(), access: None, refresh: RefreshRight::None },
        scopes: None,
    }
}

fn name(number: usize) -> String {
    format!("bot-{number}")
}

fn token(number: usize) -> String {
    format!("token-of-bot-{number}")
}

/// A home full of bots, made past the binary.
fn full_home(count: usize) -> (Home, Vec<CredentialId>) {
    let home = Home::new(LANYARD);
    let ids = runtime().block_on(async {
        let parts = Parts::system();
        let (store, _) = Store::open_or_create(&home.path(), parts.clone(), Options::default()).await.unwrap();
        let mut ids = Vec::with_capacity(count);
        for number in 0..count {
            ids.push(store.insert_credential(&bot(&parts, number)).await.unwrap().id);
        }
        store.close().await.unwrap();
        ids
    });
    (home, ids)
}

fn shown(home: &Home) -> Value {
    serde_json::from_str(&home.run(["--json", "key", "show"]).ok()).unwrap()
}

/// How many rows stand under another key than this one, by a look at the database from outside.
fn under_another(home: &Home, key: &str) -> String {
    let of = |table: &str| {
        format!("SELECT count(*) AS n FROM {table} WHERE lower(hex(substr(wrapped_key, 2, 8))) <> '{key}'")
    };
    let tables = ["home", "apps", "credentials", "revocations"].map(of).join(" UNION ALL ");
    let statement = format!("SELECT sum(n) FROM ({tables})");
    let output = Command::new("sqlite3").arg(home.path().join("lanyard.db")).arg(statement).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_replacement_that_is_killed_again_and_again_loses_nothing() {
    let count = credentials();
    let (home, ids) = full_home(count);
    let runtime = runtime();
    let parts = Parts::system();
    // A process that had the home open before all of it, and has it open to the end.
    let earlier = runtime.block_on(Store::open_home(&home.path(), parts.clone(), Options::default())).unwrap().0;
    let entropy = SeededEntropy::new(23);
    let random = |below: usize| {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % u64::try_from(below).unwrap()).unwrap()
    };
    // From the start of a process on, until well after the end of what it does with so many rows: in microseconds, and more where
    // the machine is slow.
    let mut longest = 40_000 + count * 60;
    let (mut landed, mut finished, mut rounds) = (0, 0, 0);
    let mut current = runtime.block_on(earlier.key_status()).unwrap().id;
    while landed < kills() {
        rounds += 1;
        assert!(rounds < kills() * 40, "{landed} of {rounds} kills landed in the middle");
        let rotation = Running::start(&mut home.command(["key", "rotate"]));
        wait(Duration::from_micros(u64::try_from(random(longest)).unwrap()));
        rotation.kill();
        let status = runtime.block_on(earlier.key_status()).unwrap();
        match &status.next {
            Some(next) => {
                landed += 1;
                assert_eq!(next.rows + status.rows, u64::try_from(count + 1).unwrap(), "no row under a third key");
            }
            None if status.id == current => longest += longest / 8,
            None => finished += 1,
        }
        current = status.id;
        // Another process reads, and the one that was there before reads and writes.
        let (read, seen, written) = (random(count), random(count), random(count));
        assert_eq!(home.run(["token", &name(read)]).ok(), token(read), "round {rounds}");
        runtime.block_on(async {
            let found = earlier.access_token(ids[seen]).await.unwrap().unwrap().1;
            assert_eq!(found.expose_secret(), token(seen), "round {rounds}");
            let new = tokens(&parts, written);
            let unknown = Subject::Unknown("nobody asked".to_owned());
            earlier.replace_grant(ids[written], &new, &unknown, None).await.unwrap().unwrap();
        });
    }
    if shown(&home)["next"].is_object() {
        let doctor = home.run(["doctor"]);
        assert!(doctor.stdout.contains("hint: finish it: lanyard key rotate"), "{}", doctor.stdout);
        doctor.fails(4);
    }
    home.run(["key", "rotate"]).ok();

    let status = shown(&home);
    assert_eq!(status["rows"], count + 1);
    assert!(status["next"].is_null() && status["to_remove"].is_null(), "{status}");
    assert_eq!(under_another(&home, status["id"].as_str().unwrap()), "0");
    runtime.block_on(async {
        let (store, _) = Store::open_home(&home.path(), parts.clone(), Options::default()).await.unwrap();
        for (number, id) in ids.iter().enumerate() {
            for store in [&store, &earlier] {
                let found = store.access_token(*id).await.unwrap().unwrap().1;
                assert_eq!(found.expose_secret(), token(number));
            }
        }
        store.close().await.unwrap();
        earlier.close().await.unwrap();
    });
    home.run(["doctor"]).ok();
    home.run(["audit", "--verify"]).ok();
    let names = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, ["home.key", "home.lock", "lanyard.db"]);
    eprintln!(
        "{count} credentials: {landed} of {rounds} kills in the middle of a replacement, {finished} after its end"
    );
}

#[test]
fn a_key_is_generated_for_a_file_or_a_program_and_not_for_a_terminal() {
    let home = Home::new(LANYARD);
    let key = home.run(["key", "generate"]).ok();
    assert!(key.starts_with("lanyard-home-key-1 ") && key.lines().count() == 1, "it is one line");
    assert!(!home.path().exists(), "no home is made for it");
    // script(1) gives it a terminal.
    let mut terminal = Command::new("script");
    let line = format!("{LANYARD} key generate");
    let shown = terminal.args(["--quiet", "--return", "--command", &line, "/dev/null"]).output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("does not belong on a terminal") && !shown.contains("lanyard-home-key-1"), "{shown}");
}

fn with<'a>(command: &'a mut Command, variables: &[(&str, &Path)]) -> &'a mut Command {
    command.envs(variables.iter().copied())
}

#[test]
fn a_home_under_a_passphrase_is_opened_by_many_at_once_and_by_nobody_without_it() {
    let home = Home::new(LANYARD);
    let (first, second) =
        (home.file("first", "correct horse battery\n"), home.file("second", "staple of another kind\n"));
    for file in [&first, &second] {
        fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    let secret = home.file("secret", "canary-client-secret");
    let mut add = home.command(["--webex-url", "http://127.0.0.1:9/v1", "app", "add", "desk", "--kind", "integration"]);
    add.args(["--client-id", "C1", "--redirect-uri", "http://127.0.0.1:9/c", "--client-secret-file"]).arg(&secret);
    add.env("LANYARD_KEY_SOURCE", "passphrase");
    Running::start(with(&mut add, &[("LANYARD_PASSPHRASE_FILE", &first)])).end().ok();

    let refused = home.run(["app", "list"]);
    assert!(refused.hint().contains("LANYARD_PASSPHRASE_FILE"), "{}", refused.hint());
    refused.fails(6);
    let wrong = Running::start(with(&mut home.command(["app", "list"]), &[("LANYARD_PASSPHRASE_FILE", &second)])).end();
    assert!(wrong.stderr.contains("the passphrase does not open the key"), "{}", wrong.stderr);
    wrong.fails(6);
    let list = || {
        let mut list = home.command(["app", "list"]);
        Running::start(with(&mut list, &[("LANYARD_PASSPHRASE_FILE", &first)]))
    };
    let crowd: Vec<Running> = (0..10).map(|_| list()).collect();
    assert!(crowd.into_iter().all(|process| process.end().ok().contains("desk")));

    let mut change = home.command(["key", "rotate", "--to", "passphrase"]);
    let files: [(&str, &Path); 2] = [("LANYARD_PASSPHRASE_FILE", &first), ("LANYARD_NEW_PASSPHRASE_FILE", &second)];
    let changed = Running::start(with(&mut change, &files)).end();
    assert!(!format!("{}{}", changed.stdout, changed.stderr).contains("horse"));
    changed.ok();
    list().end().fails(6);
    Running::start(with(&mut home.command(["app", "list"]), &[("LANYARD_PASSPHRASE_FILE", &second)])).end().ok();
}

#[test]
fn a_slip_in_the_settings_stops_only_what_needs_them() {
    let (home, _) = full_home(1);
    let settings = home.path().join("lanyard.toml");
    let write = |text: &str| {
        fs::write(&settings, text).unwrap();
        // As every editor makes it.
        fs::set_permissions(&settings, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    };
    for text in ["key_sauce = \"file\"\n", "[serve]\nkey_sauce = 1\n", "key_sauce"] {
        write(text);
        let listed = home.run(["app", "list"]);
        assert!(listed.stderr.starts_with("warning: ") && listed.stderr.contains("lanyard.toml"), "{}", listed.stderr);
        assert!(!listed.ok().is_empty());
        let refused = home.run(["serve"]);
        assert!(refused.stderr.contains("lanyard.toml is invalid"), "{}", refused.stderr);
        assert!(refused.hint().contains("key_source"), "{}", refused.hint());
        refused.fails(2);
        let examined = home.run(["doctor"]);
        assert_eq!(examined.stdout.matches("lanyard.toml").count(), 1, "{}", examined.stdout);
        assert!(examined.stdout.contains("!!  settings "), "{}", examined.stdout);
        examined.fails(2);
    }
    write("[serve]\nsockets = 3\n");
    home.run(["app", "list"]).fails(2);
    fs::set_permissions(&settings, std::os::unix::fs::PermissionsExt::from_mode(0o646)).unwrap();
    let exposed = home.run(["app", "list"]);
    assert!(exposed.hint().contains("chmod go-w"), "{}", exposed.stderr);
    exposed.fails(2);
}

#[test]
fn a_command_delivers_the_key_and_what_it_says_beside_is_shown_where_it_fails_alone() {
    let home = Home::new(LANYARD);
    let key = home.file("key", &format!("{}\n", home.run(["key", "generate"]).ok()));
    fs::create_dir(home.path()).unwrap();
    fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let settings = home.path().join("lanyard.toml");
    let script = format!("echo looking >&2; test -z \"$LANYARD_HOME\" && cat {}", key.display());
    fs::write(&settings, format!("key_source = \"command\"\nkey_command = [\"sh\", \"-c\", {script:?}]\n")).unwrap();
    fs::set_permissions(&settings, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let secret = home.file("secret", "canary-client-secret");
    let add = |name: &str| {
        let mut add =
            home.command(["--webex-url", "http://127.0.0.1:9/v1", "app", "add", name, "--kind", "integration"]);
        add.args(["--client-id", "C1", "--redirect-uri", "http://127.0.0.1:9/c", "--client-secret-file"]).arg(&secret);
        add.env_remove("LANYARD_KEY_SOURCE");
        Running::start(&mut add).end()
    };
    let added = add("desk");
    assert!(!added.stderr.contains("looking"), "{}", added.stderr);
    added.ok();
    assert_eq!(shown(&home)["place"]["source"], "command");
    assert!(!home.path().join("home.key").exists());
    fs::rename(&key, key.with_extension("away")).unwrap();
    let failed = add("other");
    assert!(failed.hint().contains("No such file"), "{}", failed.hint());
    failed.fails(6);
}

#[cfg(target_os = "linux")]
#[test]
fn a_secret_that_root_provides_for_a_user_opens_that_users_home() {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    let home = match Home::on_a_disk(LANYARD) {
        Ok(home) => home,
        Err(why) => return crate::left_out(&format!("it takes root, to give files away: {why}")),
    };
    let key = home.file("key", &format!("{}\n", home.run(["key", "generate"]).ok()));
    let group = std::os::unix::fs::MetadataExt::uid(&fs::metadata(&key).unwrap());
    // As systemd gives a service its credentials, and as a container is given a secret.
    chown(&key, Some(0), Some(group)).unwrap();
    let secret = home.file("secret", "canary-client-secret");
    let add = || {
        let mut add =
            home.command(["--webex-url", "http://127.0.0.1:9/v1", "app", "add", "desk", "--kind", "integration"]);
        add.args(["--client-id", "C1", "--redirect-uri", "http://127.0.0.1:9/c", "--client-secret-file"]).arg(&secret);
        add.env_remove("LANYARD_KEY_SOURCE").env("LANYARD_KEY_FILE", &key);
        Running::start(&mut add).end()
    };
    for (mode, said) in
        [(0o444, "others can read or write"), (0o460, "others can read or write"), (0o400, "cannot use")]
    {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let refused = add();
        assert!(refused.stderr.contains(said), "{mode:o}: {}", refused.stderr);
        refused.fails(6);
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o440)).unwrap();
    add().ok();
    let mut show = home.command(["--json", "key", "show"]);
    let shown: Value = serde_json::from_str(&Running::start(show.env("LANYARD_KEY_FILE", &key)).end().ok()).unwrap();
    assert_eq!((&shown["place"]["source"], shown["place"]["path"].as_str()), (&"key-file".into(), key.to_str()));
    let without = home.run(["app", "list"]);
    assert!(without.hint().contains("LANYARD_KEY_FILE"), "{}", without.hint());
    without.fails(6);
}
