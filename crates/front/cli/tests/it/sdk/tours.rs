//! A tour of each SDK: some thirty calls and more that read, write, turn pages, are refused and are slowed down.

use std::collections::BTreeMap;
#[cfg(target_os = "linux")]
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use lanyard_testkit::{Home, Method, Options, Running, Served, Webex};
use serde_json::{Value, json};

use super::{webexpythonsdk, wxc_sdk};
use crate::LANYARD;
use crate::snapshots::assert_shown;

/// The scopes of the tours. They include none for meetings: those calls are refused.
const SCOPES: [&str; 21] = [
    "spark:memberships_read",
    "spark:memberships_write",
    "spark:messages_read",
    "spark:messages_write",
    "spark:people_read",
    "spark:rooms_read",
    "spark:rooms_write",
    "spark:xapi_commands",
    "spark:xapi_statuses",
    "spark-admin:devices_read",
    "spark-admin:devices_write",
    "spark-admin:licenses_read",
    "spark-admin:locations_read",
    "spark-admin:organizations_read",
    "spark-admin:people_read",
    "spark-admin:people_write",
    "spark-admin:telephony_config_read",
    "spark-admin:workspace_metrics_read",
    "spark-admin:workspaces_read",
    "spark-admin:workspaces_write",
    "identity:placeonetimepassword_create",
];

/// How many calls a tour makes at least.
const FEWEST: usize = 30;

/// How often a minute each API may be called at a tour's end, where one is called once more than that.
const LIMIT: u32 = 5;

const MINUTE: Duration = Duration::from_mins(1);

/// A tour, and how often each status is replied on it; the limit's replies aside.
struct Tour {
    snapshot: &'static str,
    python: fn() -> PathBuf,
    script: &'static str,
    statuses: &'static [(u64, usize)],
}

const WXC_SDK: Tour = Tour {
    snapshot: "tour-wxc-sdk",
    python: wxc_sdk,
    script: include_str!("wxc_tour.py"),
    statuses: &[(200, 56), (201, 1), (204, 6), (403, 1), (404, 5)],
};

const WXC_SDK_ASYNC: Tour = Tour {
    snapshot: "tour-wxc-sdk-async",
    python: wxc_sdk,
    script: include_str!("wxc_tour_async.py"),
    statuses: &[(200, 55), (201, 3), (204, 7), (403, 1), (404, 4)],
};

const WEBEXPYTHONSDK: Tour = Tour {
    snapshot: "tour-webexpythonsdk",
    python: webexpythonsdk,
    script: include_str!("webexpythonsdk_tour.py"),
    statuses: &[(200, 44), (204, 5), (403, 2), (404, 5)],
};

/// How an SDK gets to Webex.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// With the token, under `lanyard exec`.
    Token,
    /// Through the proxy of a broker, with a client's key and nothing else of Lanyard's.
    Key,
    /// Under `lanyard exec --proxy`, with a broker.
    ExecAndBroker,
    /// Under `lanyard exec --proxy`, without a broker.
    ExecAlone,
}

#[test]
fn wxc_sdk_reads_and_writes_turns_pages_is_refused_and_slowed_down() {
    WXC_SDK.runs(Way::Token);
}

#[test]
fn wxc_sdks_asynchronous_half_does_the_same_several_calls_at_a_time() {
    WXC_SDK_ASYNC.runs(Way::Token);
}

#[test]
fn webexpythonsdk_reads_and_writes_turns_pages_is_refused_and_slowed_down() {
    WEBEXPYTHONSDK.runs(Way::Token);
}

#[test]
fn wxc_sdk_makes_the_same_calls_through_the_proxy_with_a_clients_key() {
    WXC_SDK.runs(Way::Key);
}

#[test]
fn wxc_sdks_asynchronous_half_makes_the_same_calls_through_the_proxy_with_a_clients_key() {
    WXC_SDK_ASYNC.runs(Way::Key);
}

#[test]
fn webexpythonsdk_makes_the_same_calls_through_the_proxy_with_a_clients_key() {
    WEBEXPYTHONSDK.runs(Way::Key);
}

#[test]
fn wxc_sdk_makes_the_same_calls_behind_a_proxy_of_its_own() {
    WXC_SDK.runs(Way::ExecAndBroker);
    WXC_SDK.runs(Way::ExecAlone);
}

#[test]
fn webexpythonsdk_makes_the_same_calls_behind_a_proxy_of_its_own() {
    WEBEXPYTHONSDK.runs(Way::ExecAndBroker);
    WEBEXPYTHONSDK.runs(Way::ExecAlone);
}

impl Way {
    /// Whether the SDK's process has the token.
    fn has_token(self) -> bool {
        self == Self::Token
    }

    fn needs_broker(self) -> bool {
        matches!(self, Self::Key | Self::ExecAndBroker)
    }

    /// The command that runs the SDK.
    fn command(self, home: &Home, webex: &Webex, broker: Option<&Served>, program: [&Path; 2]) -> Command {
        let mut command = match self {
            Self::Token => home.command(["exec", "acme", "--"]),
            Self::ExecAndBroker | Self::ExecAlone => home.command([
                "exec",
                "acme",
                "--proxy",
                "--",
                "sh",
                "-c",
                "SDK_BASE=$WEBEX_BASE_URL exec \"$@\"",
                "sh",
            ]),
            Self::Key => {
                // Webhooks and activation codes are named: a pattern does not grant what yields a credential.
                let paths = "/**,/webhooks,/devices/activationCode";
                let add = ["client", "add", "tour", "--credential", "acme", "--can", "proxy", "--paths", paths];
                let key = home.run(add).ok();
                let address = broker.expect("a broker runs").address();
                let mut command = Command::new(program[0]);
                command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
                command.env("WEBEX_ACCESS_TOKEN", key).env("SDK_BASE", format!("http://{address}/webex/acme/v1"));
                command.arg(program[1]);
                return command;
            }
        };
        command.args(program).env("SDK_BASE", webex.url());
        command
    }
}

