//! kill -9 in the middle of a replacement of the home's key.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lanyard_credential::{CredentialId, Kind, RefreshRight, Subject, Validity};
use lanyard_home::{KeyAccess, OpenHome, Options};
use lanyard_protocol::Environment;
use lanyard_secret::AccessToken;
use lanyard_store::{NewCredential, NewTokens, Parts};
use lanyard_testkit::{Ended, Home, Running, credential, wait};
use lanyard_time::{Entropy as _, SeededEntropy, SystemEntropy};
use lanyard_vault::key_file::KeyFile;
use lanyard_vault::{HomeKey, KeyId, KeyLine, KeySource};
use serde_json::Value;

use crate::{LANYARD, store_options};

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
    let environment = Environment::at("http://127.0.0.1:9/v1").unwrap();
    NewCredential {
        credential: credential(&name(number), Kind::Bot, &environment),
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
pub(super) fn full_home(count: usize) -> (Home, Vec<CredentialId>) {
    let home = Home::new(LANYARD);
    let ids = runtime().block_on(async {
        let parts = Parts::system();
        let store = lanyard_home::open_or_create(&home.path(), parts.clone(), store_options()).await.unwrap().store;
        let mut ids = Vec::with_capacity(count);
        for number in 0..count {
            ids.push(store.insert_credential(&bot(&parts, number)).await.unwrap().id);
        }
        store.close().await.unwrap();
        ids
    });
    (home, ids)
}

/// A home full of bots whose key is kept in one place, from which replacements take the next one too.
struct Kept {
    home: Home,
    ids: Vec<CredentialId>,
    source: KeySource,
    /// The file of an operator who provides keys, for a command or as a key file.
    provided: PathBuf,
}

impl Kept {
    fn new(source: KeySource, count: usize) -> Self {
        let (home, ids) = full_home(count);
        let provided = home.file("provided", "");
        set_mode(&provided, 0o600);
        let kept = Self { home, ids, source, provided };
        let first = runtime().block_on(async { kept.open().await.key_status().await.unwrap().id });
        match source {
            KeySource::Command => {
                let settings = kept.home.path().join("lanyard.toml");
                fs::write(&settings, format!("key_command = [\"cat\", \"{}\"]\n", kept.provided.display())).unwrap();
                set_mode(&settings, 0o600);
                kept.provide_beside(first);
                kept.run(&["key", "rotate", "--to", "command"]).ok();
            }
            KeySource::KeyFile => {
                kept.provide_beside(first);
                kept.run(&["key", "rotate"]).ok();
            }
            _ => {}
        }
        kept
    }

    /// The operator takes away every key but this one, and adds another.
    fn provide_beside(&self, current: KeyId) {
        let lines = KeyFile::provided(&self.provided).read().unwrap_or_default();
        let kept = lines.iter().filter(|line| line.id() == current).map(|line| line.to_text().to_string());
        let next = KeyLine::Open(HomeKey::generate(&SystemEntropy)).to_text().to_string();
        fs::write(&self.provided, kept.chain([next]).collect::<String>()).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.home.command(arguments);
        if self.source == KeySource::KeyFile {
            command.env("LANYARD_KEY_FILE", &self.provided);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Running::start(&mut self.command(arguments)).end()
    }

    async fn open(&self) -> OpenHome {
        let key_file = (self.source == KeySource::KeyFile).then(|| self.provided.clone());
        let options = Options { keys: KeyAccess { key_file, ..KeyAccess::default() }, ..store_options() };
        lanyard_home::open(&self.home.path(), Parts::system(), options).await.unwrap()
    }
}

pub(super) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
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
    killed_again_and_again(KeySource::File);
}

#[test]
fn a_replacement_by_a_command_s_next_key_that_is_killed_again_and_again_loses_nothing() {
    killed_again_and_again(KeySource::Command);
}

#[test]
fn a_replacement_by_a_key_file_s_next_key_that_is_killed_again_and_again_loses_nothing() {
    killed_again_and_again(KeySource::KeyFile);
}

fn killed_again_and_again(source: KeySource) {
    let count = credentials();
    let kept = Kept::new(source, count);
    let Kept { home, ids, .. } = &kept;
    let runtime = runtime();
    let parts = Parts::system();
    // A process that had the home open before all of it, and has it open to the end.
    let earlier = runtime.block_on(kept.open());
    let entropy = SeededEntropy::new(23);
    let random = |below: usize| {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % u64::try_from(below).unwrap()).unwrap()
    };
    // From the start of a process on, until well after the end of what it does with so many rows: in microseconds, and more where
    // the machine is slow.
    let mut longest = 40_000 + count * 60;
    let (mut landed, mut offered, mut finished, mut rounds) = (0, 0, 0, 0);
    let mut current = runtime.block_on(earlier.key_status()).unwrap().id;
    kept.provide_beside(current);
    while landed < kills() {
        rounds += 1;
        assert!(rounds < kills() * 40, "{landed} of {rounds} kills landed in the middle");
        let rotation = Running::start(&mut kept.command(&["key", "rotate"]));
        wait(Duration::from_micros(u64::try_from(random(longest)).unwrap()));
        rotation.kill();
        let status = runtime.block_on(earlier.key_status()).unwrap();
        if status.offered.is_some() {
            offered += 1;
            // Either it is withdrawn, or the next one goes on with it.
            if offered % 2 == 1 {
                kept.run(&["key", "rotate", "--cancel"]).ok();
            }
        }
        match &status.next {
            Some(next) => {
                landed += 1;
                assert_eq!(next.rows + status.rows, u64::try_from(count + 1).unwrap(), "no row under a third key");
            }
            None if status.id == current => longest += longest / 8,
            None => {
                finished += 1;
                kept.provide_beside(status.id);
            }
        }
        current = status.id;
        // Another process reads, and the one that was there before reads and writes.
        let (read, seen, written) = (random(count), random(count), random(count));
        assert_eq!(kept.run(&["token", &name(read)]).ok(), token(read), "round {rounds}");
        runtime.block_on(async {
            let found = earlier.store.access_token(ids[seen]).await.unwrap().unwrap().1;
            assert_eq!(found.expose_secret(), token(seen), "round {rounds}");
            let new = tokens(&parts, written);
            let unknown = Subject::Unknown("nobody asked".to_owned());
            earlier.store.replace_grant(ids[written], &new, &unknown, None).await.unwrap().unwrap();
        });
    }
    let shown = || -> Value { serde_json::from_str(&kept.run(&["--json", "key", "show"]).ok()).unwrap() };
    if shown()["next"].is_object() {
        let doctor = kept.run(&["doctor"]);
        assert!(doctor.stdout.contains("hint: finish it: lanyard key rotate"), "{}", doctor.stdout);
        doctor.fails(4);
    }
    kept.run(&["key", "rotate"]).ok();

    let status = shown();
    assert_eq!(status["rows"], count + 1);
    assert!(status["next"].is_null() && status["to_remove"].is_null(), "{status}");
    assert_eq!(status["place"]["source"], source.as_str());
    assert_eq!(under_another(home, status["id"].as_str().unwrap()), "0");
    runtime.block_on(async {
        let store = kept.open().await;
        for (number, id) in ids.iter().enumerate() {
            for store in [&store, &earlier] {
                let found = store.store.access_token(*id).await.unwrap().unwrap().1;
                assert_eq!(found.expose_secret(), token(number));
            }
        }
        store.store.close().await.unwrap();
        earlier.store.close().await.unwrap();
    });
    kept.run(&["doctor"]).ok();
    kept.run(&["audit", "--verify"]).ok();
    let names = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let expected: &[&str] = match source {
        KeySource::Command => &["home.lock", "lanyard.db", "lanyard.toml"],
        KeySource::KeyFile => &["home.lock", "lanyard.db"],
        _ => &["home.key", "home.lock", "lanyard.db"],
    };
    assert_eq!(names, expected);
    eprintln!(
        "{source}, {count} credentials: {landed} of {rounds} kills in the middle of a replacement, {offered} while its key was only \
         offered, {finished} after its end"
    );
}
