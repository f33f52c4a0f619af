//! Under a service manager.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lanyard_testkit::{Home, Served};

use crate::LANYARD;

#[test]
fn the_service_manager_is_told_that_it_is_ready_and_that_it_stops() {
    let home = Home::new(LANYARD);
    let path = home.beside().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let variable = format!("NOTIFY_SOCKET={}", path.display());
    let broker = Served::start_by(&home, ["env", &variable], [] as [&str; 0]);
    let told = || {
        let mut message = [0; 256];
        let length = manager.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..length]).trim().to_owned()
    };
    assert_eq!(told(), "READY=1");
    broker.signal("HUP");
    broker.wait_for("reloaded");
    assert_eq!(broker.ask("GET", "/healthz").status, 200);
    assert!(broker.stop().status.success());
    assert_eq!(told(), "STOPPING=1");
}

#[test]
fn the_unit_is_understood_by_systemd() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../contrib/systemd/lanyard.service");
    let text = std::fs::read_to_string(unit).unwrap();
    let home = Home::new(LANYARD);
    // Where it will be installed there is nothing here.
    let text = text.replace("/usr/local/bin/lanyard", LANYARD);
    let file = home.file("lanyard.service", &text);
    let Ok(checked) = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&file).output() else {
        return println!("left out: there is no systemd-analyze here");
    };
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && !said.contains("lanyard.service"), "{said}");
    let arguments = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let arguments: Vec<_> = arguments.split(' ').skip(1).collect();
    assert_eq!(home.run(arguments.iter().chain(&["--help"])).code(), 0, "it takes these options");
}
