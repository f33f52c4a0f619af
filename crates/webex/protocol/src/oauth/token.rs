//! `POST /access_token`: codes and refresh tokens in, token sets out.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use lanyard_secret::{
    AccessToken, AuthorizationCode, ClientSecret, CodeVerifier, OddLetter, RefreshToken, SecretBytes,
};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;
use zeroize::Zeroizing;

use super::RedirectUri;
use super::lifetime::lifetime;
use super::mint::json;
use crate::fields::Fields;
use crate::text::Text;
use crate::{AppClientId, Environment, ErrorBody, Method, Request, Response, ScopeSet};

/// How an app proves itself at the token endpoint. PKCE does not remove the secret.
#[derive(Clone, Debug)]
pub struct ClientAuth {
    /// The app's client id.
    pub client_id: AppClientId,
    /// Its secret; sent in the body.
    pub client_secret: ClientSecret,
}

/// Buys a token set with the code of a sign-in.
pub fn exchange_code(
    environment: &Environment,
    auth: &ClientAuth,
    code: &AuthorizationCode,
    redirect_uri: &RedirectUri,
    verifier: &CodeVerifier,
) -> Request {
    post(
        environment,
        auth,
        &[
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("redirect_uri", redirect_uri.as_str()),
            ("code_verifier", verifier.expose_secret()),
        ],
    )
}

/// Buys the next token set with a refresh token.
pub fn refresh(environment: &Environment, auth: &ClientAuth, refresh_token: &RefreshToken) -> Request {
    post(environment, auth, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())])
}

/// Buys the next token set with the refresh token of a workspace integration, which sends JSON, as Cisco's own code does.
pub fn refresh_as_json(environment: &Environment, auth: &ClientAuth, refresh_token: &RefreshToken) -> Request {
    let body = JsonRefresh {
        grant_type: "refresh_token",
        client_id: auth.client_id.as_str(),
        client_secret: auth.client_secret.expose_secret(),
        refresh_token: refresh_token.expose_secret(),
    };
    let texts = body.client_id.len() + body.client_secret.len() + body.refresh_token.len();
    Request::new(Method::POST, environment.token()).body("application/json", json(&body, texts))
}

#[derive(Serialize)]
struct JsonRefresh<'a> {
    grant_type: &'static str,
    client_id: &'a str,
    client_secret: &'a str,
    refresh_token: &'a str,
}

fn post(environment: &Environment, auth: &ClientAuth, fields: &[(&str, &str)]) -> Request {
    let client = [("client_id", auth.client_id.as_str()), ("client_secret", auth.client_secret.expose_secret())];
    let body = form(fields.iter().copied().chain(client));
    Request::new(Method::POST, environment.token()).body("application/x-www-form-urlencoded", body)
}

/// Encodes a form that holds secrets. The buffer is made large enough at once, so that no outgrown copy stays behind.
pub(super) fn form<'a>(fields: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> SecretBytes {
    let longest: usize = fields.clone().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(longest));
    form.extend_pairs(fields);
    SecretBytes::new(form.finish().into_bytes())
}

/// A token set, as the endpoint gave it. Lifetimes count from the moment at which the request was sent.
#[derive(Clone, Debug)]
pub struct TokenReply {
    /// The access token; never empty.
    pub access_token: AccessToken,
    /// How long it lasts; `None` where the reply did not say, or said nonsense.
    pub expires_in: Option<Duration>,
    /// The next refresh token; `None` means: keep the one you have.
    pub refresh_token: Option<RefreshToken>,
    /// How long it lasts.
    pub refresh_token_expires_in: Option<Duration>,
    /// The granted scopes; often absent.
    pub scopes: Option<ScopeSet>,
}

/// Why a token endpoint's answer is no token set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The code or the refresh token is not accepted, or the app is not.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Too many calls; nothing was done.
    #[error("Webex limits the calls of this app or person")]
    Limited {
        /// How long Webex asks to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// An answer that leaves open whether anything was done: a server's error, or one that fits no shape.
    #[error("the outcome is unclear ({0})")]
    Unclear(Refusal),
    /// Success, but no token set in it.
    #[error("Webex answered with success, but {0}")]
    Malformed(MalformedReply),
}

