//! The words of a refusal, used only to classify it.

use zeroize::Zeroizing;

use crate::ErrorBody;

/// All that an error body says, in small letters. It is searched for known words and never repeated.
pub(super) struct Said(Zeroizing<String>);

impl Said {
    /// Code, sentence and details, a line each.
    pub(super) fn of(body: &ErrorBody) -> Self {
        let texts = || body.code.iter().chain(&body.message).chain(&body.details);
        let mut said = Zeroizing::new(String::with_capacity(texts().map(|text| text.len() + 1).sum()));
        for text in texts() {
            said.extend(text.chars().map(|letter| letter.to_ascii_lowercase()));
            said.push('\n');
        }
        Self(said)
    }

    /// Whether the app's own id or secret is at fault.
    pub(super) fn names_the_client(&self) -> bool {
        self.any(&CLIENT)
    }

    /// Whether one of the words stands there.
    pub(super) fn any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.0.contains(word))
    }
}

/// "Invalid client credentials", "The provided clientSecret is invalid", `invalid_client`.
const CLIENT: [&str; 8] = [
    "client credentials",
    "clientsecret",
    "client_secret",
    "client secret",
    "clientid",
    "client_id",
    "invalid_client",
    "unauthorized_client",
];
