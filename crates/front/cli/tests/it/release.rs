//! The released binary contains none of the fail points at which a test stops or kills the process.

use std::path::{Path, PathBuf};
use std::process::Command;

use lanyard_testkit::{Home, RefreshBehaviour, Running, Webex};

use crate::LANYARD;

/// Texts that only the binary under test may contain.
const TRACES: [&str; 3] = ["LANYARD_FAILPOINT", "rotation.declared", "rotation.answered"];

/// Builds what is released, where it is not built yet.
fn released() -> PathBuf {
    let target = Path::new(LANYARD).ancestors().nth(2).expect("the binary is in a profile's directory");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--package", "lanyard", "--locked", "--offline", "--target-dir"]).arg(target);
    // What cargo tells a test of its package would make some dependencies believe that they must be built again.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            cargo.env_remove(name);
        }
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    target.join("release/lanyard")
}

fn traces(binary: &Path) -> Vec<&'static str> {
    let bytes = std::fs::read(binary).expect("the binary can be read");
    let holds = |text: &&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    TRACES.into_iter().filter(holds).collect()
}

#[test]
fn what_is_released_has_no_step_at_which_it_can_be_stopped() {
    let released = released();
    assert_eq!(traces(Path::new(LANYARD)), TRACES, "the binary under test has them all");
    assert!(traces(&released).is_empty(), "{:?}", traces(&released));

    let webex = Webex::start(RefreshBehaviour::RotateStrict, std::time::Duration::from_mins(20));
    let home = Home::signed_in(released.to_str().expect("the path is text"), &webex);
    for (exchanges, step) in ["beginning", "declared", "sending", "answered", "committed"].iter().enumerate() {
        let mut command = home.command(["refresh", "acme", "--force"]);
        Running::start(command.env("LANYARD_FAILPOINT", format!("rotation.{step}=kill"))).end().ok();
        assert_eq!(webex.refreshes().len(), exchanges + 1);
    }
}