/// A clear refusal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Rejection {
    /// The refresh token or the code is expired, revoked, malformed, or spent.
    #[error("Webex does not accept the grant any more ({0})")]
    Grant(Refusal),
    /// The client id or the client secret is wrong.
    #[error("Webex does not accept the app's client id and secret ({0})")]
    Client(Refusal),
}

/// The parts of a token endpoint's refusal that may be repeated. Its sentences may not: a server may put a token into them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The error code, where it is one of the known words.
    pub code: Option<&'static str>,
    /// By which Cisco's support finds the call.
    pub tracking_id: Option<String>,
}

impl Refusal {
    pub(crate) fn of(response: &Response, body: &ErrorBody) -> Self {
        let known = |code: &str| ERROR_CODES.into_iter().find(|known| *known == code);
        let tracking_id = body.tracking_id.as_deref().or(response.tracking_id());
        Self {
            status: response.status,
            code: body.code.as_deref().and_then(known),
            tracking_id: tracking_id.filter(|id| is_tracking_id(id)).map(str::to_owned),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status.as_u16())?;
        if let Some(code) = self.code {
            write!(f, ", {code}")?;
        }
        if let Some(id) = &self.tracking_id {
            write!(f, ", tracking id {id}")?;
        }
        Ok(())
    }
}

/// RFC 6749, sections 4.1.2.1 and 5.2; RFC 7009, section 2.2.1.
const ERROR_CODES: [&str; 8] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
];

/// `ROUTER_65F0…`, `NA_…-…`: a word, an underscore and a UUID in most captures.
fn is_tracking_id(text: &str) -> bool {
    text.len() <= 80
        && text.split_once('_').is_some_and(|(word, rest)| {
            word.bytes().all(|byte| byte.is_ascii_uppercase())
                && rest.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-' || byte == b'_')
        })
}

/// A fault of a successful answer. It names the place and never repeats the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MalformedReply {
    /// The body is not a JSON object of the expected form.
    NotJson {
        /// How long it is, in bytes.
        length: usize,
        /// The kind of body that came instead.
        looks: Looks,
    },
    /// There is no access token in it.
    NoAccessToken,
    /// A token in it cannot be sent as one.
    UnusableToken(OddLetter),
}

/// The apparent kind of a body that is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// A page for a browser.
    Html,
    /// Compressed in a way that could not be undone.
    Compressed,
    /// Like nothing that is known.
    Unknown,
}

impl MalformedReply {
    /// A body that is not a JSON object of the expected form.
    pub(crate) fn not_json(response: &Response) -> Self {
        let body = response.body.expose_secret();
        let looks = match body.trim_ascii_start() {
            _ if response.headers.contains_key(http::header::CONTENT_ENCODING) => Looks::Compressed,
            [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => Looks::Compressed,
            [b'<', ..] => Looks::Html,
            _ => Looks::Unknown,
        };
        Self::NotJson { length: body.len(), looks }
    }
}

impl fmt::Display for MalformedReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson { length, looks } => {
                let looks = match looks {
                    Looks::Html => " of HTML",
                    Looks::Compressed => ", compressed in a way that could not be undone",
                    Looks::Unknown => "",
                };
                write!(f, "the body ({length} bytes{looks}) is not a token reply in JSON")
            }
            Self::NoAccessToken => f.write_str("there is no access token in the body"),
            Self::UnusableToken(odd) => write!(f, "a token in the body cannot be used: {odd}"),
        }
    }
}

impl TokenReply {
    /// Reads the answer of the token endpoint.
    pub fn parse(response: &Response) -> Result<Self, TokenError> {
        if !response.status.is_success() {
            return Err(refusal(response));
        }
        Self::read(response).map_err(TokenError::Malformed)
    }

