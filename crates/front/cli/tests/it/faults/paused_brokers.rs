//! A broker that is stopped in the middle of a renewal for longer than its intent allows, and goes on.
//!
//! Processes that use the same home see that it is still there, and wait. Those of another home of the store, as on another machine,
//! cannot see it: when its deadline and a margin have passed they presume it gone, and what it still brings is kept.

use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

use lanyard_testkit::{Home, Postgres, RefreshBehaviour, Reply, Served, Webex, ask_on, left_out, wait};

use super::{LIFE, nothing_is_lost, refused};
use crate::{on_server, signed_in};

/// Where the store is.
enum Place {
    File,
    Server(&'static Postgres, String),
}

/// A Webex, a home and its store.
struct Scene {
    webex: Webex,
    home: Home,
    place: Place,
}

/// Longer than an exchange may take, shorter than the margin after it.
const PAST_THE_DEADLINE: Duration = Duration::from_secs(90);
/// Longer than both.
const PAST_THE_MARGIN: Duration = Duration::from_secs(200);

const BUSY: &str = "another process is renewing acme and has not finished";

impl Scene {
    fn in_file(behaviour: RefreshBehaviour) -> Self {
        let webex = Webex::start(behaviour, LIFE);
        let home = signed_in(&webex);
        Self { webex, home, place: Place::File }
    }

    fn on_server(behaviour: RefreshBehaviour) -> Option<Self> {
        let server = Postgres::shared().map_err(left_out).ok()?;
        let webex = Webex::start(behaviour, LIFE);
        let database = server.new_database();
        let home = on_server::home(&server.address(&database)).with_acme(&webex);
        Some(Self { webex, home, place: Place::Server(server, database) })
    }

    /// A home of the same store on another machine, as far as anybody can see.
    fn another_home(&self) -> Home {
        let Place::Server(server, database) = &self.place else { panic!("a file has one home") };
        on_server::beside(&self.home, &server.address(database))
    }

    /// Changes the store past Lanyard.
    fn run(&self, sql: &str) {
        match &self.place {
            Place::File => {
                let done = Command::new("sqlite3").arg(self.home.path().join("lanyard.db")).arg(sql).status();
                assert!(done.expect("sqlite3(1) is here").success());
            }
            Place::Server(server, database) => {
                server.query(database, &format!("SET search_path = lanyard; {sql}")).unwrap();
            }
        }
    }

    /// Lets what was begun grow older.
    fn age(&self, by: Duration) {
        self.run(&format!("UPDATE intents SET deadline = deadline - {}", by.as_millis()));
    }

    /// Waits until a broker that has just started has compared everything: one that is stopped in the middle of a write keeps a file locked.
    fn await_watch(&self) {
        const COUNT: &str = "SELECT COUNT(*) FROM alerts";
        let count = || match &self.place {
            Place::File => {
                let path = self.home.path().join("lanyard.db");
                let counted = Command::new("sqlite3").arg(path).arg(COUNT).output().expect("sqlite3(1) is here").stdout;
                (String::from_utf8_lossy(&counted).trim().parse().unwrap_or(0), 2)
            }
            Place::Server(server, database) => {
                let counted = server.query(database, &format!("SET search_path = lanyard; {COUNT}")).unwrap();
                (counted.lines().last().and_then(|line| line.trim().parse().ok()).unwrap_or(0), 1)
            }
        };
        while matches!(count(), (found, expected) if found < expected) {
            wait(Duration::from_millis(20));
        }
    }

    /// Ends all connections to the server, as it does automatically with those that do nothing in a transaction for long.
    fn end_connections(&self) {
        if let Place::Server(..) = &self.place {
            self.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            );
        }
    }

    /// A broker that stops itself at a step of a renewal. Commands do not find its socket: they work by themselves.
    fn stopped_at(&self, step: &str) -> Stopped {
        let sockets = self.home.beside().join("sockets");
        std::fs::create_dir_all(&sockets).unwrap();
        let failpoint = format!("LANYARD_FAILPOINT={step}=stop");
        let broker = Served::start_by(&self.home, ["env", &failpoint], ["--sockets".as_ref(), sockets.as_os_str()]);
        let socket = broker.socket();
        self.await_watch();
        let renewal =
            std::thread::spawn(move || ask_on(&socket, "POST", "/api/v1/credentials/acme/refresh?force=true", &[]));
        broker.wait_until_stopped();
        Stopped { broker, renewal }
    }
}

/// A broker that stands still, and the renewal that it was asked for.
struct Stopped {
    broker: Served,
    renewal: JoinHandle<Option<Reply>>,
}

impl Stopped {
    /// Lets it go on until the renewal has an end.
    fn goes_on(self) -> (Served, Reply) {
        while !self.renewal.is_finished() {
            // It stops at each renewal.
            self.broker.signal("CONT");
            wait(Duration::from_millis(20));
        }
        let reply = self.renewal.join().unwrap().expect("it answers");
        (self.broker, reply)
    }
}

/// Processes of the same home wait for it, however long it takes.
fn is_waited_for(scene: &Scene, step: &str, sent: usize) {
    let (home, webex) = (&scene.home, &scene.webex);
    let stopped = scene.stopped_at(step);
    refused(home.run(["refresh", "acme", "--force"]), 5, BUSY, "try again in a minute");
    scene.age(PAST_THE_MARGIN);
    scene.end_connections();
    let sentence = format!("process {} began to renew it and has not finished", stopped.broker.id());
    refused(home.run(["refresh", "acme", "--force"]), 5, &sentence, "lanyard refresh acme --take-over");
    assert_eq!(home.show("acme")["state"], "stalled");
    assert!(webex.accepts(&home.token()), "the token that is valid is handed out meanwhile");
    assert_eq!(webex.refreshes().len(), sent, "{:?}", webex.refreshes());
    let (broker, reply) = stopped.goes_on();
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(home.show("acme")["state"], "active");
    let handed = broker.ask("GET", "/api/v1/credentials/acme/token").json();
    assert_eq!(handed["access_token"].as_str(), Some(&*home.token()), "the broker hands out what it stored");
    // It would stop again at the next renewal.
    assert!(broker.kill());
    nothing_is_lost(home, webex, 1);
    home.run(["audit", "--verify"]).ok();
}

