//! A run with every kind of channel: no secret is in an event, a mail, a message or any other body, nor in what is printed, logged,
//! measured and stored meanwhile.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::time::Duration;

use lanyard_testkit::{Authority, Home, MailServer, MailTls, Method, Served, send_to, wait};
use serde_json::{Value, json};

use super::search::Secrets;
use super::{PLANTED_ACCESS, PLANTED_REFRESH, REFLECTED, Story, files};
use crate::LANYARD;
use crate::receiver::Receiver;

const PASSPHRASE: &str = "correct horse battery staple canary";
const WEBHOOK_PATH: &str = "hook-path-Qx7rT2wL9mN4";
const WEBHOOK_SECRET: &str = "whsec_Y2FuYXJ5LW9mLXRoZS13ZWJob29rLXNlY3JldA==";
const ALERT_TOKEN: &str = "alertmanager-token-Bd6kS1yV8cF3";
const TICKET_HEADER: &str = "Basic dGlja2V0czpjYW5hcnktb2YtdGhlLWpzb24tYXBp";
const MAIL_PASSWORD: &str = "smtp-password-Gh5jP0zX2qW7";

/// Waits until something holds.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1200 {
        if holds() {
            return;
        }
        wait(Duration::from_millis(50));
    }
    panic!("{what} did not happen");
}

fn types(receiver: &Receiver) -> Vec<String> {
    let events = receiver.events().into_iter();
    events.map(|event| event["type"].as_str().unwrap_or_default().replace("lanyard.", "")).collect()
}

