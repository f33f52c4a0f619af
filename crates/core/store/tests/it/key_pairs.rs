//! The home's key moves from every kind of place to every other, and the process ends at every point of the way.

use std::fs;
use std::future::Future as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::task::Poll;

use lanyard_credential::CredentialId;
use lanyard_home::{KeyAccess, KeyError, KeyReplaced, PassphraseSource, ReplaceKeyError};
use lanyard_time::SystemEntropy;
use lanyard_vault::key_file::KeyFile;
use lanyard_vault::{HomeKey, KeyId, KeyLine, KeySource};

use crate::world::{World, access};

/// A walk that takes each of the sixteen pairs once. A keyring needs a session: see the tests of the command line.
const WALK: [KeySource; 17] = {
    use KeySource::{Command as C, File as F, KeyFile as K, Passphrase as P};
    [F, F, C, C, F, K, K, F, P, P, C, P, K, C, K, P, F]
};

struct Places {
    beside: tempfile::TempDir,
    world: World,
    ids: Vec<CredentialId>,
}

impl Places {
    async fn new() -> Self {
        let beside = tempfile::tempdir().unwrap();
        let world = World::new().await;
        private(
            &world.home().join("lanyard.toml"),
            &format!("key_command = [\"cat\", \"{}\"]\n", beside.path().join("command").display()),
        );
        private(&beside.path().join("passphrase"), "correct horse battery\n");
        let ids = world.many(3).await;
        Self { beside, world, ids }
    }

    fn provided(&self, source: KeySource) -> Option<PathBuf> {
        match source {
            KeySource::Command => Some(self.beside.path().join("command")),
            KeySource::KeyFile => Some(self.beside.path().join("key-file")),
            _ => None,
        }
    }

    /// The operator provides another key beside those that are there.
    fn provide_next(&self, source: KeySource) {
        if let Some(path) = self.provided(source) {
            let held = fs::read_to_string(&path).unwrap_or_default();
            let next = KeyLine::Open(HomeKey::generate(&SystemEntropy)).to_text();
            private(&path, &format!("{held}{}", *next));
        }
    }

    /// The operator takes away every provided key but `id`.
    fn keep_provided(&self, id: KeyId) {
        for path in [KeySource::Command, KeySource::KeyFile].into_iter().filter_map(|source| self.provided(source)) {
            let lines = KeyFile::provided(&path).read().unwrap_or_default();
            let kept: String =
                lines.iter().filter(|line| line.id() == id).map(|line| line.to_text().to_string()).collect();
            private(&path, &kept);
        }
    }

    fn access(&self, from: KeySource, to: KeySource) -> KeyAccess {
        let passphrase = || PassphraseSource::File(self.beside.path().join("passphrase"));
        let key_file = [from, to].contains(&KeySource::KeyFile).then(|| self.beside.path().join("key-file"));
        KeyAccess { key_file, passphrase: passphrase(), new_passphrase: passphrase(), ..KeyAccess::default() }
    }

    async fn all_open(&self, from: KeySource, to: KeySource) {
        let store = self.world.opened_with(self.access(from, to)).await;
        let store = store.unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
        for (number, id) in self.ids.iter().enumerate() {
            let (_, token) = access(&store.store, *id).await.expect("it has a token");
            assert_eq!(token, format!("canary-access-{number}"), "{from} to {to}");
        }
    }

