//! The redirect that answers a sign-in.

use lanyard_secret::{AuthorizationCode, State};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;
use zeroize::Zeroize;

/// A redirect that answers a sign-in.
#[derive(Debug, Serialize, Deserialize)]
pub enum Callback {
    /// Webex gave a code.
    Code {
        /// The code.
        #[serde(with = "lanyard_secret::travel")]
        code: AuthorizationCode,
        /// The state that came with it; a bare code that was pasted has none.
        #[serde(with = "lanyard_secret::travel::optional")]
        state: Option<State>,
    },
    /// Webex, or the person, refused.
    Refused {
        /// `access_denied`, `invalid_scope`, ….
        error: String,
        /// The sentence that came with it.
        description: Option<String>,
        /// The state that came with it.
        #[serde(with = "lanyard_secret::travel::optional")]
        state: Option<State>,
    },
}

/// Why a text answers no sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallbackError {
    /// Nothing was given.
    #[error("nothing was pasted")]
    Empty,
    /// Words, but no code.
    #[error("this is neither an address nor a code")]
    NotACode,
    /// A URL without `code` and without `error`.
    #[error("the address has neither a code nor an error in it")]
    NeitherCodeNorError,
    /// A URL of another origin or path than the redirect URI.
    #[error("the address is not the redirect URI of this sign-in")]
    AnotherAddress,
    /// A parameter stands there twice.
    #[error("the address names {0} more than once")]
    Repeated(&'static str),
}

impl Callback {
    /// Reads the query of a request to the redirect URI.
    pub fn from_query(query: &str) -> Result<Self, CallbackError> {
        let mut found = Found::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (slot, name) = match &*name {
                "code" => (&mut found.code, "code"),
                "state" => (&mut found.state, "state"),
                "error" => (&mut found.error, "error"),
                "error_description" => (&mut found.description, "error_description"),
                _ => continue,
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(CallbackError::Repeated(name));
            }
        }
        let state = found.state.take().map(State::new);
        if let Some(error) = found.error.take() {
            let description = found.description.take();
            return Ok(Self::Refused {
                error: crate::error::printable(&error),
                description: description.map(|text| crate::error::printable(&text)),
                state,
            });
        }
        match found.code.take() {
            Some(code) if !code.is_empty() => Ok(Self::Code { code: AuthorizationCode::new(code), state }),
            _ => Err(CallbackError::NeitherCodeNorError),
        }
    }

    /// Reads what a person pasted: the whole redirected address, its query, or the bare code.
    pub fn from_pasted(text: &str, redirect_uri: &Url) -> Result<Self, CallbackError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(CallbackError::Empty);
        }
        if let Some(url) = address(text, redirect_uri) {
            if url.origin() != redirect_uri.origin() || url.path() != redirect_uri.path() {
                return Err(CallbackError::AnotherAddress);
            }
            return Self::from_query(url.query().unwrap_or_default());
        }
        if text.contains("code=") || text.contains("error=") {
            return Self::from_query(text.trim_start_matches('?'));
        }
        if text.len() < SHORTEST_CODE || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(CallbackError::NotACode);
        }
        Ok(Self::Code { code: AuthorizationCode::new(text), state: None })
    }

    /// The state that came back.
    pub fn state(&self) -> Option<&State> {
        match self {
            Self::Code { state, .. } | Self::Refused { state, .. } => state.as_ref(),
        }
    }
}

/// The text as an address; some browsers leave the scheme out of what they show.
fn address(text: &str, redirect_uri: &Url) -> Option<Url> {
    let whole = Url::parse(text).ok().filter(Url::has_host);
    whole.or_else(|| {
        text.split_once('?').filter(|(before, _)| !before.is_empty())?;
        Url::parse(&format!("{}://{text}", redirect_uri.scheme())).ok()
    })
}

/// A bare text that is shorter is no code: a word that was typed, or a part of one. Webex's codes have 64 characters and more.
const SHORTEST_CODE: usize = 16;

#[derive(Default)]
struct Found {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    description: Option<String>,
}

impl Drop for Found {
    fn drop(&mut self) {
        self.code.zeroize();
        self.state.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect() -> Url {
        "http://127.0.0.1:7418/callback".parse().unwrap()
    }

    fn code(callback: &Callback) -> &str {
        match callback {
            Callback::Code { code, .. } => code.expose_secret(),
            Callback::Refused { .. } => panic!("refused"),
        }
    }

    #[test]
    fn a_code_is_read_from_an_address_a_query_and_by_itself() {
        for pasted in [
            "http://127.0.0.1:7418/callback?code=0123456789abcdef&state=s",
            "127.0.0.1:7418/callback?code=0123456789abcdef&state=s",
            " ?code=0123456789abcdef&state=s\n",
            "code=0123456789abcdef&state=s",
            "0123456789abcdef",
        ] {
            assert_eq!(code(&Callback::from_pasted(pasted, &redirect()).unwrap()), "0123456789abcdef", "{pasted}");
        }
    }

    #[test]
    fn words_are_no_code() {
        for pasted in ["what should go here", "garbage", "0123456789abcde", "0123456789abcdef ghi", "ä23456789abcdefg"]
        {
            let error = Callback::from_pasted(pasted, &redirect()).unwrap_err();
            assert_eq!(error, CallbackError::NotACode, "{pasted}");
        }
    }

    #[test]
    fn an_address_elsewhere_is_refused() {
        for pasted in [
            "127.0.0.1:7419/callback?code=abc",
            "http://127.0.0.1:7419/callback?code=abc",
            "https://evil.example/callback?code=abc",
        ] {
            assert_eq!(
                Callback::from_pasted(pasted, &redirect()).unwrap_err(),
                CallbackError::AnotherAddress,
                "{pasted}"
            );
        }
    }

    #[test]
    fn a_denial_is_read_with_its_sentence() {
        let callback = Callback::from_query("error=access_denied&error_description=No%20way&state=s").unwrap();
        let Callback::Refused { error, description, state } = callback else { panic!("a code") };
        assert_eq!((error.as_str(), description.as_deref()), ("access_denied", Some("No way")));
        assert!(state.unwrap().matches(&State::new("s")));
    }

    #[test]
    fn repeated_and_missing_parameters_are_refused() {
        assert_eq!(Callback::from_query("code=a&code=b").unwrap_err(), CallbackError::Repeated("code"));
        assert_eq!(Callback::from_query("code=&state=s").unwrap_err(), CallbackError::NeitherCodeNorError);
        assert_eq!(Callback::from_query("").unwrap_err(), CallbackError::NeitherCodeNorError);
    }
}