/// A call of the administrator's at Webex.
fn as_admin(story: &Story, method: &str, path: &str, body: &Value) -> Value {
    let whose = json!({ "subject": story.webex.description().admin.email });
    let token = story.webex.control(Method::POST, "/personal", Some(&whose))["access_token"].clone();
    let address = story.webex.url().strip_prefix("http://").unwrap().split('/').next().unwrap();
    let (token, body) = (token.as_str().unwrap(), body.to_string());
    let request = format!(
        "{method} /v1{path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let reply = send_to(address, request.as_bytes()).expect("Webex answers");
    assert!(reply.status < 300, "{reply:?}");
    reply.json()
}

/// The receivers of all channels.
struct Receivers {
    hook: Receiver,
    alerts: Receiver,
    tickets: Receiver,
    mail: MailServer,
    /// The file that the command writes.
    lines: PathBuf,
    /// The space.
    room: String,
}

impl Receivers {
    /// The messages in the space.
    fn messages(&self, story: &Story) -> String {
        as_admin(story, "GET", &format!("/messages?roomId={}", self.room), &Value::Null).to_string()
    }
}

#[test]
fn a_run_with_every_channel_shows_no_secret() {
    let authority = Authority::new();
    let home = Home::new(LANYARD);
    fs::DirBuilder::new().mode(0o700).create(home.path()).unwrap();
    let (pem, lines) = (home.file("authority.pem", &authority.pem()), home.beside().join("events.jsonl"));
    let settings = format!(
        "key_source = \"passphrase\"\n[events]\nauthorities = {pem:?}\n\
         [[channel]]\nname = \"log\"\ncommand = [\"tee\", \"-a\", {lines:?}]\n"
    );
    fs::write(home.path().join("lanyard.toml"), settings).unwrap();
    let passphrase = home.file("passphrase", PASSPHRASE);
    let mut story = Story::begin(home, None);
    story.passphrase = Some(passphrase.clone());
    let (mut secrets, room) = credentials(&mut story);
    let mail = MailServer::start(MailTls::Offered(authority.acceptor("localhost")), &[]);
    let [hook, alerts, tickets] = [(); 3].map(|()| Receiver::start());
    let receivers = Receivers { hook, alerts, tickets, mail, lines, room };

    let passphrase = format!("LANYARD_PASSPHRASE_FILE={}", passphrase.display());
    let starter = ["env", "LANYARD_LOG=trace", &passphrase];
    let broker = Served::start_by(&story.home, starter, [] as [&str; 0]);
    add_channels(&mut story, &receivers);
    cause_events(&mut story, &mut secrets, &receivers, &broker);
    ask_for_everything(&mut story, &receivers, broker);
    secrets.add_issued(&story.webex.record());
    look_at_deliveries(&secrets, &receivers);
    for (whence, text) in &story.said {
        assert_eq!(secrets.found_in(text.as_bytes()), [""; 0], "{whence}:\n{text}");
    }
    let stored = files(&story.home.path());
    assert!(stored.iter().any(|path| path.ends_with("lanyard.db")), "{stored:?}");
    for path in stored.iter().chain(&files(&story.temporary())) {
        assert_eq!(secrets.found_in(&fs::read(path).unwrap()), [""; 0], "{}", path.display());
    }
}

/// Adds two bots and an integration, and a space with one of the bots. Returns the secrets and the space.
fn credentials(story: &mut Story) -> (Secrets, String) {
    let description = story.webex.description().clone();
    let poster = story.webex.new_bot("poster");
    let mut secrets = Secrets::default();
    for (name, secret) in [
        ("the passphrase", PASSPHRASE),
        ("the path of the webhook", WEBHOOK_PATH),
        ("the secret of the webhook", WEBHOOK_SECRET.trim_start_matches("whsec_")),
        ("the token for Alertmanager", ALERT_TOKEN),
        ("the header for tickets", TICKET_HEADER.trim_start_matches("Basic ")),
        ("the password for mail", MAIL_PASSWORD),
        ("the client secret", &description.integration.client_secret),
        ("the planted access token", PLANTED_ACCESS),
        ("the planted refresh token", PLANTED_REFRESH),
        ("the body of a failed reply", REFLECTED),
        ("the first bot's token", &description.bot.access_token),
        ("the second bot's token", &poster.access_token),
    ] {
        secrets.add(name, secret);
    }
    for (name, token) in [("lobby", &description.bot.access_token), ("poster", &poster.access_token)] {
        let file = story.home.file(name, token);
        story.tell(&["add", "bot", name, "--token-file", file.to_str().unwrap()]).ok();
    }
    let secret = story.home.file("client-secret", &description.integration.client_secret);
    let (id, uri) = (&description.integration.client_id, &description.integration.redirect_uris[0]);
    let app = ["app", "add", "desk", "--kind", "integration", "--client-id", id, "--redirect-uri", uri];
    let rest = ["--scope", "spark:people_read", "--client-secret-file", secret.to_str().unwrap()];
    story.tell(&[&app[..], &rest].concat()).ok();
    let code = story.sign_in(true).expect("a code came back");
    secrets.add("an authorization code", &code);
    let room = as_admin(story, "POST", "/rooms", &json!({ "title": "rota" }))["id"].as_str().unwrap().to_owned();
    as_admin(story, "POST", "/memberships", &json!({ "roomId": room, "personEmail": poster.email }));
    (secrets, room)
}

/// Adds a channel of each kind, whose test events arrive.
fn add_channels(story: &mut Story, receivers: &Receivers) {
    let beside = story.home.beside().to_owned();
    let file = |name: &str, text: &str| {
        fs::write(beside.join(name), text).unwrap();
        beside.join(name).to_str().unwrap().to_owned()
    };
    let url = receivers.hook.url(&format!("/{WEBHOOK_PATH}?key={WEBHOOK_PATH}"));
    let address = format!("@{}", file("hook-url", &url));
    let (whsec, token) = (file("whsec", WEBHOOK_SECRET), file("alert-token", ALERT_TOKEN));
    let template = file("ticket.json", "{ \"short_description\": \"{{data.summary}}\", \"about\": \"{{subject}}\" }");
    let header = format!("Authorization={}", file("ticket-header", TICKET_HEADER));
    let (password, server) =
        (file("mail-password", MAIL_PASSWORD), format!("smtp://localhost:{}", receivers.mail.port()));
    let (alerts, tickets) = (receivers.alerts.url("/"), receivers.tickets.url("/tickets"));
    let people = ["--to", "rota@example.com", "--from", "lanyard@example.com", "--server", &server, "--allow-private"];
    let login = ["--username", "lanyard", "--password-file", &password];
    for words in [
        &["webhook", "hook", &address, "--allow-private", "--secret-file", &whsec][..],
        &["alertmanager", "alerts", &alerts, "--allow-private", "--token-file", &token],
        &["json", "tickets", &tickets, "--allow-private", "--template", &template, "--header", &header],
        &["space", "team", &receivers.room, "--credential", "poster"],
        &[&["mail", "rota"][..], &people, &login].concat(),
    ] {
        story.tell(&[&["channel", "add"], words].concat()).ok();
    }
    story.tell(&["channel", "test", "log"]).ok();
}

/// Causes events with everything that a careless program would repeat in them.
fn cause_events(story: &mut Story, secrets: &mut Secrets, receivers: &Receivers, broker: &Served) {
    let hook = &receivers.hook;
    // A renewal that Webex answers with tokens that are known, and one that fails and repeats what it was sent.
    story.webex.fault(&json!({ "path": "/v1/access_token", "count": 1,
        "action": { "merge": { "access_token": PLANTED_ACCESS, "refresh_token": PLANTED_REFRESH } } }));
    story.tell(&["refresh", "acme", "--force"]).ok();
    story.webex.fault(&json!({ "path": "/v1/access_token", "count": 1,
        "action": { "status": 400, "body": { "error": "invalid_grant", "error_description": REFLECTED } } }));
    story.tell(&["refresh", "acme", "--force"]).fails(4);
    // A bot whose token is dead, and gets a new one; the webhook refuses that event and repeats what it was sent.
    let email = story.webex.description().bot.email.clone();
    let regenerated = story.webex.regenerate_bot(&email);
    secrets.add("the bot's new token", &regenerated);
    story.tell(&["test", "lobby"]).fails(4);
    until("the failures", || types(hook).iter().filter(|kind| *kind == "credential.needs-login").count() == 2);
    let refusal = format!("HTTP/1.1 403 {REFLECTED}\r\nx-said: {REFLECTED}\r\nconnection: close\r\n\r\n{REFLECTED}");
    hook.answer(Some(&refusal));
    let again = story.home.file("again", &regenerated);
    story.tell(&["add", "bot", "lobby", "--token-file", again.to_str().unwrap()]).ok();
    let has = |receiver: &Receiver, text: &str| receiver.arrived().iter().any(|arrived| arrived.body.contains(text));
    until("the failure of the webhook", || has(&receivers.alerts, "lanyard.channel.failing"));
    hook.answer(None);
    until("the recovery", || types(hook).contains(&"credential.recovered".to_owned()));
    // A client that is refused.
    let key = story.tell(&["client", "add", "panel", "--credential", "lobby", "--can", "read"]).ok();
    secrets.add("a client's key", key.trim());
    let authorization = format!("Bearer {}", key.trim());
    let asked = broker.ask_with("GET", "/api/v1/credentials/lobby/token", &[("authorization", &authorization)], "");
    assert_eq!(asked.status, 403);
    until("the refusal", || types(hook).contains(&"client.refused".to_owned()));
    story.tell(&["clear", "lobby"]).ok();
    until("the end", || types(hook).contains(&"credential.revoked".to_owned()));
    let read = || fs::read_to_string(&receivers.lines).unwrap_or_default();
    until("the command", || read().contains("credential.revoked"));
    until("the alert", || has(&receivers.alerts, "credential.revoked"));
    until("the ticket", || has(&receivers.tickets, "was cleared"));
    until("the message", || receivers.messages(story).contains("was cleared"));
    until("the mail", || receivers.mail.mails().len() >= types(hook).len() - 1);
}

/// Asks for everything that there is to see, and ends the broker.
fn ask_for_everything(story: &mut Story, receivers: &Receivers, broker: Served) {
    let id = story.tell(&["test", "--detach"]).ok().trim().to_owned();
    story.tell(&["--json", "runs", "follow", &id]);
    for arguments in [
        &["events"][..],
        &["--json", "events", "--since", "1d"],
        &["channel", "list"],
        &["--json", "channel", "list"],
        &["--json", "channel", "show", "hook"],
        &["--json", "channel", "show", "rota"],
        &["--json", "runs", "list"],
        &["--json", "list"],
        &["--json", "show", "acme"],
        &["--json", "app", "list"],
        &["--json", "audit", "--limit", "1000"],
        &["--json", "doctor"],
    ] {
        story.tell(arguments);
    }
    let metrics = broker.ask("GET", "/metrics").body;
    assert!(metrics.contains("lanyard_deliveries_total{channel_kind=\"mail\",outcome=\"delivered\"}"), "{metrics}");
    let messages = receivers.messages(story);
    let log = Value::from(broker.log()).to_string();
    assert!(log.len() > 10_000, "everything is logged: {}", log.len());
    assert!(broker.stop().status.success());
    let lines = fs::read_to_string(&receivers.lines).unwrap();
    for (what, text) in [
        ("the metrics", metrics),
        ("the log of the broker", log),
        ("the messages", messages),
        ("the lines of the command", lines),
    ] {
        story.said.push((what.to_owned(), text));
    }
}

/// Looks at everything that was delivered. The heads of requests hold the secrets of their channels, which shows that the search finds
/// them.
fn look_at_deliveries(secrets: &Secrets, receivers: &Receivers) {
    for (receiver, name) in [
        (&receivers.hook, "the path of the webhook"),
        (&receivers.alerts, "the token for Alertmanager"),
        (&receivers.tickets, "the header for tickets"),
    ] {
        for arrived in receiver.arrived() {
            assert_eq!(secrets.found_in(arrived.head.as_bytes()), [name], "{}", arrived.head);
            assert_eq!(secrets.found_in(arrived.body.as_bytes()), [""; 0], "{}", arrived.body);
        }
    }
    for mail in receivers.mail.mails() {
        assert_eq!(mail.login.as_ref().map(|(_, password)| password.as_str()), Some(MAIL_PASSWORD));
        // Its parts are in base64, on short lines.
        for text in [mail.text.clone(), mail.text.replace('\n', "")] {
            assert_eq!(secrets.found_in(text.as_bytes()), [""; 0], "{text}");
        }
    }
}