    /// Reads the body of a success. Only the tokens decide: nothing else in the body can spoil them, and `token_type` is
    /// ignored, because Webex has one type and servers spell it in many ways.
    pub(super) fn read(response: &Response) -> Result<Self, MalformedReply> {
        let text = Text::of(response.body.expose_secret()).without_controls();
        let fields = Fields::of(&text).ok_or_else(|| MalformedReply::not_json(response))?;
        let access_token = fields.last(&["access_token"], |token: &AccessToken| !token.is_empty());
        let refresh_token = fields.last(&["refresh_token"], |token: &RefreshToken| !token.is_empty());
        // What was cut off could have been the refresh token.
        if fields.broken_at().is_some() && (access_token.is_none() || refresh_token.is_none()) {
            return Err(MalformedReply::not_json(response));
        }
        let access_token = access_token.ok_or(MalformedReply::NoAccessToken)?;
        let odd = OddLetter::find(access_token.expose_secret());
        let odd = odd.or_else(|| OddLetter::find(refresh_token.as_ref()?.expose_secret()));
        if let Some(odd) = odd {
            return Err(MalformedReply::UnusableToken(odd));
        }
        let lasts = |name| fields.last(&[name], |value| lifetime(value).is_some()).as_ref().and_then(lifetime);
        Ok(Self {
            access_token,
            expires_in: lasts("expires_in"),
            refresh_token,
            refresh_token_expires_in: lasts("refresh_token_expires_in"),
            scopes: fields.last(&["scope"], |_: &Value| true).as_ref().and_then(ScopeSet::granted),
        })
    }
}

/// Sorts what is not a success, by status and code. RFC 6749, section 5.2, has `invalid_grant` and `invalid_client`. Webex's
/// `invalid_request` means several things, and only there its sentence is looked at. Cisco's own code takes a 401 for a dead
/// refresh token; one that says nothing is not from Webex but from something on the way, such as a captive portal.
fn refusal(response: &Response) -> TokenError {
    let body = ErrorBody::parse(response.body.expose_secret());
    let said = Refusal::of(response, &body);
    let status = response.status;
    let sentence = || Zeroizing::new(body.message.as_deref().unwrap_or_default().to_ascii_lowercase());
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::LOCKED) {
        return TokenError::Limited { retry_after: response.retry_after() };
    }
    if !status.is_client_error() {
        return TokenError::Unclear(said);
    }
    match body.code.as_deref() {
        Some("invalid_grant") => Rejection::Grant(said).into(),
        Some("invalid_client" | "unauthorized_client") => Rejection::Client(said).into(),
        Some("invalid_request") if sentence().contains("client_secret") => Rejection::Client(said).into(),
        Some("invalid_request") if names_a_dead_grant(&sentence()) => Rejection::Grant(said).into(),
        _ if status == StatusCode::UNAUTHORIZED && body != ErrorBody::default() => Rejection::Grant(said).into(),
        _ => TokenError::Unclear(said),
    }
}

