//! Sessions of browsers: the developer portal and Control Hub share one.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use lanyard_secret::SecretText;
use lanyard_time::Entropy;
use uuid::Uuid;

use crate::fingerprint::Fingerprint;
use crate::random;

/// How long a session lasts.
const LIFE: Duration = Duration::from_hours(8);

/// Past this number the session that ends soonest gives way.
const MOST_OPEN: usize = 10_000;

/// The browsers' sessions, by the fingerprint of their cookie.
#[derive(Debug, Default)]
pub(crate) struct Sessions(HashMap<Fingerprint, Session>);

/// A browser: before somebody signs in, and after.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The token that every form of this session carries, so that no other page can send one in the person's name.
    pub(crate) csrf: SecretText,
    pub(crate) who: Option<Who>,
    ends_at: Timestamp,
}

/// The account that signed in, and the moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who {
    pub(crate) account: Uuid,
    pub(crate) at: Timestamp,
}

impl Session {
    /// Compared in constant time.
    pub(crate) fn has_sent(&self, csrf: Option<&str>) -> bool {
        csrf.is_some_and(|csrf| SecretText::new(csrf).matches(&self.csrf))
    }
}

impl Sessions {
    /// Opens a session; gives the value of its cookie. Who signs in gets a new one, so that nobody else knows it.
    pub(crate) fn open(&mut self, who: Option<Uuid>, now: Timestamp, entropy: &dyn Entropy) -> (String, Session) {
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

    /// The session of the browser that sends this cookie.
    pub(crate) fn of(&self, cookie: Option<&str>, now: Timestamp) -> Option<Session> {
        let session = self.0.get(&Fingerprint::of(cookie?))?;
        (session.ends_at > now).then(|| session.clone())
    }

    pub(crate) fn end(&mut self, cookie: Option<&str>) {
        if let Some(cookie) = cookie {
            self.0.remove(&Fingerprint::of(cookie));
        }
    }

    /// Signs an account out everywhere.
    pub(crate) fn end_all_of(&mut self, account: Uuid) {
        self.0.retain(|_, session| session.who.is_none_or(|who| who.account != account));
    }
}
