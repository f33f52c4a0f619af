//! Brokers and the command line on one store, while everything falls due at once and brokers are killed: two in one home, and three in
//! homes that share a PostgreSQL server, which is killed too.
//!
//! Whatever happens, each exchange that Webex has answered is a rotation that was written, or was done again in place of a process
//! that is gone, and the audit says which. A grant is lost only at a server that rotates strictly, where nobody lived to write.

mod alerts;
mod deliveries;
mod fleet;
mod record;
mod weekend;

use std::fs;
use std::time::Duration;

use lanyard_testkit::{RefreshBehaviour, Running, Served, ask_on, wait};
use lanyard_time::{Entropy as _, SeededEntropy};
use serde_json::json;

use self::fleet::Fleet;
use self::record::{Sums, compare};

/// How many credentials fall due; `LANYARD_BROKERS` for the long form.
fn credentials() -> usize {
    std::env::var("LANYARD_BROKERS").ok().and_then(|text| text.parse().ok()).unwrap_or(150)
}

/// The longest time between two kills, in microseconds: more where a broker that is started has more to read.
fn longest() -> u64 {
    400_000 * u64::try_from(credentials() / 150).unwrap().clamp(1, 10)
}

/// How many brokers are killed at least. In the long form the killing goes on until everything is renewed.
const KILLS: usize = 8;

/// The server is killed in each of so many rounds.
const ROUNDS_OF_A_SERVER: usize = 3;

/// Each broker begins so many renewals in a second.
const RATE: &str = "40";

#[test]
fn two_brokers_that_are_killed_lose_nothing_at_a_server_that_keeps() {
    assert_eq!(killed_again_and_again(RefreshBehaviour::Keep).losses, 0);
}

#[test]
fn two_brokers_that_are_killed_lose_nothing_at_a_server_that_repeats() {
    assert_eq!(killed_again_and_again(RefreshBehaviour::Rotate).losses, 0);
}

#[test]
fn two_brokers_that_are_killed_lose_what_they_could_not_write_at_a_strict_server() {
    let sums = killed_again_and_again(RefreshBehaviour::RotateStrict);
    assert_eq!(sums.losses, sums.unwritten);
}

#[test]
fn three_brokers_on_a_server_that_are_killed_lose_nothing_at_a_webex_that_keeps() {
    assert_eq!(killed_on_a_server(RefreshBehaviour::Keep).map_or(0, |sums| sums.losses), 0);
}

#[test]
fn three_brokers_on_a_server_that_are_killed_lose_nothing_at_a_webex_that_repeats() {
    assert_eq!(killed_on_a_server(RefreshBehaviour::Rotate).map_or(0, |sums| sums.losses), 0);
}

#[test]
fn three_brokers_on_a_server_lose_what_they_could_not_write_at_a_strict_webex() {
    if let Some(sums) = killed_on_a_server(RefreshBehaviour::RotateStrict) {
        assert_eq!(sums.losses, sums.unwritten);
    }
}

fn killed_on_a_server(behaviour: RefreshBehaviour) -> Option<Sums> {
    Some(killed(&Fleet::on_server(behaviour, credentials())?, behaviour))
}

fn killed_again_and_again(behaviour: RefreshBehaviour) -> Sums {
    killed(&Fleet::in_file(behaviour, credentials()), behaviour)
}

