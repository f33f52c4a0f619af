//! The demo: told through, ended early, and watched on a terminal.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use lanyard_testkit::{Home, Running};

use crate::LANYARD;

/// The demo, with a directory of its own for what is temporary, and an environment that would mislead it.
fn demo(home: &Home, arguments: &[&str]) -> Command {
    let mut command = home.command(["demo"]);
    command
        .args(arguments)
        .env("TMPDIR", home.beside())
        .env("LANYARD_HOME", "/nowhere/at/all")
        .env("LANYARD_WEBEX_URL", "https://webex.example/v1")
        .env("LANYARD_KEY_FILE", "/nowhere/key")
        .env("LANYARD_CREDENTIAL", "somebody-elses");
    command
}

fn left_behind(home: &Home) -> Vec<String> {
    let entries = std::fs::read_dir(home.beside()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("lanyard-demo")).collect()
}

#[test]
fn told_once_it_holds_whatever_the_environment_says_and_leaves_nothing_behind() {
    let home = Home::new(LANYARD);
    let told = Running::start(&mut demo(&home, &["--once"])).end().ok();
    for step in [
        "One credential of each kind",
        "ok: all five work",
        "ok: its token is accepted, and its list of devices is empty",
        "ok: now it sees 2 devices",
        "ok: lanyard exec admin -- sh -c … exited with 0",
        "ok: admin is renewed when a program asks: generation 1, then 2",
        "ok: the signal killed it before it stored anything",
        "ok: Webex saw the same token exchanged twice",
        "ok: Webex confirmed that its tokens are revoked",
        "Every step succeeded.",
    ] {
        assert!(told.contains(step), "{step}: {told}");
    }
    assert!(!told.contains("_PF84_"), "no token is shown: {told}");
    assert_eq!(left_behind(&home), [] as [&str; 0]);
}

#[test]
fn ended_early_it_says_so_and_leaves_nothing_behind() {
    let home = Home::new(LANYARD);
    let mut child = demo(&home, &["--once"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    // Its first words come when the home is there.
    let mut word = [0; 20];
    stdout.read_exact(&mut word).unwrap();
    assert_eq!(left_behind(&home).len(), 1);
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(rest.contains("Stopped early; nothing is left behind."), "{rest}");
    assert_eq!(left_behind(&home), [] as [&str; 0]);
}

#[test]
#[cfg(target_os = "linux")]
fn on_a_terminal_the_table_lives_until_enter_is_pressed() {
    let home = Home::new(LANYARD);
    let mut command = Command::new("script");
    let child = command
        .args(["-qfec", &format!("{LANYARD} demo"), "/dev/null"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TMPDIR", home.beside())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = child.unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut shown, mut buffer, mut pressed) = (String::new(), [0; 4096], false);
    loop {
        let read = stdout.read(&mut buffer).unwrap();
        if read == 0 {
            break;
        }
        shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
        // Drawn twice: it lives.
        if !pressed && shown.matches("Press Enter to continue.").count() > 1 {
            stdin.write_all(b"\n").unwrap();
            pressed = true;
        }
    }
    assert!(child.wait().unwrap().success(), "{shown}");
    assert!(pressed && shown.contains("tokens of 60 s") && shown.contains("Every step succeeded."), "{shown}");
    assert_eq!(left_behind(&home), [] as [&str; 0]);
}
