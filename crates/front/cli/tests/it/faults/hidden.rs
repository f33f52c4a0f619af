//! Processes that cannot see each other in `/proc`: with `hidepid` (proc(5)), or in process-id namespaces of their own. Whether one lives
//! is asked of its lock.

use std::process::Command;

use lanyard_testkit::{Home, Running, left_out};

use super::{slow, strict};
use crate::LANYARD;

/// Starts a program in a mount namespace of its own whose `/proc` hides the processes of others. Lanyard's are not its own user's in
/// this respect: no other process may look into them.
const HIDING: [&str; 6] =
    ["unshare", "--mount", "sh", "-c", "mount -t proc -o hidepid=2 proc /proc && exec \"$@\"", "sh"];

/// Starts a program in a process-id namespace of its own, where it has another process id, and sees no process outside.
const APART: [&str; 8] = ["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", "\"$@\"; exit $?", "sh"];

#[test]
fn a_process_of_another_process_id_namespace_is_seen_while_it_lives_and_missed_when_it_has_ended() {
    for starter in [&APART[..], &HIDING[..]] {
        let tried = Command::new(starter[0]).args(&starter[1..]).arg("true").output().expect("unshare(1) is here");
        if !tried.status.success() {
            return left_out(&format!("it takes root, to unshare: {}", String::from_utf8_lossy(&tried.stderr)));
        }
        let webex = strict();
        let home = Home::new(LANYARD).with_acme(&webex);
        slow(&webex, 1500);
        let first = Running::start(&mut home.command_by(starter, ["refresh", "acme", "--force"]));
        while webex.refreshes().is_empty() {
            std::thread::yield_now();
        }
        let second = home.run(["refresh", "acme", "--force"]);
        assert!(second.stderr.contains("acme was just renewed by another process"), "{}", second.stderr);
        first.end().ok();
        assert_eq!(webex.refreshes().len(), 1, "{:?}", webex.refreshes());

        let mut command = home.command_by(starter, ["refresh", "acme", "--force"]);
        let killed = Running::start(command.env("LANYARD_FAILPOINT", "rotation.declared=kill")).end();
        assert_ne!(killed.code(), 0, "{}", killed.stderr);
        assert_eq!(webex.refreshes().len(), 1, "it sent nothing");
        home.run(["refresh", "acme", "--force"]).ok();
        assert_eq!(home.show("acme")["generation"], 3, "nobody waited for its deadline");
    }
}

#[test]
fn a_process_that_proc_hides_is_not_taken_for_dead() {
    let tried = Command::new(HIDING[0]).args(&HIDING[1..]).arg("true").output().expect("unshare(1) is here");
    if !tried.status.success() {
        return left_out(&format!("it takes root, to unshare and mount: {}", String::from_utf8_lossy(&tried.stderr)));
    }
    let home = match Home::on_a_disk(LANYARD) {
        Ok(home) => home,
        Err(why) => return left_out(&format!("it takes root, to mount: {why}")),
    };
    let webex = strict();
    let home = home.with_acme(&webex);
    slow(&webex, 2500);
    let refresh = || Running::start(&mut home.command_by(HIDING, ["refresh", "acme", "--force"]));
    let first = refresh();
    while webex.refreshes().is_empty() {
        std::thread::yield_now();
    }
    let mut look = Command::new(HIDING[0]);
    let look =
        look.args(&HIDING[1..]).args(["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups", "--"]);
    let seen = look.args(["test", "-e", &format!("/proc/{}", first.id())]).status().unwrap();
    assert_eq!(seen.code(), Some(1), "the first one is hidden");

    let second = refresh().end();
    assert!(second.stderr.contains("acme was just renewed by another process"), "{}", second.stderr);
    second.ok();
    first.end().ok();
    assert_eq!(webex.refreshes().len(), 1, "{:?}", webex.refreshes());
    assert_eq!(home.show("acme")["generation"], 2);
    assert!(webex.accepts(&home.token()));
}
