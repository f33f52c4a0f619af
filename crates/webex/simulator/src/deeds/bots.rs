//! Bots, personal tokens and passwords.

use std::sync::Arc;

use lanyard_protocol::PersonType;
use lanyard_secret::AccessToken;
use lanyard_time::Entropy;
use thiserror::Error;

use crate::issuer::{BOT_TOKEN_LIFE, ExchangeError, PERSONAL_TOKEN_LIFE, Rights, Selection, Terms};
use crate::random;
use crate::webex::{State, Webex};
use crate::world::Account;

/// Why there is no bot, or no token of one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum BotError {
    #[error("A bot needs a name.")]
    Nameless,
    #[error("A bot username has at most 60 lower-case letters, digits, dots, dashes and underscores.")]
    Username,
    #[error("The username {0} is taken.")]
    Taken(String),
    #[error("no such account has the address {0}")]
    Unknown(String),
    #[error(transparent)]
    Refused(#[from] ExchangeError),
}

impl Webex {
    /// Creates a bot in its owner's organisation, or in the first one, with the token that is shown once. A username that is left
    /// out is made of the name.
    pub(crate) fn create_bot(
        &self,
        owner: Option<&Account>,
        name: &str,
        username: Option<&str>,
        avatar: Option<String>,
    ) -> Result<(Arc<Account>, AccessToken), BotError> {
        let name = name.trim();
        if name.is_empty() {
            return Err(BotError::Nameless);
        }
        let now = self.now();
        let entropy = &*self.setting().entropy;
        let local = username.map_or_else(|| Ok(made_up_username(name, entropy)), read_username)?;
        let email = format!("{local}@webex.bot");
        let mut state = self.state();
        let State { directory, issuer, behaviour, .. } = &mut *state;
        if directory.by_email(&email).is_some() {
            return Err(BotError::Taken(local));
        }
        let (id, organisation) = (random::uuid(entropy), owner.map_or(directory.id, |owner| owner.organisation));
        let mut bot = Account::machine(id, organisation, PersonType::Bot, name, email.clone(), now);
        bot.profile.avatar = avatar;
        directory.add(bot);
        if organisation != directory.id {
            issuer.note_elsewhere([(id, organisation)]);
        }
        if let Some(owner) = owner {
            issuer.note_owner(id, owner.id);
        }
        let terms = Terms { now, behaviour, entropy };
        let token = issuer.issue_without_app(id, Rights::Bot, BOT_TOKEN_LIFE, terms)?;
        let account = directory.account(id).ok_or(BotError::Unknown(email))?;
        Ok((Arc::clone(account), token))
    }

    /// Gives a bot a new token; the old one is dead at once.
    pub(crate) fn regenerate_bot(&self, email: &str) -> Result<AccessToken, BotError> {
        self.decide(|issuer, directory, terms| {
            let account = directory.by_email(email).filter(|account| account.kind == PersonType::Bot);
            let account = account.ok_or_else(|| BotError::Unknown(email.to_owned()))?;
            issuer.end_grants(&Selection { account: Some(account.id), ..Selection::default() });
            Ok(issuer.issue_without_app(account.id, Rights::Bot, BOT_TOKEN_LIFE, terms)?)
        })
    }

    /// Issues a personal access token, as the portal does for a person. Earlier ones stay valid.
    pub(crate) fn personal_token(&self, email: &str) -> Result<AccessToken, BotError> {
        self.decide(|issuer, directory, terms| {
            let account = directory.by_email(email).filter(|account| account.signs_in);
            let account = account.ok_or_else(|| BotError::Unknown(email.to_owned()))?;
            Ok(issuer.issue_without_app(account.id, Rights::Person, PERSONAL_TOKEN_LIFE, terms)?)
        })
    }

    /// A changed password ends what a person has consented to, their personal tokens, and where they are signed in. Says how many
    /// grants ended. Nobody signs in as a machine or a guest.
    pub(crate) fn change_password(&self, email: &str) -> Result<usize, BotError> {
        let mut state = self.state();
        let State { directory, issuer, sessions, .. } = &mut *state;
        let account = directory.by_email(email).filter(|account| account.signs_in);
        let account = account.ok_or_else(|| BotError::Unknown(email.to_owned()))?;
        sessions.end_all_of(account.id);
        Ok(issuer.end_grants(&Selection { account: Some(account.id), ..Selection::default() }))
    }
}

/// The name's letters, and some digits that nobody else has.
fn made_up_username(name: &str, entropy: &dyn Entropy) -> String {
    let word: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{word}-{}", random::hexadecimal(&random::bytes::<3>(entropy)))
}

/// Reads a username: the part before `@webex.bot`, or a whole address.
fn read_username(text: &str) -> Result<String, BotError> {
    let text = text.trim().to_lowercase();
    let local = text.strip_suffix("@webex.bot").unwrap_or(&text);
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    let fits = (1..=60).contains(&local.len()) && local.bytes().all(plain);
    if fits { Ok(local.to_owned()) } else { Err(BotError::Username) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_is_plain_and_may_come_as_an_address() {
        assert_eq!(read_username(" Door-Bell@webex.bot"), Ok("door-bell".to_owned()));
        for wrong in ["", "@webex.bot", "a b", "a@example.com", "größe", &"x".repeat(61)] {
            assert_eq!(read_username(wrong), Err(BotError::Username), "{wrong}");
        }
    }
}
