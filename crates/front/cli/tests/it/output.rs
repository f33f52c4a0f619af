//! Where output goes.

use lanyard_testkit::{Options, Webex};

use crate::signed_in;

#[test]
fn a_reader_that_went_away_ends_a_command_quietly() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    for arguments in [&["list"][..], &["token"], &["--json", "show", "acme"], &["audit"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = home.command(arguments).stdout(writer).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert!(output.status.success(), "{arguments:?}: whoever stopped reading had what it wanted");
    }
}

#[test]
fn a_reader_that_went_away_changes_neither_what_is_done_nor_the_exit_code() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let unread = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = home.command(arguments).stdout(writer).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };

    // A client whose key was not read is nobody's.
    let (code, said) = unread(&["client", "add", "report", "--all-credentials", "--can", "read"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the client report was removed again"), "{said}");
    home.run(["client", "show", "report"]).fails(3);

    // Every line of a table is imported, and its failures count.
    let bot = &webex.description().bot.access_token;
    let table = home.file("table.csv", &format!("name,kind,access_token\none,bot,nonsense\ntwo,bot,{bot}\n"));
    let (code, said) = unread(&["--webex-url", webex.url(), "import", "--csv", table.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("1 imported, 0 already there, 1 refused"), "{said}");
    home.run(["show", "two"]).ok();

    // A test that fails, fails.
    assert_eq!(unread(&["test", "two", "--for", "calling"]).0, Some(4));
    assert_eq!(unread(&["--help"]), (Some(0), String::new()));
}

#[test]
fn help_that_nobody_asked_for_is_an_error() {
    let home = lanyard_testkit::Home::new(crate::LANYARD);
    let nothing = home.run::<&str>([]);
    assert!(nothing.stderr.contains("Usage: lanyard"), "{}", nothing.stderr);
    assert_eq!(nothing.stdout, "");
    nothing.fails(2);
    home.run(["nonsense"]).fails(2);
    assert!(home.run(["--help"]).ok().contains("Usage: lanyard"));
}

#[test]
fn a_listener_that_went_away_ends_nothing() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    for (arguments, code) in [(&["show", "nobody"][..], 3), (&["audit", "--verify"], 0), (&["disable", "acme"], 0)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = home.command(arguments).stderr(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn the_demo_ends_well_though_nobody_reads_it() {
    let home = lanyard_testkit::Home::new(crate::LANYARD);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = home.command(["demo"]).stdout(writer).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success(), "every step held all the same");
}
