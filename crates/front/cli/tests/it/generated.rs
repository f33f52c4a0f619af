//! What is generated from the command line's own description: completions and manual pages.

use std::process::Command;

use lanyard_testkit::Home;

use crate::LANYARD;

#[test]
fn every_shell_gets_its_completions() {
    let home = Home::new(LANYARD);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.run(["completions", shell]).ok();
        for word in ["service-app", "min-validity", "rename"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    home.run(["completions", "csh"]).fails(2);
    assert!(!home.path().exists(), "it needs no home");
}

#[test]
fn bash_completes_a_command() {
    let home = Home::new(LANYARD);
    let script = home.file("lanyard.bash", &home.run(["completions", "bash"]).ok());
    let ask =
        "source \"$1\"; COMP_WORDS=(lanyard dis); COMP_CWORD=1; _lanyard lanyard dis lanyard; echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash").args(["-c", ask, "bash"]).arg(script).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "disable",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn every_command_has_a_page() {
    let home = Home::new(LANYARD);
    let main = home.run(["man"]).ok();
    assert!(main.contains(".TH lanyard 1"), "{main}");
    let directory = home.beside().join("a/man1");
    let mut command = home.command(["man", "--dir"]);
    lanyard_testkit::Running::start(command.arg(&directory)).end().ok();
    let mut pages: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    pages.sort();
    for page in ["lanyard.1", "lanyard-app.1", "lanyard-app-add.1", "lanyard-import.1", "lanyard-add-service-app.1"] {
        assert!(pages.iter().any(|found| found == page), "{page} in {pages:?}");
    }
    assert!(!pages.iter().any(|page| page.to_string_lossy().contains("help")), "{pages:?}");
    let page = std::fs::read_to_string(directory.join("lanyard-app-add.1")).unwrap();
    assert!(page.contains("redirect\\-uri") && page.contains("\\-\\-home"), "{page}");
    let unwritable = home.file("file", "");
    let mut command = home.command(["man", "--dir"]);
    lanyard_testkit::Running::start(command.arg(unwritable)).end().fails(1);
}
