//! Real SDKs, unchanged but for the address: under `lanyard exec`, and through the proxy.

mod links;
mod tours;
mod wxc;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A Python that has `wxc-sdk`.
pub(crate) fn wxc_sdk() -> PathBuf {
    python("wxc-sdk", "1.41.0")
}

/// A Python that has `webexpythonsdk`.
fn webexpythonsdk() -> PathBuf {
    python("webexpythonsdk", "2.0.6")
}

/// A Python that has an SDK: a virtual environment of the tests', made when it is not there yet.
fn python(sdk: &str, version: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let environment = tests.join(format!("{sdk}-{version}"));
    let (python, complete) = (environment.join("bin/python"), environment.join("complete"));
    // Two runs of the tests may share the directory.
    let lock = File::create(tests.join(format!("{sdk}.lock"))).expect("the tests have a directory");
    lock.lock().expect("a file can be locked");
    if !complete.exists() {
        succeed(
            Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment),
            "this test needs python3 with its venv module (on Debian and Ubuntu: apt install python3-venv)",
        );
        let package = format!("{sdk}=={version}");
        succeed(
            Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &package]),
            &format!("this test needs {sdk} from PyPI; see that pip can reach an index"),
        );
        File::create(&complete).expect("the environment can be written");
    }
    python
}

#[track_caller]
fn succeed(command: &mut Command, needed: &str) {
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("{needed}\n{command:?}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("{needed}\n{command:?}: {error}"),
    }
}
