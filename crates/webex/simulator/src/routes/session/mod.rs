//! Sessions of browsers: the developer portal and Control Hub share one.

mod guard;
mod pages;

use std::collections::HashMap;
use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use lanyard_secret::SecretText;
use lanyard_time::Entropy;
use uuid::Uuid;

pub(super) use guard::{SignedIn, administrator, person};
pub(super) use pages::{SignIn, show, sign_in, sign_out};

use crate::fingerprint::Fingerprint;
use crate::random;
use crate::webex::{Setting, State, Webex};

/// How long a session lasts.
const LIFE: Duration = Duration::from_hours(8);

/// Past this number the session that ends soonest gives way.
const MOST_OPEN: usize = 10_000;

/// The browsers' sessions, by the fingerprint of their cookie.
#[derive(Debug, Default)]
pub(crate) struct Sessions(HashMap<Fingerprint, Session>);

/// A browser: before somebody signs in, and after.
#[derive(Clone, Debug)]
struct Session {
    /// The token that every form of this session carries, so that no other page can send one in the person's name.
    csrf: SecretText,
    who: Option<Who>,
    ends_at: Timestamp,
}

/// The account that signed in, and the moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    pub(super) account: Uuid,
    pub(super) at: Timestamp,
}

impl Session {
    /// Compared in constant time.
    fn has_sent(&self, csrf: Option<&str>) -> bool {
        csrf.is_some_and(|csrf| SecretText::new(csrf).matches(&self.csrf))
    }
}

impl Sessions {
    /// Opens a session; gives the value of its cookie. Who signs in gets a new one, so that nobody else knows it.
    fn open(&mut self, who: Option<Uuid>, now: Timestamp, entropy: &dyn Entropy) -> (String, Session) {
        self.0.retain(|_, session| session.ends_at > now);
        if self.0.len() >= MOST_OPEN
            && let Some(soonest) = self.0.iter().min_by_key(|(_, session)| session.ends_at).map(|(&key, _)| key)
        {
            self.0.remove(&soonest);
        }
        let cookie = random::text(entropy);
        let session = Session {
            csrf: SecretText::new(random::text(entropy)),
            who: who.map(|account| Who { account, at: now }),
            ends_at: now.checked_add(LIFE).unwrap_or(Timestamp::MAX),
        };
        self.0.insert(Fingerprint::of(&cookie), session.clone());
        (cookie, session)
    }

    /// The session of the browser that sends these headers.
    fn of(&self, headers: &HeaderMap, setting: &Setting, now: Timestamp) -> Option<Session> {
        let session = self.0.get(&Fingerprint::of(cookie(headers, setting)?))?;
        (session.ends_at > now).then(|| session.clone())
    }

    fn end(&mut self, headers: &HeaderMap, setting: &Setting) {
        if let Some(cookie) = cookie(headers, setting) {
            self.0.remove(&Fingerprint::of(cookie));
        }
    }

    /// Signs an account out everywhere.
    pub(crate) fn end_all_of(&mut self, account: Uuid) {
        self.0.retain(|_, session| session.who.is_none_or(|who| who.account != account));
    }
}

/// The account signed in at the browser that sends these headers, if it may still sign in.
pub(super) fn signed_in(webex: &Webex, state: &State, headers: &HeaderMap) -> Option<Who> {
    let who = state.sessions.of(headers, webex.setting(), webex.now())?.who?;
    state.directory.account(who.account).filter(|account| account.signs_in).map(|_| who)
}

/// Cookies know no ports: two simulators on one machine would take each other's.
fn cookie_name(setting: &Setting) -> String {
    let port = setting.origin().rsplit(':').next().unwrap_or_default();
    format!("simulator_session_{port}")
}

fn cookie<'h>(headers: &'h HeaderMap, setting: &Setting) -> Option<&'h str> {
    let name = cookie_name(setting);
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// No script reads it, and no other site's form sends it. It ends with the browser, and by the simulator's clock before.
fn set_cookie(setting: &Setting, value: &str) -> HeaderValue {
    let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax", cookie_name(setting));
    HeaderValue::try_from(text).expect("a random text is plain ASCII")
}