const STEPS: [(&str, usize); 3] = [("rotation.declared", 0), ("rotation.sending", 0), ("rotation.answered", 1)];

#[test]
fn a_broker_that_is_stopped_past_its_deadline_is_waited_for_and_loses_nothing() {
    for (step, sent) in STEPS {
        is_waited_for(&Scene::in_file(RefreshBehaviour::RotateStrict), step, sent);
    }
}

#[test]
fn a_broker_that_is_stopped_past_its_deadline_is_waited_for_on_a_server_too() {
    for (step, sent) in STEPS {
        let Some(scene) = Scene::on_server(RefreshBehaviour::RotateStrict) else { return };
        is_waited_for(&scene, step, sent);
    }
}

/// A broker that another machine presumes gone: before that it is waited for. Returns how the retry of the other machine ended.
fn is_presumed_gone(scene: &Scene, there: &Home) -> i32 {
    refused(there.run(["refresh", "acme", "--force"]), 5, BUSY, "try again in a minute");
    let before = scene.webex.refreshes().len();
    scene.age(PAST_THE_DEADLINE);
    let ended = there.run(["refresh", "acme", "--force"]);
    assert_eq!(ended.code(), 5, "the clock of its machine may be late: {ended:?}");
    assert_eq!(scene.webex.refreshes().len(), before, "nothing is spent before the margin has passed");
    scene.age(PAST_THE_MARGIN);
    let retried = there.run(["refresh", "acme", "--force"]);
    assert_eq!(scene.webex.refreshes().len(), before + 1, "{retried:?}");
    let audit = there.run(["audit"]).ok();
    assert!(audit.contains("presumed"), "{audit}");
    retried.code()
}

/// The broker goes on after another machine presumed it gone: whatever it still brings, the grant lives.
fn wakes(behaviour: RefreshBehaviour) {
    for (step, sent) in STEPS {
        let Some(scene) = Scene::on_server(behaviour) else { return };
        let there = scene.another_home();
        let stopped = scene.stopped_at(step);
        let code = is_presumed_gone(&scene, &there);
        let what = format!("{behaviour} {step}");
        if behaviour == RefreshBehaviour::RotateStrict && sent == 1 {
            // Its answer may still come: the refusal ends nothing.
            assert_eq!((code, there.show("acme")["state"].as_str()), (5, Some("stalled")), "{what}");
        } else {
            assert_eq!((code, there.show("acme")["state"].as_str()), (0, Some("active")), "{what}");
        }
        let (broker, reply) = stopped.goes_on();
        assert_eq!(reply.status, 200, "{what}: {reply:?}");
        assert_eq!(there.show("acme")["state"], "active", "{what}");
        let token = there.token();
        assert!(scene.webex.accepts(&token), "{what}");
        let handed = broker.ask("GET", "/api/v1/credentials/acme/token").json();
        assert!(scene.webex.accepts(handed["access_token"].as_str().unwrap()), "{what}: {handed}");
        assert!(broker.kill());
        there.run(["refresh", "acme", "--force"]).ok();
        assert!(scene.webex.accepts(&there.token()), "{what}");
        there.run(["audit", "--verify"]).ok();
    }
}

#[test]
fn a_broker_that_was_presumed_gone_and_wakes_costs_nothing_at_a_webex_that_keeps() {
    wakes(RefreshBehaviour::Keep);
}

#[test]
fn a_broker_that_was_presumed_gone_and_wakes_costs_nothing_at_a_webex_that_repeats() {
    wakes(RefreshBehaviour::Rotate);
}

#[test]
fn a_broker_that_was_presumed_gone_and_wakes_costs_nothing_at_a_strict_webex() {
    wakes(RefreshBehaviour::RotateStrict);
}

/// The broker was gone indeed, with an answer that it had not written. A strict Webex gives no other, and that is said one deadline later.
#[test]
fn an_answer_that_a_machine_took_with_it_is_lost_at_a_strict_webex_alone() {
    for behaviour in crate::BEHAVIOURS {
        let Some(scene) = Scene::on_server(behaviour) else { return };
        let there = scene.another_home();
        let stopped = scene.stopped_at("rotation.answered");
        assert!(stopped.broker.kill());
        assert!(stopped.renewal.join().unwrap().is_none());
        let code = is_presumed_gone(&scene, &there);
        if behaviour == RefreshBehaviour::RotateStrict {
            assert_eq!((code, there.show("acme")["state"].as_str()), (5, Some("stalled")));
            scene.age(PAST_THE_DEADLINE);
            let said = there.run(["refresh", "acme", "--force"]).fails(4);
            assert!(said.contains("hint: sign in again: lanyard login acme"), "{said}");
            assert_eq!(there.show("acme")["state"], "needs-login");
            assert!(scene.webex.accepts(&there.token()), "the access token is handed out while it lasts");
        } else {
            assert_eq!(code, 0, "{behaviour}");
            assert!(scene.webex.accepts(&there.token()), "{behaviour}");
        }
        there.run(["audit", "--verify"]).ok();
    }
}
