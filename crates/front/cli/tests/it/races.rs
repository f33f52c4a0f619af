//! Many processes at the moment of expiry.

use std::collections::BTreeSet;
use std::time::Duration;

use lanyard_testkit::{RefreshBehaviour, Running, Webex};

use crate::signed_in;

/// Long enough that none of the processes sees the second end.
const LIFE: Duration = Duration::from_mins(1);

#[test]
fn two_hundred_processes_at_the_moment_of_expiry_make_one_exchange() {
    let webex = Webex::start(RefreshBehaviour::RotateStrict, Duration::from_secs(1));
    let home = signed_in(&webex);
    let old = home.token();
    home.outlive(Duration::from_secs(1));
    webex.live_longer(LIFE);

    let running: Vec<Running> = (0..200).map(|_| Running::start(&mut home.command(["token", "acme"]))).collect();
    let tokens: BTreeSet<String> = running.into_iter().map(|process| process.end().ok()).collect();

    assert_eq!(tokens.len(), 1, "all hold the same token");
    assert!(!tokens.contains(&old), "and it is a new one");
    assert!(webex.accepts(tokens.first().unwrap()));
    assert_eq!(webex.refreshes().len(), 1, "{:?}", webex.refreshes());
    assert_eq!(home.show("acme")["generation"], 2);
}