impl Tour {
    /// Makes the tour, and holds its calls against the snapshot, whichever way they went.
    #[track_caller]
    fn runs(&self, way: Way) {
        let webex = Webex::with(Options { people: 250, devices: 40, ..Options::default() });
        let home = Home::new(LANYARD);
        let redirect_uris = ["http://127.0.0.1:7418/callback".to_owned()];
        let (client_id, secret) = webex.register(&redirect_uris, &SCOPES);
        home.add_app_as(&webex, (&client_id, &secret), &redirect_uris, &SCOPES).ok();
        home.sign_in(&webex, "acme");
        let token = home.token();
        home.run(["api", "acme", "people/me"]).ok();
        let known = webex.record().pop().expect("a call")["access_token_fingerprint"].take();
        let broker = way.needs_broker().then(|| Served::start(&home, ["--http", "127.0.0.1:0"]));
        let (python, script) = ((self.python)(), home.file("tour.py", self.script));
        let mut command = way.command(&home, &webex, broker.as_ref(), [&python, &script]);
        webex.forget_record();

        let mut running = Running::start(command.env("SDK_LIMIT", LIMIT.to_string()).stdin(Stdio::piped()));
        running.wait_for("too often");
        #[cfg(target_os = "linux")]
        assert_eq!(sdks_environment(running.id(), way).contains(&token), way.has_token());
        stand_at_the_last_second(&webex);
        webex.control(Method::POST, "/behaviour", Some(&json!({ "requests_per_minute": LIMIT })));
        running.write_line("go on");
        let is_limit = |call: &Value| call["status"] == 429;
        while !running.has_ended() && !webex.record().iter().any(is_limit) {}
        // The SDK waits for one second, as it is told. By then the next minute has come at Webex.
        webex.advance(MINUTE);
        let ended = running.end();
        assert!(!ended.stdout.contains(&token) && !ended.stderr.contains(&token));
        ended.ok();

        let record = webex.record();
        assert!(known.is_string() && record.iter().all(|call| call["access_token_fingerprint"] == known));
        let (limited, answered): (Vec<_>, Vec<_>) = record.into_iter().partition(is_limit);
        assert!(!limited.is_empty(), "nothing was slowed down");
        assert!(answered.len() >= FEWEST + usize::try_from(LIMIT).expect("a small number"), "{}", answered.len());
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        let mut statuses = BTreeMap::new();
        for call in &answered {
            *lines.entry(line(call)).or_default() += 1;
            *statuses.entry(call["status"].as_u64().expect("every call is answered")).or_default() += 1;
        }
        let lines: Vec<_> = lines.into_iter().map(|(line, times)| format!("{times:3} {line}")).collect();
        assert_shown!(self.snapshot, lines.join("\n"));
        assert_eq!(statuses, self.statuses.iter().copied().collect());
    }
}

/// The environment of the SDK's process, which this one is, or has started.
#[cfg(target_os = "linux")]
fn sdks_environment(id: u32, way: Way) -> String {
    let id = match way {
        Way::Token | Way::Key => id.to_string(),
        Way::ExecAndBroker | Way::ExecAlone => {
            let tasks = fs::read_dir(format!("/proc/{id}/task")).expect("proc(5) is mounted");
            let children = tasks.map(|task| fs::read_to_string(task.expect("a task").path().join("children")));
            let children: String = children.map(|children| children.expect("it can be read")).collect();
            let [child] = children.split_whitespace().collect::<Vec<_>>()[..] else {
                panic!("one child: {children:?}")
            };
            child.to_owned()
        }
    };
    let environment = fs::read(format!("/proc/{id}/environ")).expect("it is ours");
    let environment = String::from_utf8_lossy(&environment).into_owned();
    assert!(environment.contains("WEBEX_ACCESS_TOKEN="), "{environment}");
    assert!(!environment.contains("LANYARD_"), "{environment}");
    environment
}

/// Stops the clock of Webex at the last second of a minute: whoever is limited there is told to wait for one second.
fn stand_at_the_last_second(webex: &Webex) {
    let clock = webex.control(Method::POST, "/clock", Some(&json!({ "rate": 0 })));
    let now = clock["now"].as_str().expect("a time");
    let (second, rest) = now[17..].trim_end_matches('Z').split_once('.').unwrap_or((&now[17..19], "0"));
    let millis = |text: &str| text.parse::<u64>().expect("a number");
    let past = millis(second) * 1000 + millis(&format!("{rest:0<3}")[..3]);
    // Past the last second's begin by less than a millisecond.
    let until = (59_000 + 60_000 - past) % 60_000;
    webex.control(Method::POST, "/clock", Some(&json!({ "advance_ms": until })));
}

/// A call as a line: method, path with what is long in it left out, and status.
fn line(call: &Value) -> String {
    let text = |field: &str| call[field].as_str().expect("it is there").to_owned();
    let path: Vec<_> =
        text("path").split('/').map(|word| if word.len() > 32 { "ID" } else { word }.to_owned()).collect();
    format!("{} {} {}", text("method"), path.join("/"), call["status"])
}