    /// Replaces the key, in a process that goes away when it has waited `polls` times.
    async fn replace_within(
        &self,
        (from, to): (KeySource, KeySource),
        polls: usize,
    ) -> Option<Result<KeyReplaced, ReplaceKeyError>> {
        let store = self.world.opened_with(self.access(from, to)).await.unwrap();
        let mut replacing = Box::pin(store.replace_key(Some(to)));
        let mut left = polls;
        std::future::poll_fn(|context| {
            left -= 1;
            match replacing.as_mut().poll(context) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if left == 0 => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_replacement_from_any_place_to_any_other_that_ends_anywhere_loses_no_key() {
    let places = Places::new().await;
    let mut all_offered = 0;
    for pair in WALK.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        places.provide_next(to);
        // Deriving a key from a passphrase is slow on purpose.
        let step = if [from, to].contains(&KeySource::Passphrase) { 11 } else { 1 };
        let (mut interrupted, mut offered) = (0, 0);
        loop {
            match places.replace_within((from, to), 1 + interrupted * step).await {
                // The one before was interrupted after its last transaction.
                Some(Ok(_) | Err(ReplaceKeyError::Key(KeyError::NoOther { .. }))) => break,
                // The last transaction of the one before was on its way still.
                None | Some(Err(ReplaceKeyError::Busy)) => interrupted += 1,
                Some(Err(error)) => panic!("{from} to {to}: {error}"),
            }
            places.all_open(from, to).await;
            let store = places.world.opened_with(places.access(from, to)).await.unwrap();
            if store.key_status().await.unwrap().offered.is_some() {
                offered += 1;
                // Either it is withdrawn, or the next one goes on with it.
                if offered % 2 == 1 {
                    match store.withdraw_offered_key().await {
                        // The last transaction of the one before was on its way still.
                        Ok(_) | Err(ReplaceKeyError::TooLate(_)) => {}
                        Err(error) => panic!("{from} to {to}: {error}"),
                    }
                    places.all_open(from, to).await;
                }
            }
        }
        let store = places.world.opened_with(places.access(from, to)).await.unwrap();
        let status = store.key_status().await.unwrap();
        assert_eq!((status.place.source, &status.next), (to, &None), "{from} to {to}");
        drop(store);
        assert!(interrupted >= 2, "{from} to {to}: only {interrupted} interruptions");
        all_offered += offered;
        places.keep_provided(status.id);
        places.all_open(to, to).await;
        let home = places.world.home();
        assert!(!home.join("home.key.next").exists(), "{from} to {to}");
        let is_in_files = matches!(to, KeySource::File | KeySource::Passphrase);
        assert_eq!(home.join("home.key").exists(), is_in_files, "{from} to {to}");
        if is_in_files {
            assert_eq!(KeyFile::new(home.join("home.key")).read().unwrap()[0].id(), status.id);
            // As if the process had ended between the two files: either state is put right, and blocks no replacement.
            fs::copy(home.join("home.key"), home.join("home.key.next")).unwrap();
        }
    }
    assert!(all_offered >= 8, "only {all_offered} interruptions lie between the offer and the begin");
}

#[tokio::test]
async fn a_key_that_was_left_in_the_file_of_the_next_one_gets_its_own_name() {
    let places = Places::new().await;
    places.provide_next(KeySource::KeyFile);
    let pair = (KeySource::File, KeySource::KeyFile);
    places.replace_within(pair, usize::MAX).await.unwrap().unwrap();
    let pair = (KeySource::KeyFile, KeySource::File);
    let replaced = places.replace_within(pair, usize::MAX).await.unwrap().unwrap();
    let (key, next) = (places.world.home().join("home.key"), places.world.home().join("home.key.next"));
    fs::rename(&key, &next).unwrap();
    places.all_open(KeySource::File, KeySource::File).await;
    assert!(!next.exists());
    assert_eq!(KeyFile::new(&key).read().unwrap()[0].id(), replaced.new);
}

#[tokio::test]
async fn the_key_file_of_another_home_is_not_overwritten() {
    let places = Places::new().await;
    places.provide_next(KeySource::KeyFile);
    places.replace_within((KeySource::File, KeySource::KeyFile), usize::MAX).await.unwrap().unwrap();
    let foreign = KeyLine::Open(HomeKey::generate(&SystemEntropy)).to_text().to_string();
    private(&places.world.home().join("home.key"), &foreign);
    let error = places.replace_within((KeySource::KeyFile, KeySource::File), usize::MAX).await.unwrap().unwrap_err();
    assert!(error.hint().contains("move it away"), "{error}");
    assert_eq!(fs::read_to_string(places.world.home().join("home.key")).unwrap(), foreign);
    places.all_open(KeySource::KeyFile, KeySource::KeyFile).await;
}
