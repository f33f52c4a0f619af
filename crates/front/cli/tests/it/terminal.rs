//! Output that only a terminal gets: rows that fit its width, and colours.

use std::process::Command;

use lanyard_testkit::{Home, Running, Terminal};
use rustix::process::Signal;

use crate::LANYARD;
use crate::snapshots::furnished;

#[test]
fn a_table_fits_the_terminal_and_a_pipe_has_everything() {
    let (_webex, home) = furnished();
    let longest = "l".repeat(64);
    home.run(["rename", "lobby", &longest]).ok();
    home.run(["client", "add", "report", "--credential", &longest, "--can", "read"]).ok();
    for command in [&["list"][..], &["app", "list"], &["client", "list"], &["audit"]] {
        for columns in [40, 60, 80, 200] {
            let (shown, code) = Terminal::run(home.command(command), columns);
            assert_eq!(code, 0, "{shown}");
            let widest = shown.lines().map(|line| line.chars().count()).max().unwrap_or_default();
            assert!(widest <= usize::from(columns), "{command:?} {columns}: {widest}\n{shown}");
        }
    }
    let (narrow, _) = Terminal::run(home.command(["list"]), 60);
    assert!(narrow.lines().next().unwrap().ends_with('…') && !narrow.contains("ORGANISATION"), "{narrow}");
    let all = home.run(["list"]).ok();
    assert!(all.contains(&longest) && all.contains("ORGANISATION") && !all.contains('…'), "{all}");
}

#[test]
fn a_question_that_gets_no_line_is_answered_with_no() {
    let (_webex, home) = furnished();
    let (shown, code) = Terminal::run_typing(home.command(["clear", "lobby"]), 80, "\u{4}");
    assert!(shown.contains("[y/N] \ncancelled"), "{shown}");
    assert_eq!(code, 1);
}

#[test]
fn a_question_about_a_clear_says_what_becomes_of_the_tokens() {
    let (_webex, home) = furnished();
    for (name, said) in [
        ("lobby", "It is erased from this home; its token stays valid at Webex until you regenerate it there [y/N]"),
        ("acme", "Its tokens are revoked and it is erased from this home [y/N]"),
    ] {
        let (shown, code) = Terminal::run_typing(home.command(["clear", name]), 200, "\u{4}");
        assert!(shown.contains(said), "{shown}");
        assert_eq!(code, 1);
    }
}

#[test]
fn a_question_is_left_with_ctrl_c() {
    let (_webex, home) = furnished();
    home.run(["clear", "acme"]).ok();
    for command in [&["clear", "lobby"][..], &["app", "remove", "desk"]] {
        let (shown, code) = Terminal::run_interrupted(home.command(command), 80, "[y/N]", Signal::INT);
        assert_eq!(code, 130, "{shown}");
    }
    home.run(["show", "lobby"]).ok();
}

#[test]
fn what_is_refused_anyway_asks_for_nothing() {
    let (webex, home) = furnished();
    let elsewhere = "http://127.0.0.1:1/v1";
    let url = ["--webex-url", webex.url()];
    let cases: [(&[&str], &str); 11] = [
        (&["add", "bot", "mine"], "the name mine is taken"),
        (&["add", "personal", "acme"], "the name acme is taken"),
        (&["--webex-url", elsewhere, "add", "bot", "lobby"], "lobby belongs to"),
        (&["add", "service-app", "new", "--app", "nosuch"], "no app named nosuch"),
        (&["add", "service-app", "new", "--app", "desk"], "desk is registered as an integration"),
        (&["app", "add", "desk", "--kind", "service-app", "--client-id", "C1"], "an app named desk already"),
        (&["app", "secret", "nosuch"], "no app named nosuch"),
        (&["--webex-url", elsewhere, "app", "secret", "desk"], "desk belongs to"),
        (&["app", "remove", "desk"], "the app desk is used by acme"),
        (&["--webex-url", elsewhere, "clear", "lobby"], "lobby belongs to"),
        (&["clear", "nobody"], "no credential named nobody"),
    ];
    let refused = |home: &Home, words: &[&str], why: &str| {
        let words = if words[0] == "--webex-url" { words.to_vec() } else { [&url, words].concat() };
        // Whatever asks would take this for its answer.
        let (shown, code) = Terminal::run_typing(home.command(&words), 200, "y\n");
        assert!(shown.contains(why) && !shown.contains("not shown") && !shown.contains("[y/N]"), "{words:?}: {shown}");
        assert_ne!(code, 0);
    };
    for (words, why) in cases {
        refused(&home, words, why);
    }
    let (copy, key) = (home.beside().join("copy"), home.path().join("home.key"));
    home.run(["backup", copy.to_str().unwrap()]).ok();
    let paused = Home::new(LANYARD);
    paused.run(["restore", copy.to_str().unwrap(), "--key-file", key.to_str().unwrap()]).ok();
    let before = webex.record().len();
    for words in [
        &["add", "bot", "new"][..],
        &["add", "service-app", "new", "--app", "nosuch"],
        &["app", "add", "new", "--kind", "service-app", "--client-id", "C1"],
        &["app", "secret", "desk"],
        &["app", "remove", "desk"],
        &["clear", "lobby"],
        &["client", "remove", "nobody"],
    ] {
        refused(&paused, words, "this home has been paused since");
    }
    let secret = home.file("secret", "some-secret");
    for words in [&["add", "bot", "new", "--token-file"][..], &["app", "secret", "desk", "--client-secret-file"]] {
        let given = paused.run([&url, words, &[secret.to_str().unwrap()]].concat());
        assert!(given.stderr.contains("this home has been paused since"), "{}", given.stderr);
        given.fails(4);
    }
    assert_eq!(webex.record().len(), before, "a paused home sends nothing");
}

#[test]
fn colours_are_for_terminals_unless_a_variable_says_otherwise() {
    const ACTIVE: &str = "\u{1b}[32mactive\u{1b}[0m";
    let (_webex, home) = furnished();
    let with = |words: &[&str], variables: &[(&str, &str)]| -> Command {
        let mut command = home.command(words);
        command.env_remove("NO_COLOR").env("TERM", "xterm").envs(variables.iter().copied());
        command
    };
    let (shown, _) = Terminal::run(with(&["list"], &[]), 120);
    assert!(shown.contains(ACTIVE), "{shown:?}");
    let (shown, _) = Terminal::run(with(&["show", "nobody"], &[]), 120);
    assert!(shown.contains("\u{1b}[31merror:\u{1b}[0m ") && shown.contains("\u{1b}[36mhint:\u{1b}[0m "), "{shown:?}");
    for off in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let (shown, _) = Terminal::run(with(&["list"], &[off]), 120);
        assert!(shown.contains("active") && !shown.contains('\u{1b}'), "{off:?}: {shown:?}");
    }
    let piped = |variables: &[(&str, &str)]| Running::start(&mut with(&["list"], variables)).end().ok();
    assert!(!piped(&[]).contains('\u{1b}'));
    assert!(piped(&[("CLICOLOR_FORCE", "1")]).contains(ACTIVE));
    // JSON is for programs, whatever the variables say.
    assert!(!Running::start(&mut with(&["list", "--json"], &[("CLICOLOR_FORCE", "1")])).end().ok().contains('\u{1b}'));
}
