//! No secret of a target is in an error or in the log, however a delivery ends.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use lanyard_channel::{
    AlertmanagerAuth, AlertmanagerTarget, Argv, CommandTarget, JsonTarget, MailTarget, Target, Template, WebhookTarget,
};
use lanyard_secret::SecretText;
use lanyard_testkit::{MailServer, MailTls};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::server::{Server, Step, answer};
use crate::world::{World, notice};

/// Everything that is logged.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

const CANARY: &str = "canary-canary-canary-canary";

/// A target of each kind, whose secrets are canaries, at an HTTP and a mail server.
fn targets(base: &str, mail: &MailServer) -> Vec<Target> {
    let url = format!("{base}/{CANARY}?key={CANARY}");
    let secret = || SecretText::new(CANARY);
    let alertmanager = |auth| {
        let (url, labels) = (url.parse().unwrap(), Vec::new());
        Target::Alertmanager(AlertmanagerTarget { url, auth: Some(auth), labels, allow_private: true })
    };
    let command = format!("echo {CANARY} $0 >&2; exit 1");
    let argv = ["sh", "-c", &command, CANARY].map(str::to_owned).to_vec();
    vec![
        Target::Webhook(WebhookTarget {
            url: url.parse().unwrap(),
            secret: format!("whsec_{}", STANDARD.encode(CANARY)).parse().unwrap(),
            allow_private: true,
        }),
        alertmanager(AlertmanagerAuth::Bearer { token: secret() }),
        alertmanager(AlertmanagerAuth::Basic { username: "lanyard".to_owned(), password: secret() }),
        Target::Json(JsonTarget {
            url: url.parse().unwrap(),
            headers: BTreeMap::from([("x-key".to_owned(), secret())]),
            template: Template::new(json!({ "key": CANARY, "a": "{{id}}" })).unwrap(),
            allow_private: true,
        }),
        Target::Command(CommandTarget { argv: Argv::try_from(argv).unwrap() }),
        Target::Mail(MailTarget {
            server: format!("smtp://127.0.0.1:{}", mail.port()).parse().unwrap(),
            username: Some("lanyard".to_owned()),
            password: Some(secret()),
            from: "lanyard@msp.example".parse().unwrap(),
            to: vec!["noc@msp.example".parse().unwrap()],
            allow_private: false,
            allow_plaintext: true,
        }),
    ]
}

#[tokio::test]
async fn no_secret_is_in_an_error_or_in_the_log() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(log.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());
    let echo = format!("535 {CANARY} is wrong");
    let mail = MailServer::start(MailTls::Never, &[("AUTH", &echo)]);
    let echo = format!("HTTP/1.1 500 {CANARY}\r\nlocation: /{CANARY}\r\ncontent-length: 27\r\n\r\n{CANARY}");
    let redirect = format!("http://127.0.0.1/{CANARY}");
    let endings = [
        Step::Answer(echo),
        answer("302 Found", &[("location", &redirect)]),
        answer("404 Not Found", &[("x-echo", CANARY)]),
        Step::Answer(format!("{CANARY}\r\n\r\n")),
        answer("200 OK", &[]),
    ];
    let mut shown = Vec::new();
    for ending in endings {
        let server = Server::playing(vec![ending; 6]).await;
        for target in targets(&server.url(""), &mail) {
            let delivered = World::new().deliver(&target, &notice()).await;
            shown.push(format!("{target:?} {target} {delivered:?}"));
            shown.extend(delivered.err().map(|error| error.to_string()));
        }
        assert_eq!(server.seen().len(), 4);
    }
    // Nothing listens there any more.
    let closed = { Server::playing([]).await.url("") };
    for target in targets(&closed, &mail) {
        shown.push(format!("{:?}", World::new().deliver(&target, &notice()).await.unwrap_err()));
    }
    drop(guard);
    let shown = shown.join("\n");
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("delivered over HTTP"), "the log was kept: {logged}");
    for form in [CANARY.to_owned(), STANDARD.encode(CANARY), URL_SAFE_NO_PAD.encode(CANARY), "canary".to_owned()] {
        assert!(!shown.contains(&form), "{shown}");
        assert!(!logged.contains(&form), "{logged}");
    }
}
