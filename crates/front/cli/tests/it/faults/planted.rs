//! Backups into a folder that everybody may write to, while another user puts something there.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use lanyard_testkit::{Ended, Home, Running, left_out};
use rustix::process::{Pid, Signal, kill_process};

use super::strict;
use crate::LANYARD;

/// The other user.
const STRANGER: &str = "54322";

/// A folder that everybody may write to, as no `/tmp` is.
struct Shared {
    folder: tempfile::TempDir,
    /// A file of the home's owner, which a link could lead to.
    precious: PathBuf,
}

impl Shared {
    fn new(home: &Home) -> Self {
        let folder = tempfile::Builder::new().prefix("lanyard-test-").tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let precious = home.file("precious", "precious");
        fs::set_permissions(&precious, Permissions::from_mode(0o600)).unwrap();
        Self { folder, precious }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a script as the stranger, in the folder; gives what it prints, if it succeeds.
    fn stranger(&self, script: &str, argument: &Path) -> Option<String> {
        let drop = ["--reuid", STRANGER, "--regid", STRANGER, "--clear-groups", "--", "sh", "-c", script, "sh"];
        let mut command = Command::new("setpriv");
        let done =
            command.args(drop).arg(argument).current_dir(self.folder.path()).output().expect("setpriv(1) is here");
        done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned())
    }

    /// Everything in the folder that the stranger can read.
    fn loot(&self) -> String {
        self.stranger("cat -- * 2>&1; true", Path::new("")).unwrap()
    }

    fn clean(&self) {
        assert!(self.stranger("rm -rf -- *", Path::new("")).is_some());
    }
}

fn signal(process: &Running, signal: Signal) {
    let id = i32::try_from(process.id()).ok().and_then(Pid::from_raw).unwrap();
    kill_process(id, signal).unwrap();
}

/// Backs up to `copy` in the folder. The stranger's script runs after the backup has looked whether there is anything of that name,
/// and before it gives the name; `$1` is the precious file, and `$UNFINISHED` the name that a copy across file systems has at first.
fn backed_up_around(home: &Home, shared: &Shared, script: &str) -> Ended {
    for _ in 0..200 {
        let mut backup = Running::start(&mut home.command(["backup".as_ref(), shared.path("copy").as_os_str()]));
        let unfinished = home.path().join(format!("backup.{}.unfinished", backup.id()));
        while !unfinished.exists() && !backup.has_ended() {
            std::hint::spin_loop();
        }
        if backup.has_ended() {
            backup.end().ok();
            shared.clean();
            continue;
        }
        signal(&backup, Signal::STOP);
        backup.wait_until_stopped();
        let is_between = unfinished.exists() && !shared.path("copy").exists();
        if is_between {
            let script = format!("UNFINISHED=copy.{}.unfinished; {script}", backup.id());
            assert!(shared.stranger(&script, &shared.precious).is_some(), "{script}");
        }
        signal(&backup, Signal::CONT);
        let ended = backup.end();
        if is_between {
            return ended;
        }
        ended.ok();
        shared.clean();
    }
    panic!("no backup was stopped in its middle");
}

#[test]
fn a_stranger_who_plants_files_beside_a_backup_gets_and_spoils_nothing() {
    if Shared::new(&Home::new(LANYARD)).stranger("true", Path::new("")).is_none() {
        return left_out("it takes root, to become another user");
    }
    // On the folder's file system, and on another one, from which the copy goes over under another name.
    let on_a_disk = match Home::on_a_disk(LANYARD) {
        Ok(home) => home,
        Err(why) => return left_out(&format!("it takes root, to mount: {why}")),
    };
    for (home, crosses) in [(Home::new(LANYARD), false), (on_a_disk, true)] {
        let webex = strict();
        let home = home.with_acme(&webex);
        let shared = Shared::new(&home);
        let owner = fs::metadata(home.path()).unwrap().uid();
        chown(&shared.precious, Some(owner), None).unwrap();
        for (script, is_refused) in [
            ("printf foreign > copy", true),
            ("ln -s \"$1\" copy", true),
            ("ln -s nothing copy", true),
            ("mkdir copy", true),
            ("printf foreign > copy-wal; printf foreign > copy-journal; printf foreign > copy-shm", false),
            ("ln -s \"$1\" $UNFINISHED", crosses),
            ("printf foreign > $UNFINISHED", crosses),
        ] {
            let what = format!("{script} (another file system: {crosses})");
            let before = fs::read_dir(shared.folder.path()).unwrap().count();
            assert_eq!(before, 0, "{what}");
            let ended = backed_up_around(&home, &shared, script);
            if is_refused {
                assert!(ended.stderr.contains("exists already"), "{what}: {}", ended.stderr);
                ended.fails(2);
            } else {
                ended.ok();
                let copy = fs::symlink_metadata(shared.path("copy")).unwrap();
                assert_eq!((copy.mode() & 0o7777, copy.uid(), copy.is_file()), (0o600, owner, true), "{what}");
            }
            let planted = fs::read_dir(shared.folder.path()).unwrap().map(Result::unwrap);
            let strangers: Vec<_> =
                planted.filter(|entry| fs::symlink_metadata(entry.path()).unwrap().uid() != owner).collect();
            assert!(!strangers.is_empty(), "{what}: what was planted is still there");
            for file in strangers.iter().filter(|entry| entry.file_type().unwrap().is_file()) {
                assert_eq!(fs::read_to_string(file.path()).unwrap(), "foreign", "{what}");
            }
            assert_eq!(fs::read_to_string(&shared.precious).unwrap(), "precious", "{what}");
            let loot = shared.loot();
            assert!(!loot.contains("SQLite format") && !loot.contains("precious"), "{what}: {loot}");
            let left = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name());
            assert!(!left.into_iter().any(|name| name.to_string_lossy().contains("unfinished")), "{what}");
            shared.clean();
        }
    }
}
