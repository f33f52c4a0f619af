//! The reply to a request for a token, in a buffer of its own that is wiped.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_secret::AccessToken;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// The reply, as DESIGN's section 6 has it.
#[derive(Serialize)]
pub(super) struct TokenReply<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: Option<u64>,
    expires_at: Option<WholeSeconds>,
    scopes: Option<Words<'a>>,
    /// Why it does not last as long as was asked; left out where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'a str>,
}

/// The reply's description.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Token")]
pub(super) struct TokenDescription {
    access_token: String,
    #[schemars(extend("enum" = ["Bearer"]))]
    token_type: String,
    /// For how many seconds it is valid; null if Webex did not say.
    expires_in: Option<u64>,
    /// When it expires; null if Webex did not say.
    #[schemars(extend("format" = "date-time"))]
    expires_at: Option<String>,
    /// The granted scopes; null if Webex did not name them.
    scopes: Option<Vec<String>>,
    /// The reason why it is valid for a shorter time than requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

impl<'a> TokenReply<'a> {
    /// A token that lasts so long from `now`. The scopes are separated by spaces.
    pub(super) fn new(
        token: &'a AccessToken,
        left: Option<Duration>,
        scopes: Option<&'a str>,
        warning: Option<&'a str>,
        now: Timestamp,
    ) -> Self {
        Self {
            access_token: token.expose_secret(),
            token_type: "Bearer",
            expires_in: left.map(|left| left.as_secs()),
            expires_at: left.and_then(|left| now.checked_add(left).ok()).map(WholeSeconds),
            scopes: scopes.map(Words),
            warning,
        }
    }

    /// In JSON.
    pub(super) fn written(&self) -> serde_json::Result<Written> {
        let mut written = Written(Vec::with_capacity(self.longest()));
        serde_json::to_writer(&mut written.0, self)?;
        Ok(written)
    }

    /// A buffer of this length never grows: an outgrown one would leave the token behind. Nor is it much too long: all of it is
    /// wiped, for each token that is handed out.
    fn longest(&self) -> usize {
        let scopes = self.scopes.as_ref().map_or("", |scopes| scopes.0);
        FRAME + [self.access_token, scopes, self.warning.unwrap_or_default()].into_iter().map(most).sum::<usize>()
    }
}

/// A reply's bytes, wiped when they were sent: all at once, since [`zeroize`] does it byte by byte, again for each token.
pub(super) struct Written(Vec<u8>);

impl AsRef<[u8]> for Written {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // Nothing was ever written beyond its length.
        self.0.fill(0);
        zeroize::optimization_barrier(self.0.as_slice());
    }
}

/// More than all of a reply but its three texts: names, quotes, twenty digits, a time.
const FRAME: usize = 176;

/// The most bytes that a text takes within a string of JSON, or as a list of its words.
fn most(text: &str) -> usize {
    let each = |byte| match byte {
        0..b' ' => 6,
        b' ' => 3,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    text.bytes().map(each).sum()
}

/// Words that are separated by spaces, as a list.
struct Words<'a>(&'a str);

impl Serialize for Words<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.split(' ').filter(|word| !word.is_empty()))
    }
}

/// RFC 3339, in whole seconds.
struct WholeSeconds(Timestamp);

impl Serialize for WholeSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.0}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_token_comes_with_how_long_it_lasts_and_what_for() {
        let token = AccessToken::new("canary");
        let now = "2026-01-02T03:04:05.678Z".parse().unwrap();
        let left = Some(Duration::from_mins(1));
        let written = TokenReply::new(&token, left, Some("spark:all  spark:kms"), None, now).written().unwrap();
        let expected = r#"{"access_token":"canary","token_type":"Bearer","expires_in":60,"expires_at":"2026-01-02T03:05:05Z","scopes":["spark:all","spark:kms"]}"#;
        assert_eq!(str::from_utf8(written.as_ref()).unwrap(), expected);
        let written = TokenReply::new(&token, None, None, Some("it is the last"), now).written().unwrap();
        let expected = json!({
            "access_token": "canary", "token_type": "Bearer", "expires_in": null, "expires_at": null, "scopes": null,
            "warning": "it is the last",
        });
        assert_eq!(serde_json::from_slice::<Value>(written.as_ref()).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn whatever_is_in_a_reply_it_reads_back_and_its_buffer_never_grows(
            token in any::<String>(),
            scopes in proptest::option::of("[a-z \"\\\\\u{1}]{0,60}"),
            warning in proptest::option::of(any::<String>()),
            left in proptest::option::of(any::<u64>()),
            now in any::<i32>(),
        ) {
            let secret = AccessToken::new(token.as_str());
            let now = Timestamp::from_second(now.into()).unwrap();
            let left = left.map(Duration::from_secs);
            let reply = TokenReply::new(&secret, left, scopes.as_deref(), warning.as_deref(), now);
            let longest = reply.longest();
            let written = reply.written().unwrap();
            prop_assert!(written.0.len() <= longest, "{} bytes, {longest} were said", written.0.len());
            let read: Value = serde_json::from_slice(written.as_ref()).unwrap();
            prop_assert_eq!(read["access_token"].as_str(), Some(token.as_str()));
            prop_assert_eq!(read.get("warning").and_then(Value::as_str), warning.as_deref());
            let words = scopes.map(|scopes| scopes.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>());
            prop_assert_eq!(&read["scopes"], &json!(words));
        }
    }
}
