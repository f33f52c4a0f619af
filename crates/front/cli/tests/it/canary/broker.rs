//! Secrets of a running broker: they appear nowhere, even if it logs everything, and not even in its memory once a credential is cleared.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Served, Webex};
use serde_json::json;

use super::search::Secrets;
use super::{PLANTED_ACCESS, PLANTED_REFRESH, REFLECTED};
use crate::LANYARD;

/// Prints which of the words on its standard input a process has in its memory.
const SEARCH: &str = r"
import sys
pid, words = sys.argv[1], sys.stdin.read().split()
found = set()
with open(f'/proc/{pid}/mem', 'rb', 0) as memory:
    for line in open(f'/proc/{pid}/maps'):
        span, rights = line.split()[:2]
        if not rights.startswith('r') or line.rstrip().endswith(('[vvar]', '[vsyscall]', '[vvar_vclock]')):
            continue
        start, end = (int(word, 16) for word in span.split('-'))
        try:
            memory.seek(start)
            bytes = memory.read(end - start)
        except OSError:
            continue
        found.update(word for word in words if word.encode() in bytes)
print(' '.join(sorted(found)))
";

/// Which of these words the process has in its memory; `None` where nobody but root may look, and the test is not root.
pub(crate) fn in_memory(pid: u32, words: &[&str]) -> Option<Vec<String>> {
    let mut command = Command::new("python3");
    command.args(["-c", SEARCH, &pid.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("python3 runs");
    child.stdin.take().unwrap().write_all(words.join(" ").as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    if said.contains("PermissionError") {
        return None;
    }
    assert!(done.status.success(), "{said}");
    Some(String::from_utf8(done.stdout).unwrap().split_whitespace().map(str::to_owned).collect())
}

#[test]
#[cfg(target_os = "linux")]
fn a_broker_shows_no_secret_and_keeps_none_that_was_cleared() {
    let webex = Webex::start(RefreshBehaviour::Rotate, Duration::from_mins(20));
    let home = Home::signed_in(LANYARD, &webex);
    let bot = webex.description().bot.access_token.clone();
    let mut secrets = Secrets::default();
    secrets.add("the planted access token", PLANTED_ACCESS);
    secrets.add("the planted refresh token", PLANTED_REFRESH);
    secrets.add("the bot's token", &bot);
    secrets.add("the client secret", &webex.description().integration.client_secret);
    secrets.add("the body of a failed reply", REFLECTED);

    let broker = Served::start_by(&home, ["env", "LANYARD_LOG=trace"], [] as [&str; 0]);
    let added = json!({ "name": "lobby", "kind": "bot", "access_token": bot, "webex_url": webex.url() }).to_string();
    assert_eq!(broker.ask_with("POST", "/api/v1/credentials", &[], &added).status, 201);
    webex.fault(&json!({ "path": "/v1/access_token", "count": 1,
        "action": { "status": 500, "body": { "message": REFLECTED } } }));
    broker.ask("POST", "/api/v1/credentials/acme/refresh?force=true");
    webex.fault(&json!({ "path": "/v1/access_token", "count": 1,
        "action": { "merge": { "access_token": PLANTED_ACCESS, "refresh_token": PLANTED_REFRESH } } }));
    assert_eq!(broker.ask("POST", "/api/v1/credentials/acme/refresh?force=true").status, 200);
    for name in ["acme", "lobby"] {
        for _ in 0..20 {
            let reply = broker.ask("GET", &format!("/api/v1/credentials/{name}/token"));
            assert_eq!(reply.status, 200);
        }
    }
    assert_eq!(broker.ask("POST", "/api/v1/credentials/lobby/test").status, 200);
    assert_eq!(broker.ask("GET", "/api/v1/credentials/acme/token").json()["access_token"], PLANTED_ACCESS);
    let key = home.run(["client", "add", "prometheus", "--all-credentials", "--can", "metrics"]).ok();
    secrets.add("the client's key", key.trim());
    let authorization = format!("Bearer {}", key.trim());
    for headers in [&[][..], &[("Authorization", authorization.as_str())]] {
        let page = broker.ask_with("GET", "/metrics", headers, "");
        assert!(page.body.contains("lanyard_webex_calls_total{api=\"access_token\",status=\"5xx\"} 1\n"), "{page:?}");
        let found = secrets.found_in(page.body.as_bytes());
        assert!(found.is_empty(), "the metrics hold {found:?}");
    }
    // What is sent wrongly is not repeated either.
    let wrong = json!({ "name": "other", "kind": "bot", "access_token": PLANTED_ACCESS, "more": 1 }).to_string();
    assert_eq!(broker.ask_with("POST", "/api/v1/credentials", &[], &wrong).status, 400);
    let key = format!("Bearer {PLANTED_ACCESS}");
    assert_eq!(broker.ask_with("GET", "/api/v1/credentials", &[("Authorization", &key)], "").status, 401);

    for file in ["cmdline", "environ", "comm", "stat"] {
        let shown = std::fs::read(format!("/proc/{}/{file}", broker.id())).unwrap_or_default();
        assert!(secrets.found_in(&shown).is_empty(), "{file}");
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", broker.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");

    for name in ["acme", "lobby"] {
        let reply = broker.ask("DELETE", &format!("/api/v1/credentials/{name}"));
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(broker.ask("GET", &format!("/api/v1/credentials/{name}/token")).status, 404);
    }
    let words = [PLANTED_ACCESS, PLANTED_REFRESH, bot.as_str(), "home-created"];
    match in_memory(broker.id(), &words) {
        // A word that is there shows that the search finds what there is.
        Some(found) => assert_eq!(found, ["home-created"], "the memory of the broker"),
        None => println!("left out: the memory of a process is shown to root only"),
    }
    let log = serde_json::to_vec(&broker.log()).unwrap();
    assert!(log.len() > 10_000, "everything is logged");
    assert!(secrets.found_in(&log).is_empty(), "the log: {:?}", secrets.found_in(&log));
    assert!(broker.stop().status.success());
    let audit = home.run(["--json", "audit"]).ok();
    assert!(audit.contains("handed-out") && secrets.found_in(audit.as_bytes()).is_empty());
    for path in super::files(&home.path()) {
        let found = secrets.found_in(&std::fs::read(&path).unwrap());
        assert!(found.is_empty(), "{} holds {found:?}", path.display());
    }
}
