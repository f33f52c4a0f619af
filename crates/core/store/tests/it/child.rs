//! Other processes: this test binary again, running one of the tests below.
//!
//! They are ignored in an ordinary run and do what their environment says. A shell between sets what a process cannot set for
//! another in safe code: the umask, a limit on file sizes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use lanyard_home::{NewPlace, OpenHome, Options};
use lanyard_store::{NewCredential, Parts};
use lanyard_vault::KeySource;

use crate::world::pending;

const HOME: &str = "CHILD_HOME";

/// Runs the test `name` of this file on `home`, after the shell did `prelude`.
pub(crate) fn spawn(name: &str, home: &Path, prelude: &str) -> Child {
    Command::new("sh")
        .args(["-c", &format!("{prelude}; exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("child::{name}"), "--ignored", "--nocapture"])
        .env(HOME, home)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The lines that such a child said.
pub(crate) fn said(child: Child) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let said = stdout.lines().filter_map(|line| line.split_once("child: "));
    said.map(|(_, said)| said.to_owned()).collect()
}

fn home() -> PathBuf {
    std::env::var_os(HOME).expect("a child is told where the home is").into()
}

fn say(words: impl std::fmt::Display) {
    println!("child: {words}");
}

#[tokio::test]
#[ignore = "run as a process of its own by other tests"]
async fn opens_or_makes_the_home() {
    let OpenHome { store, key, .. } =
        lanyard_home::open_or_create(&home(), Parts::system(), Options::default()).await.unwrap();
    let own = NewCredential { credential: pending(&format!("of-{}", std::process::id())), tokens: None };
    store.insert_credential(&own).await.unwrap();
    say(key.id());
}

#[tokio::test]
#[ignore = "run as a process of its own by other tests"]
async fn adds_credentials_until_it_fails() {
    let store = lanyard_home::open_or_create(&home(), Parts::system(), Options::default()).await.unwrap().store;
    for number in 0..10_000 {
        let mut credential = pending(&format!("number-{number}"));
        credential.labels.insert("filler".to_owned(), "x".repeat(20_000));
        let new = NewCredential { credential, tokens: None };
        let Ok(added) = store.insert_credential(&new).await else {
            // Once more: the connection that failed is not the one that goes on.
            assert!(store.insert_credential(&new).await.is_err());
            return;
        };
        say(added.name);
    }
    panic!("the limit was not reached");
}

/// The database that a child moves the home's store to.
pub(crate) const TO: &str = "CHILD_TO";

#[tokio::test]
#[ignore = "run as a process of its own by other tests"]
async fn moves_the_store() {
    let address = std::env::var(TO).unwrap().parse().unwrap();
    let to = NewPlace { address, password_file: None, key_source: Some(KeySource::File) };
    let moved = lanyard_home::migrate_store(&home(), to, "uid 1", Parts::system(), Options::default()).await.unwrap();
    say(if moved.rows.is_some() { "copied" } else { "finished" });
}
