//! Pythons that have an SDK.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A Python that has a package of a version: a virtual environment in `directory`, made when it is not there yet.
#[track_caller]
pub fn python(directory: &Path, package: &str, version: &str) -> PathBuf {
    let environment = directory.join(format!("{package}-{version}"));
    let (python, complete) = (environment.join("bin/python"), environment.join("complete"));
    // Two runs may share the directory.
    let lock = File::create(directory.join(format!("{package}.lock"))).expect("the directory can be written");
    lock.lock().expect("a file can be locked");
    if !complete.exists() {
        succeed(
            Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment),
            "this needs python3 with its venv module (on Debian and Ubuntu: apt install python3-venv)",
        );
        let pinned = format!("{package}=={version}");
        succeed(
            Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &pinned]),
            &format!("this needs {package} from PyPI; see that pip can reach an index"),
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
