//! Compares the calls that Webex received with the entries of the audit.

use std::collections::HashMap;
use std::fmt::Write as _;

use lanyard_credential::CredentialId;
use lanyard_store::Parts;
use lanyard_testkit::RefreshBehaviour;
use sha2::{Digest as _, Sha256};

use super::fleet::{Fleet, Ship, runtime};

/// The sums over all credentials, once each has been looked at.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// Exchanges that Webex granted.
    pub(super) exchanges: usize,
    /// Token sets that were replaced by the next.
    pub(super) rotations: usize,
    /// Exchanges that were begun in place of a process that is gone.
    pub(super) recoveries: usize,
    /// Granted, and never written: nobody lived to do it.
    pub(super) unwritten: usize,
    /// Exchanges that failed.
    pub(super) failures: usize,
    /// Grants that are lost.
    pub(super) losses: usize,
}

/// The refreshes of one credential, from Webex's record.
#[derive(Debug, Default)]
struct Seen {
    asked: usize,
    granted: usize,
    /// That of the access token which was granted last.
    last: Option<String>,
}

/// The audit entries of one credential, counted by kind.
type Said = HashMap<String, usize>;

/// As the simulator shows a token.
pub(super) fn fingerprint(token: &str) -> String {
    Sha256::digest(token.as_bytes())[..6].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Looks at every credential. Each exchange is accounted for, and each grant that was lost is explained.
pub(super) fn compare(fleet: &Fleet, behaviour: RefreshBehaviour) -> Sums {
    let mut seen = seen(fleet);
    let mut said = said(fleet);
    let tokens = Tokens::open(fleet);
    let mut sums = Sums::default();
    for ship in &fleet.ships {
        let seen = seen.remove(&ship.first).unwrap_or_default();
        let said = said.remove(&ship.id).unwrap_or_default();
        let of = |action: &str| said.get(action).copied().unwrap_or_default();
        let (rotated, overtaken, failed) = (of("rotated"), of("overtaken"), of("failed"));
        let recovered = of("recovered");
        let (state, generation, token) = tokens.of(ship);
        let what = format!("{behaviour}, {}: {state}, generation {generation}, {seen:?}, {said:?}", ship.name);

        // Whatever was begun has an end, or was begun again in place of a process that is gone. Only what was tried by force with a
        // grant that is lost may have ended with its process.
        let endless = of("intent").checked_sub(rotated + overtaken + failed);
        assert!(endless == Some(0) || state == "needs-login" && endless == Some(1), "{what}");
        assert!(seen.asked <= of("intent") + recovered, "nothing is sent that was not announced: {what}");
        assert_eq!(generation, 1 + rotated, "{what}");
        let written = rotated + overtaken;
        assert!(seen.granted >= written, "nothing is written that was not granted: {what}");
        let unwritten = seen.granted - written;
        assert!(unwritten <= recovered, "an answer that was not written is recovered: {what}");
        assert!(of("spare-kept") <= overtaken, "{what}");
        let lost = behaviour == RefreshBehaviour::RotateStrict && unwritten > 0;
        if lost {
            assert_eq!(unwritten, 1, "a dead refresh token buys nothing: {what}");
            assert_eq!(state, "needs-login", "{what}");
            assert!(failed > 0, "{what}");
        } else {
            // What was announced and not sent, as on a machine that is too busy for the time that an exchange has, is tried again.
            assert_eq!(state, "active", "{what}");
            assert!(rotated > 0, "{what}");
            assert_eq!(token.as_deref().map(fingerprint), seen.last, "what was granted last is what is kept: {what}");
        }
        sums.exchanges += seen.granted;
        sums.rotations += rotated;
        sums.recoveries += recovered;
        sums.unwritten += unwritten;
        sums.failures += failed;
        sums.losses += usize::from(lost);
    }
    assert!(seen.is_empty(), "{behaviour}: Webex saw refresh tokens that nobody has: {seen:?}");
    sums
}

/// By the fingerprint of the first refresh token.
fn seen(fleet: &Fleet) -> HashMap<String, Seen> {
    // Each refresh token leads to the first of its grant.
    let mut first: HashMap<String, String> =
        fleet.ships.iter().map(|ship| (ship.first.clone(), ship.first.clone())).collect();
    let mut seen: HashMap<String, Seen> = HashMap::new();
    for exchange in fleet.webex.refreshes() {
        let text = |field: &str| exchange[field].as_str().map(str::to_owned);
        let spent = text("refresh_token_fingerprint").unwrap();
        let of = first.get(&spent).unwrap_or(&spent).clone();
        let ship = seen.entry(of.clone()).or_default();
        ship.asked += 1;
        if exchange["status"] == 200 {
            assert_eq!(exchange["effect"], true, "{exchange}");
            ship.granted += 1;
            ship.last = text("issued_access_token_fingerprint");
            first.insert(text("issued_refresh_token_fingerprint").unwrap(), of);
        }
    }
    seen
}

/// By the credential's id.
fn said(fleet: &Fleet) -> HashMap<String, Said> {
    let mut said: HashMap<String, Said> = HashMap::new();
    let counted = "SELECT substr(about, 12), kind, count(*) FROM journal WHERE about LIKE 'credential/%' GROUP BY 1, 2";
    for row in fleet.query(counted) {
        said.entry(row[0].clone()).or_default().insert(row[1].clone(), row[2].parse().unwrap());
    }
    said
}

/// How the credentials stand in the end.
struct Tokens {
    states: HashMap<String, (String, usize)>,
    tokens: HashMap<String, String>,
}

impl Tokens {
    fn open(fleet: &Fleet) -> Self {
        let states = fleet
            .query("SELECT id, standing, generation FROM credentials")
            .into_iter()
            .map(|row| (row[0].clone(), (row[1].clone(), row[2].parse().unwrap())))
            .collect();
        let tokens = runtime().block_on(async {
            let store = lanyard_home::open(&fleet.homes[0].path(), Parts::system(), crate::store_options())
                .await
                .unwrap()
                .store;
            let ids: Vec<CredentialId> =
                store.credentials().await.unwrap().into_iter().map(|credential| credential.id).collect();
            let mut tokens = HashMap::new();
            for id in ids {
                if let Some((_, token)) = store.access_token(id).await.unwrap() {
                    tokens.insert(id.to_string(), token.expose_secret().to_owned());
                }
            }
            store.close().await.unwrap();
            tokens
        });
        Self { states, tokens }
    }

    fn of(&self, ship: &Ship) -> (String, usize, Option<String>) {
        let (state, generation) = self.states[&ship.id].clone();
        (state, generation, self.tokens.get(&ship.id).cloned())
    }
}
