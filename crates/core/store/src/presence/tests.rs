use lanyard_time::SystemEntropy;

use super::*;

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A process of this machine in this home.
    fn process(&self) -> Presence {
        self.under("kernel")
    }

    fn under(&self, kernel: &str) -> Presence {
        Presence::new(self.0.path().join("presence"), BootId::new(kernel))
    }

    fn file(&self, process: &Process) -> PathBuf {
        self.0.path().join("presence").join(&*process.number)
    }
}

#[test]
fn a_process_is_present_until_it_has_ended() {
    let home = Home::new();
    let (me, other) = (home.process(), home.process());
    let process = other.announce(&SystemEntropy);
    assert_eq!(other.announce(&SystemEntropy), process, "it has one number");
    assert!(other.is_own(&process) && !me.is_own(&process));
    // Two that look at once do not take each other for its holder.
    assert_eq!([me.look(&process), home.process().look(&process)], [Sight::Present; 2]);
    drop(other);
    assert_eq!([me.look(&process), home.process().look(&process)], [Sight::Gone; 2]);
}

#[test]
fn the_file_is_its_owners_alone() {
    let home = Home::new();
    let presence = home.process();
    let path = home.file(&presence.announce(&SystemEntropy));
    let found = fs::metadata(&path).unwrap();
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn nothing_is_said_of_a_process_under_another_kernel() {
    let home = Home::new();
    let (ended, here) = (home.under("other"), home.process());
    let process = ended.announce(&SystemEntropy);
    drop(ended);
    assert_eq!(here.look(&process), Sight::Unknown);
    assert_eq!(home.under("other").look(&process), Sight::Gone);
    // A kernel that does not tell its boot session is none that is known.
    let nameless = home.under("");
    let process = nameless.announce(&SystemEntropy);
    assert_eq!(home.under("").look(&process), Sight::Unknown);
}

#[test]
fn a_file_that_is_missing_or_another_one_says_nothing() {
    let home = Home::new();
    let (me, other) = (home.process(), home.process());
    let process = other.announce(&SystemEntropy);
    fs::remove_file(home.file(&process)).unwrap();
    assert_eq!(me.look(&process), Sight::Unknown);
    // A link is not followed.
    std::os::unix::fs::symlink("/etc/hostname", home.file(&process)).unwrap();
    assert_eq!(me.look(&process), Sight::Unknown);
    // A home that was copied while its process lived.
    let copied = Home::new();
    let (living, copy) = (home.process(), copied.process());
    let _ = copy.announce(&SystemEntropy);
    let process = living.announce(&SystemEntropy);
    fs::copy(home.file(&process), copied.file(&process)).unwrap();
    assert_eq!([me.look(&process), copy.look(&process)], [Sight::Present, Sight::Unknown]);
    // Another home of the same store.
    assert_eq!(Home::new().process().look(&process), Sight::Unknown);
}

#[test]
fn a_number_that_is_no_number_is_no_path() {
    let home = Home::new();
    let me = home.process();
    let _ = me.announce(&SystemEntropy);
    fs::write(home.0.path().join("other"), "").unwrap();
    for number in ["", "../other", "0123456789ABCDEF0123456789ABCDEF", "."] {
        let process = Process { number: number.into(), kernel: BootId::new("kernel"), pid: 1 };
        assert_eq!(me.look(&process), Sight::Unknown, "{number}");
    }
}

#[test]
fn a_process_that_cannot_make_its_file_goes_on_and_cannot_be_seen() {
    let home = Home::new();
    fs::write(home.0.path().join("presence"), "in the way").unwrap();
    let presence = home.process();
    let process = presence.announce(&SystemEntropy);
    assert_eq!(presence.announce(&SystemEntropy), process);
    assert_eq!(home.process().look(&process), Sight::Unknown);
    fs::remove_file(home.0.path().join("presence")).unwrap();
    let seen = presence.announce(&SystemEntropy);
    assert_eq!(home.process().look(&seen), Sight::Present);
    assert!(presence.is_own(&process) && presence.is_own(&seen), "it knows its earlier number too");
}

#[test]
fn only_the_file_of_a_process_that_has_ended_can_be_inherited() {
    let home = Home::new();
    let (me, ended, living) = (home.process(), home.process(), home.process());
    let [own, gone, there] = [&me, &ended, &living].map(|presence| presence.announce(&SystemEntropy));
    fs::write(home.0.path().join("presence/note"), "").unwrap();
    drop(ended);
    let mut others = me.others();
    others.sort();
    let mut expected = [gone.number.to_string(), there.number.to_string()];
    expected.sort();
    assert_eq!(others, expected, "its own and what is no number are left alone");
    assert!(me.inherit(&gone.number).is_some() && me.inherit(&there.number).is_none());
    assert_eq!([me.look(&there), living.look(&own)], [Sight::Present; 2]);
}
