//! Processes that cannot see each other: `/proc` with `hidepid` (proc(5)).

use std::process::Command;

use lanyard_testkit::{Home, Running, left_out};

use super::{slow, strict};
use crate::LANYARD;

/// Starts a program in a mount namespace of its own whose `/proc` hides the processes of others. Lanyard's are not its own user's in
/// this respect: no other process may look into them.
const HIDING: [&str; 6] =
    ["unshare", "--mount", "sh", "-c", "mount -t proc -o hidepid=2 proc /proc && exec \"$@\"", "sh"];

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