fn killed(fleet: &Fleet, behaviour: RefreshBehaviour) -> Sums {
    // Time in which a kill can fall while a request and its reply are on their way.
    fleet.webex.fault(&json!({
        "path": "/v1/access_token", "count": null, "action": { "delay_ms": 15, "delay_after_ms": 15 }
    }));
    let dice = Dice(SeededEntropy::new(11));
    let count = if fleet.server.is_some() { fleet.homes.len() } else { 2 };
    let mut brokers: Vec<_> = (0..count).map(|which| Some(serve(fleet, which))).collect();
    let (mut kills, mut rounds, mut restarts) = (0, 0, 0);
    while kills < KILLS || unfinished(fleet) > 0 {
        rounds += 1;
        assert!(rounds < 20 * KILLS + credentials(), "{behaviour}: {} are still to be renewed", unfinished(fleet));
        let killed = dice.index(count);
        let commands: Vec<_> = (0..3).map(|_| ask(fleet, &dice, &brokers)).collect();
        // A broker that waits for a server is killed too.
        let server = fleet.server.as_ref().map(|(server, _)| server).filter(|_| rounds % ROUNDS_OF_A_SERVER == 0);
        wait(Duration::from_micros(dice.below(longest())));
        if let Some(server) = server {
            restarts += 1;
            server.kill();
            wait(Duration::from_micros(dice.below(longest())));
        }
        kills += usize::from(brokers[killed].take().unwrap().kill());
        if let Some(server) = server {
            server.start_again();
        }
        for (from, words, running) in commands {
            let ended = running.end();
            // Whoever asked a broker that was killed is told so; whose grant is lost is told that; and so is who needed the server, or
            // what a broker of another home had begun when it was killed: it goes on when it is started again.
            let excused = match ended.code() {
                0 => true,
                4 => behaviour == RefreshBehaviour::RotateStrict,
                5 | 6 if server.is_some() => true,
                5 if fleet.homes.len() > 1 && ended.stderr.contains("another process is renewing") => true,
                _ => killed == from && ended.stderr.contains("broker"),
            };
            assert!(excused, "{behaviour}: {words:?}: {ended:?}");
        }
        brokers[killed] = Some(serve(fleet, killed));
    }
    for broker in brokers.into_iter().flatten() {
        assert!(broker.stop().status.success());
    }

    let sums = compare(fleet, behaviour);
    assert_eq!(sums.exchanges, sums.rotations + sums.unwritten, "{sums:?}");
    // The refresh tokens are whole too: they can be spent.
    for ship in fleet.ships.iter().step_by(fleet.ships.len().div_ceil(20)) {
        let renewed = fleet.homes[0].run(["refresh", &ship.name, "--force"]);
        if fleet.homes[0].show(&ship.name)["state"] == "needs-login" {
            assert_eq!(behaviour, RefreshBehaviour::RotateStrict);
            renewed.fails(4);
            continue;
        }
        renewed.ok();
        assert!(fleet.webex.accepts(&fleet.homes[0].run(["token", &ship.name]).ok()));
    }
    fleet.homes[0].run(["audit", "--verify"]).ok();
    eprintln!(
        "{behaviour}: {} credentials, {kills} kills of brokers, {restarts} of the server, {} exchanges, {} rotations; {} recoveries, {} of them of an answer \
         that nobody had written; {} failed; {} grants lost",
        fleet.ships.len(),
        sums.exchanges,
        sums.rotations,
        sums.recoveries,
        sums.unwritten,
        sums.failures,
        sums.losses
    );
    sums
}

/// In a home of its own, if the homes share a server; otherwise the first broker is where commands look for it, the second elsewhere.
fn serve(fleet: &Fleet, which: usize) -> Served {
    let mut words = vec!["--rotations-per-second".to_owned(), RATE.to_owned()];
    if let Some(home) = fleet.homes.get(which) {
        return Served::start(home, words);
    }
    let home = &fleet.homes[0];
    let elsewhere = home.beside().join("elsewhere");
    fs::create_dir_all(&elsewhere).unwrap();
    words.extend(["--sockets".to_owned(), elsewhere.to_str().unwrap().to_owned()]);
    Served::start(home, words)
}

/// How many credentials have not been renewed and are not lost, or have a rotation under way. One that is lost is nobody's to renew: what
/// was begun for it by force, and killed, stays begun.
fn unfinished(fleet: &Fleet) -> usize {
    let open = "SELECT count(*) FROM credentials WHERE standing <> 'needs-login' \
                AND (id IN (SELECT credential FROM intents) OR generation = 1 OR standing <> 'active')";
    fleet.query(open)[0][0].parse().unwrap()
}

/// A command for a random credential, in a random home. It goes through that home's broker, or runs without one if it has just stopped;
/// what a second broker is asked goes over its socket.
fn ask(fleet: &Fleet, dice: &Dice, brokers: &[Option<Served>]) -> (usize, Vec<String>, Running) {
    let ship = &fleet.ships[dice.index(fleet.ships.len())];
    let from = dice.index(fleet.homes.len());
    if let Some(second) = &brokers[1] {
        let reply = ask_on(&second.socket(), "GET", &format!("/api/v1/credentials/{}/token", ship.name), &[]);
        let status = reply.as_ref().map(|reply| reply.status);
        assert!(matches!(status, Some(200 | 409)), "{reply:?}");
    }
    let name = ship.name.as_str();
    let words = match dice.below(4) {
        0 => vec!["list"],
        1 => vec!["refresh", name],
        2 => vec!["refresh", name, "--force"],
        _ => vec!["token", name],
    };
    let running = Running::start(&mut fleet.homes[from].command(&words));
    (from, words.into_iter().map(str::to_owned).collect(), running)
}

/// Seeded dice: each run of a test throws equal numbers.
struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % end
    }

    fn index(&self, count: usize) -> usize {
        usize::try_from(self.below(u64::try_from(count).unwrap())).unwrap()
    }
}
