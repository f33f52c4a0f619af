//! What people read.

use lanyard_credential::Kind;
use lanyard_protocol::is_hidden;
use proptest::prelude::*;

use super::*;
use crate::notice::{NoticeCredential, NoticeData, NoticeType, Severity};

fn about_acme() -> Notice {
    let mut data = NoticeData::new("Sign in again by 7 December.", Severity::Warning);
    data.state = AlertState::Firing;
    data.hint = Some("lanyard login acme".to_owned());
    data.link = Some("https://lanyard.example/credentials/acme".to_owned());
    data.credential = Some(NoticeCredential {
        id: "6ac7d7d6-0000-4000-8000-000000000000".parse().unwrap(),
        name: "acme".parse().unwrap(),
        kind: Kind::Integration,
        labels: [("customer".to_owned(), "acme-dental".to_owned()), ("team".to_owned(), "noc".to_owned())].into(),
    });
    let time = "2026-11-30T12:00:05.123Z".parse().unwrap();
    Notice::new("4711".parse().unwrap(), "/lanyard", NoticeType::CREDENTIAL_EXPIRING, time, data)
}

fn hostile(text: &str) -> Notice {
    let mut notice = about_acme();
    notice.data.summary = text.to_owned();
    notice.data.hint = Some(text.to_owned());
    notice.data.link = Some(format!("https://lanyard.example/{text}"));
    let credential = notice.data.credential.as_mut().unwrap();
    credential.labels = [("customer".to_owned(), text.to_owned())].into();
    notice
}

const ATTACK: &str = "<script>alert(1)</script> <@all> [x](javascript:a) **b** `c` \u{202e}\u{1b}[2J\r\nBcc: evil@evil.example\n# d & \"e\" 'f'";

#[test]
fn a_notice_in_plain_text() {
    let words = NoticeText::of(&about_acme());
    insta::assert_snapshot!(format!("{}\n\n{}", words.subject(), words.plain()), @r#"
    [Lanyard] acme: Sign in again by 7 December

    Sign in again by 7 December.

    Credential  acme (integration)
    Labels      customer=acme-dental, team=noc
    Severity    warning
    Time        2026-11-30 12:00 UTC

    Next: lanyard login acme
    More: https://lanyard.example/credentials/acme

    Event 4711, lanyard.credential.expiring
    "#);
}

#[test]
fn a_notice_in_html() {
    insta::assert_snapshot!(NoticeText::of(&about_acme()).html(), @r#"
    <!doctype html>
    <html lang="en">
    <head><meta charset="utf-8"><title>[Lanyard] acme: Sign in again by 7 December</title></head>
    <body style="font-family: sans-serif; line-height: 1.4">
    <p><strong>Sign in again by 7 December.</strong></p>
    <table style="border-spacing: 0">
    <tr><td style="padding-right: 1em; color: #555">Credential</td><td>acme (integration)</td></tr>
    <tr><td style="padding-right: 1em; color: #555">Labels</td><td>customer=acme-dental, team=noc</td></tr>
    <tr><td style="padding-right: 1em; color: #555">Severity</td><td>warning</td></tr>
    <tr><td style="padding-right: 1em; color: #555">Time</td><td>2026-11-30 12:00 UTC</td></tr>
    </table>
    <p>Next: <code>lanyard login acme</code></p>
    <p><a href="https://lanyard.example/credentials/acme">Open in Lanyard</a></p>
    <p style="color: #555"><small>Event 4711, lanyard.credential.expiring</small></p>
    </body>
    </html>
    "#);
}

#[test]
fn a_notice_in_markdown() {
    insta::assert_snapshot!(NoticeText::of(&about_acme()).markdown(), @r#"
    **Sign in again by 7 December.**

    Credential: acme \(integration\)  
    Labels: customer=acme-dental, team=noc  
    Severity: warning  
    Time: 2026-11-30 12:00 UTC

    Next: `lanyard login acme`

    [Open in Lanyard](https://lanyard.example/credentials/acme)

    Event 4711, lanyard.credential.expiring
    "#);
}

#[test]
fn a_notice_without_a_credential_is_short() {
    let mut data = NoticeData::new("This is a test.", Severity::Info);
    data.state = AlertState::Resolved;
    let time = "2026-11-30T12:00:00Z".parse().unwrap();
    let words = NoticeText::of(&Notice::new("1".parse().unwrap(), "/lanyard", NoticeType::TEST, time, data));
    insta::assert_snapshot!(format!("{}\n\n{}", words.subject(), words.plain()), @r#"
    [Lanyard] This is a test

    This is a test.

    Severity    info
    State       resolved
    Time        2026-11-30 12:00 UTC

    Event 1, lanyard.test
    "#);
}

#[test]
fn a_hostile_notice_in_each_format() {
    let words = NoticeText::of(&hostile(ATTACK));
    let all = [words.subject(), words.plain(), words.html(), words.markdown()].join("\n-----\n");
    insta::assert_snapshot!(all);
}

#[test]
fn the_name_of_a_credential_is_not_said_twice() {
    let mut notice = about_acme();
    let mut subject = |summary: &str| {
        notice.data.summary = summary.to_owned();
        NoticeText::of(&notice).subject()
    };
    assert_eq!(subject("acme expires tomorrow."), "[Lanyard] acme expires tomorrow");
    assert_eq!(subject("The credential acme, expires."), "[Lanyard] The credential acme, expires");
    assert_eq!(subject("acme-2 expires."), "[Lanyard] acme: acme-2 expires");
    assert_eq!(subject(""), "[Lanyard] acme: ");
    assert!(subject(&"x".repeat(1000)).chars().count() < 200);
}

#[test]
fn a_link_leads_to_a_web_server_or_nowhere() {
    let mut notice = about_acme();
    for link in ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "lanyard", "", "//evil.example"] {
        notice.data.link = Some(link.to_owned());
        let words = NoticeText::of(&notice);
        assert!(!words.html().contains("href"), "{link}");
        assert!(!words.markdown().contains("Open in Lanyard"), "{link}");
    }
}

proptest! {
    #[test]
    fn whatever_a_text_holds_each_format_stays_what_it_is(text in any::<String>(), long in 0usize..4) {
        let words = NoticeText::of(&hostile(&format!("x{}", text.repeat(long * 200 + 1))));
        let subject = words.subject();
        prop_assert!(!subject.contains(is_hidden), "{:?}", subject);
        let line = |letter: char| letter != '\n' && is_hidden(letter);
        prop_assert!(!words.plain().contains(line));
        prop_assert!(words.markdown().len() <= 7439);
        let shape = |words: &NoticeText| words.html().matches('<').count();
        prop_assert_eq!(shape(&words), shape(&NoticeText::of(&hostile("x"))));
        prop_assert_eq!(words.plain().lines().count(), NoticeText::of(&hostile("x")).plain().lines().count());
    }
}