fn names_a_dead_grant(sentence: &str) -> bool {
    let what = ["refresh token", "authorization code", "code"];
    let how = ["expired", "revoked", "malformed", "invalid"];
    what.iter().any(|word| sentence.contains(word)) && how.iter().any(|word| sentence.contains(word))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use proptest::prelude::*;

    use super::*;

    fn answer(status: u16, body: &str) -> Result<TokenReply, TokenError> {
        TokenReply::parse(&Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: SecretBytes::new(body.as_bytes().to_vec()),
        })
    }

    #[test]
    fn the_documented_reply_reads() {
        let reply = answer(
            200,
            r#"{"access_token":"a","expires_in":1209599,"refresh_token":"r","refresh_token_expires_in":7775999,"token_type":"Bearer","scope":"spark:people_read spark:rooms_read"}"#,
        )
        .unwrap();
        assert_eq!(reply.access_token.expose_secret(), "a");
        assert_eq!(reply.expires_in, Some(Duration::from_secs(1_209_599)));
        assert_eq!(reply.refresh_token.unwrap().expose_secret(), "r");
        assert_eq!(reply.scopes.unwrap().len(), 2);
    }

    #[test]
    fn missing_fields_keep_what_is_there() {
        let reply = answer(200, r#"{"access_token":"a","token_type":"bearer","expires_in":"never"}"#).unwrap();
        assert!(reply.refresh_token.is_none() && reply.expires_in.is_none() && reply.scopes.is_none());
    }

    #[test]
    fn tokens_are_taken_whatever_stands_beside_them() {
        for body in [
            r#"{"access_token":"a","refresh_token":"r"}"#,
            r#"{"access_token":"a","refresh_token":"r","token_type":"BearerToken"}"#,
            r#"{"access_token":"a","refresh_token":"r","token_type":["Bearer"]}"#,
            r#"{"access_token":"a","refresh_token":"r","token_type":null,"token_type":7}"#,
            r#"{"access_token":"a","access_token":"a","refresh_token":"r"}"#,
            r#"{"access_token":"old","refresh_token":"r","access_token":"a"}"#,
            r#"{"access_token":"a","access_token":null,"refresh_token":"r","refresh_token":5}"#,
            r#"{"access_token":"a","refresh_token":"r","scope":"x","scope":[1,{}]}"#,
            r#"{"scope":"\ud800","expires_in":1e999,"access_token":"a","refresh_token":"r"}"#,
            r#"{"access_token":"a","refresh_token":"r","expires_in":1,"expires_in":2,"x":[[[{}]]]}"#,
            "{\"note\":\"two\nlines\",\"access_token\":\"a\",\"refresh_token\":\"r\"}\r\n\0",
            r#"{"access_token":"a","refresh_token":"r"} trailing"#,
            r#"{"access_token":"a","refresh_token":"r","token_ty"#,
        ] {
            let reply = answer(200, body).expect(body);
            assert_eq!(reply.access_token.expose_secret(), "a", "{body}");
            assert_eq!(reply.refresh_token.expect(body).expose_secret(), "r", "{body}");
        }
        let reply = answer(200, r#"{"access_token":"a","refresh_token":5}"#).unwrap();
        assert!(reply.refresh_token.is_none());
    }

    #[test]
    fn tokens_are_taken_in_every_encoding() {
        let json = r#"{"note":"Zoë","access_token":"a","refresh_token":"r","expires_in":60}"#;
        let utf16 = |write: fn(u16) -> [u8; 2]| json.encode_utf16().flat_map(write).collect::<Vec<_>>();
        for body in [
            format!("\u{feff}{json}").into_bytes(),
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
            [vec![0xff, 0xfe], utf16(u16::to_le_bytes)].concat(),
            json.chars().map(|letter| u8::try_from(letter).unwrap()).collect(),
        ] {
            let body = SecretBytes::new(body);
            let reply =
                TokenReply::parse(&Response { status: StatusCode::OK, headers: HeaderMap::new(), body }).unwrap();
            assert_eq!(reply.refresh_token.unwrap().expose_secret(), "r");
            assert_eq!(reply.expires_in, Some(Duration::from_mins(1)));
        }
    }

    #[test]
    fn scopes_are_read_in_every_spelling_and_none_are_unknown() {
        for (scope, expected) in [
            (r#""a b""#, Some("a b")),
            (r#""a,b""#, Some("a b")),
            (r#""a, b""#, Some("a b")),
            (r#""a+b""#, Some("a b")),
            (r#"["a","b",7]"#, Some("a b")),
            (r#""""#, None),
            (r#"" ""#, None),
            ("[]", None),
            ("null", None),
            ("7", None),
        ] {
            let reply = answer(200, &format!(r#"{{"access_token":"a","scope":{scope}}}"#)).unwrap();
            assert_eq!(reply.scopes.map(|scopes| scopes.to_string()).as_deref(), expected, "{scope}");
        }
    }

    #[test]
    fn an_answer_without_usable_tokens_is_malformed() {
        use MalformedReply::{NoAccessToken, NotJson};
        let not_json = |length, looks| NotJson { length, looks };
        for (body, expected) in [
            ("", not_json(0, Looks::Unknown)),
            ("<html>", not_json(6, Looks::Html)),
            ("(\u{b5}/\u{fd}", not_json(6, Looks::Unknown)),
            (r#"{"access_token":"a","#, not_json(20, Looks::Unknown)),
            (r#"{"access_token":"a","refresh_token":"r"#, not_json(38, Looks::Unknown)),
            (r#"{"access_token":5}"#, NoAccessToken),
            ("{}", NoAccessToken),
            (r#"{"access_token":"","refresh_token":"r"}"#, NoAccessToken),
        ] {
            assert_eq!(answer(200, body).unwrap_err(), TokenError::Malformed(expected), "{body}");
        }
        for body in [
            r#"{"access_token":"a\nheader = x"}"#,
            r#"{"access_token":"a\u0000"}"#,
            r#"{"access_token":"a\""}"#,
            r#"{"access_token":"a b"}"#,
            r#"{"access_token":"a\u200b"}"#,
            r#"{"access_token":"a","refresh_token":"r\u001b"}"#,
        ] {
            let error = answer(200, body).unwrap_err();
            assert!(matches!(error, TokenError::Malformed(MalformedReply::UnusableToken(_))), "{body}: {error}");
        }
    }

    #[test]
    fn a_dead_grant_is_known_in_every_dress() {
        for (status, body) in [
            (
                400,
                r#"{"error":"invalid_request","error_description":"The refresh token provided is expired, revoked, malformed, or invalid."}"#,
            ),
            (400, r#"{"error":"invalid_grant"}"#),
            (401, r#"{"message":"The request requires a valid access token","trackingId":"x"}"#),
            (400, r#"{"error":"INVALID_GRANT"}"#),
            (400, r#"{"error":"invalid_grant","error":"invalid_grant"}"#),
            (400, r#"{"error":"invalid_grant","error_description":["The client_secret"]}"#),
            (400, r#"{"error":"invalid_grant","error_description":70008,"message":{"text":"x"}}"#),
            (400, r#"{"error":"invalid_grant","trackingId":"NA_1","trackingID":"NA_1","errors":7}"#),
            (400, r#"{"error":"invalid_request","error_description":["The refresh token provided is expired."]}"#),
            (400, "\u{feff}{\"error\":\"invalid_grant\"}"),
        ] {
            assert!(matches!(answer(status, body), Err(TokenError::Rejected(Rejection::Grant(_)))), "{status} {body}");
        }
    }

    #[test]
    fn a_wrong_secret_is_the_apps_fault() {
        for (status, body) in [
            (401, r#"{"error":"invalid_client"}"#),
            (400, r#"{"error":"invalid_request","error_description":"client_secret cannot be null or empty"}"#),
        ] {
            assert!(matches!(answer(status, body), Err(TokenError::Rejected(Rejection::Client(_)))), "{status} {body}");
        }
    }

    #[test]
    fn what_is_ambiguous_stays_unclear() {
        for (status, body) in [
            (400, ""),
            (400, r#"{"error":"invalid_request","error_description":"grant_type is missing"}"#),
            (403, r#"{"message":"no"}"#),
            (404, "<html>"),
            (500, r#"{"error":"invalid_grant"}"#),
            (503, ""),
            (302, ""),
            // A captive portal's, or a proxy's.
            (401, ""),
            (401, "<html>"),
            (401, "{}"),
        ] {
            assert!(matches!(answer(status, body), Err(TokenError::Unclear(_))), "{status} {body}");
        }
        assert!(matches!(answer(429, "<html>"), Err(TokenError::Limited { .. })));
    }

    #[test]
    fn a_form_is_encoded_and_shown_nowhere() {
        let auth = ClientAuth { client_id: AppClientId::new("C1"), client_secret: ClientSecret::new("s&=+ é") };
        let request = refresh(&Environment::commercial(), &auth, &RefreshToken::new("r/+"));
        assert_eq!(
            std::str::from_utf8(request.body.expose_secret()).unwrap(),
            "grant_type=refresh_token&refresh_token=r%2F%2B&client_id=C1&client_secret=s%26%3D%2B+%C3%A9"
        );
        assert_eq!(format!("{request:?}"), "POST https://webexapis.com/v1/access_token");
    }

    #[test]
    fn a_workspace_integration_sends_json() {
        let auth = ClientAuth { client_id: AppClientId::new("C1"), client_secret: ClientSecret::new("s\"é") };
        let request = refresh_as_json(&Environment::commercial(), &auth, &RefreshToken::new("r"));
        let body: Value = serde_json::from_slice(request.body.expose_secret()).unwrap();
        let expected = serde_json::json!({
            "grant_type": "refresh_token", "client_id": "C1", "client_secret": "s\"é", "refresh_token": "r",
        });
        assert_eq!(body, expected);
        assert_eq!(request.headers["content-type"], "application/json");
    }

    proptest! {
        #[test]
        fn any_body_is_read_without_panic_and_shown_nowhere(status in 200u16..600, canary in "[a-zA-Z0-9]{24}") {
            for body in [
                format!("{{\"access_token\":[\"{canary}\"]}}"),
                canary.clone(),
                format!("{{\"refresh_token\":\"{canary}\"}}"),
                format!("{{\"error\":\"{canary}\",\"error_description\":\"{canary}\",\"trackingID\":\"{canary}\"}}"),
            ] {
                if let Err(error) = answer(status, &body) {
                    let shown = format!("{error} {error:?}");
                    prop_assert!(!shown.contains(&canary), "{}", shown);
                }
            }
        }
    }
}
