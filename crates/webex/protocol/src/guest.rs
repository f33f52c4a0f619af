//! `/guests`: people without an account, for whom a service app asks for tokens.

use std::time::Duration;

use lanyard_secret::{AccessToken, OddLetter};
use serde::Serialize;

use crate::fields::Fields;
use crate::oauth::{MalformedReply, MintRefused, json, lifetime};
use crate::text::Text;
use crate::{Environment, Method, PersonId, Request, Response};

/// A guest and a token for it, as `POST /guests/token` gives them. The token cannot be renewed: another one is asked for, and
/// the earlier ones stay valid.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The guest's id among people.
    pub id: PersonId,
    /// The name under which the one who asked knows the guest.
    pub subject: String,
    /// The name to show.
    pub display_name: String,
    /// An address that Webex made up.
    pub email: Option<String>,
    /// The token; never empty.
    pub access_token: AccessToken,
    /// How long it lasts from the moment at which the request was sent; `None` where the reply did not say, or said nonsense.
    pub expires_in: Option<Duration>,
}

/// The scope of the service app that asks.
const SCOPE: &str = "guest-issuer:write";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    subject: &'a str,
    display_name: &'a str,
}

impl Guest {
    /// `POST /guests/token`: makes the guest known by `subject`, or renames it, and asks for a token for it. `bearer` is a
    /// service app's, with `guest-issuer:write`.
    pub fn mint(environment: &Environment, bearer: &AccessToken, subject: &str, display_name: &str) -> Request {
        let body = json(&Body { subject, display_name }, subject.len() + display_name.len());
        Request::new(Method::POST, environment.resource(&["guests", "token"]))
            .bearer(bearer)
            .body("application/json", body)
    }

    /// Reads the answer to [`mint`](Self::mint).
    pub fn parse(response: &Response) -> Result<Self, MintRefused> {
        if !response.status.is_success() {
            return Err(MintRefused::of(response, SCOPE));
        }
        Self::read(response).map_err(MintRefused::Malformed)
    }

    fn read(response: &Response) -> Result<Self, MalformedReply> {
        let text = Text::of(response.body.expose_secret()).without_controls();
        let fields = Fields::of(&text).ok_or_else(|| MalformedReply::not_json(response))?;
        let access_token = fields.last(&["accessToken"], |token: &AccessToken| !token.is_empty());
        let access_token = access_token.ok_or(MalformedReply::NoAccessToken)?;
        if let Some(odd) = OddLetter::find(access_token.expose_secret()) {
            return Err(MalformedReply::UnusableToken(odd));
        }
        let text = |name| fields.last(&[name], |text: &String| !text.is_empty());
        let expires_in = fields.last(&["expiresIn"], |value| lifetime(value).is_some());
        Ok(Self {
            id: PersonId::new(text("id").ok_or_else(|| MalformedReply::not_json(response))?),
            subject: text("subject").unwrap_or_default(),
            display_name: text("displayName").unwrap_or_default(),
            email: text("email"),
            access_token,
            expires_in: expires_in.as_ref().and_then(lifetime),
        })
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use lanyard_secret::SecretBytes;

    use super::*;

    fn answer(status: u16, body: &str) -> Response {
        Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: SecretBytes::new(body.as_bytes().to_vec()),
        }
    }

    #[test]
    fn the_documented_reply_reads_and_shows_no_token() {
        let guest = Guest::parse(&answer(
            200,
            r#"{"id":"p","subject":"PersonNo#1","displayName":"Person of Interest","email":"x@appid.ciscospark.com",
                "accessToken":"canary","expiresIn":64799}"#,
        ))
        .unwrap();
        assert_eq!(guest.access_token.expose_secret(), "canary");
        assert_eq!(guest.expires_in, Some(Duration::from_secs(64_799)));
        assert!(!format!("{guest:?}").contains("canary"));
    }

    #[test]
    fn what_is_no_guest_is_malformed_and_what_is_refused_is_named() {
        for body in ["", "{}", r#"{"id":"p","accessToken":""}"#] {
            assert!(matches!(Guest::parse(&answer(200, body)), Err(MintRefused::Malformed(_))), "{body}");
        }
        let error = Guest::parse(&answer(403, "")).unwrap_err();
        assert!(error.to_string().contains("guest-issuer:write"), "{error}");
        assert!(matches!(Guest::parse(&answer(401, "")), Err(MintRefused::Unauthorized(_))));
    }
}
