//! Tokens that a person pastes: `lanyard add`.

use std::process::Stdio;

use lanyard_testkit::{Ended, Home, Method, Options, Running, Webex};
use serde_json::json;

use crate::LANYARD;

/// Adds a token under the name `pasted`, given on standard input.
fn add(webex: &Webex, home: &Home, kind: &str, text: &str) -> Ended {
    let mut command = home.command(["--webex-url", webex.url(), "add", kind, "pasted", "--token-file", "-"]);
    let mut adding = Running::start(command.stdin(Stdio::piped()));
    adding.write_line(text);
    adding.end()
}

#[test]
fn a_bots_token_is_kept_as_what_it_is() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    let bot = &webex.description().bot;
    let ended = add(&webex, &home, "bot", &format!("Bearer {}", bot.access_token));
    assert!(ended.stderr.contains(&bot.email), "{}", ended.stderr);
    ended.ok();
    assert_eq!(home.run(["token"]).ok(), bot.access_token);
    let shown = home.show("pasted");
    assert_eq!((&shown["kind"], &shown["subject"]["type"]), (&json!("bot"), &json!("bot")));
    assert!(shown["access_token_expires_at"].as_str().is_some_and(|end| end.starts_with("21")), "a century: {shown}");

    let refresh = home.run(["refresh", "pasted", "--force"]);
    assert!(refresh.stderr.contains("pasted cannot be renewed: a bot token is replaced by hand"), "{}", refresh.stderr);
    refresh.fails(1);
    let login = home.run(["login", "pasted"]);
    assert!(login.stderr.contains("pasted is a bot credential"), "{}", login.stderr);
    login.fails(1);
    let other_kind = add(&webex, &home, "personal", &webex.description().personal.access_token);
    assert!(other_kind.hint().contains("lanyard clear pasted"), "{}", other_kind.stderr);
    other_kind.fails(1);
}

#[test]
fn a_personal_token_is_kept_and_said_to_end_soon() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    let personal = &webex.description().personal;
    let ended = add(&webex, &home, "personal", &personal.access_token);
    assert!(ended.stderr.contains("it cannot be renewed"), "{}", ended.stderr);
    ended.ok();
    assert_eq!(home.run(["token"]).ok(), personal.access_token);
    assert_eq!(home.show("pasted")["subject"]["email"], personal.email.as_str());
}

#[test]
fn a_token_of_another_kind_is_refused_and_nothing_is_stored() {
    let webex = Webex::with(Options::default());
    let (bot, personal) = (&webex.description().bot, &webex.description().personal);
    for (kind, token, other) in [("bot", &personal.access_token, "personal"), ("personal", &bot.access_token, "bot")] {
        let home = Home::new(LANYARD);
        let ended = add(&webex, &home, kind, token);
        assert!(ended.stderr.contains(&format!("this is not a {kind} token")), "{}", ended.stderr);
        assert!(ended.hint().contains(&format!("lanyard add {other}")), "{}", ended.stderr);
        assert!(!ended.stderr.contains(token.as_str()), "{}", ended.stderr);
        ended.fails(1);
        home.run(["show", "pasted"]).fails(3);
    }
}

#[test]
fn a_dead_token_is_refused_and_nothing_is_stored() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    let bot = &webex.description().bot;
    webex.control(Method::POST, "/access_tokens/revoke", Some(&json!({ "subject": bot.email })));
    for text in [&bot.access_token, "canary-that-was-never-a-token"] {
        let ended = add(&webex, &home, "bot", text);
        assert!(ended.stderr.contains("Webex does not accept this token"), "{}", ended.stderr);
        assert!(ended.hint().contains("copy the token again"), "{}", ended.stderr);
        assert!(!ended.stderr.contains(text), "{}", ended.stderr);
        ended.fails(4);
    }
    for text in ["", "two words"] {
        add(&webex, &home, "bot", text).fails(2);
    }
    home.run(["show", "pasted"]).fails(3);
}

#[test]
fn a_credential_keeps_its_token_where_the_next_one_is_refused() {
    let webex = Webex::with(Options::default());
    for (kind, token) in
        [("bot", &webex.description().bot.access_token), ("personal", &webex.description().personal.access_token)]
    {
        let home = Home::new(LANYARD);
        add(&webex, &home, kind, token).ok();
        let refused = add(&webex, &home, kind, "canary-that-was-never-a-token");
        assert!(refused.stderr.contains("pasted keeps the token that it had"), "{}", refused.stderr);
        refused.fails(4);
        assert_eq!(&home.run(["token", "pasted"]).ok().trim(), token);
    }
}

#[test]
fn a_webex_that_cannot_be_reached_is_said_to_be_that() {
    let gone = Webex::with(Options::default());
    let url = gone.url().to_owned();
    drop(gone);
    let home = Home::new(LANYARD);
    let file = home.file("token", "canary");
    let mut command = home.command(["--webex-url", &url, "add", "bot", "pasted", "--token-file"]);
    let ended = Running::start(command.arg(file)).end();
    assert!(ended.stderr.contains("cannot be reached"), "{}", ended.stderr);
    assert!(ended.hint().contains("check that the local Webex is running"), "{}", ended.stderr);
    ended.fails(5);
}
