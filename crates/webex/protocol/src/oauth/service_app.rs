//! `POST /applications/{applicationId}/token`: a service app's tokens in one organisation.

use lanyard_secret::AccessToken;
use serde::Serialize;

use super::mint::json;
use super::{ClientAuth, MintRefused, TokenReply};
use crate::{Environment, Method, OrgId, Request, Response};

/// The scope of the integration that asks.
const SCOPE: &str = "spark:applications_token";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    target_org_id: &'a str,
}

/// Asks for the tokens of a service app in an organisation whose administrator has authorised it. `bearer` is an
/// integration's, with `spark:applications_token`; `auth` is the service app's own; `application_id` is not its client id.
pub fn service_app_token(
    environment: &Environment,
    bearer: &AccessToken,
    application_id: &str,
    auth: &ClientAuth,
    target: &OrgId,
) -> Request {
    let body = Body {
        client_id: auth.client_id.as_str(),
        client_secret: auth.client_secret.expose_secret(),
        target_org_id: target.as_str(),
    };
    let texts = body.client_id.len() + body.client_secret.len() + body.target_org_id.len();
    Request::new(Method::POST, environment.resource(&["applications", application_id, "token"]))
        .bearer(bearer)
        .body("application/json", json(&body, texts))
}

/// Reads the answer. A token pair without scopes; after that it is refreshed like any other.
pub fn minted(response: &Response) -> Result<TokenReply, MintRefused> {
    if response.status.is_success() {
        return TokenReply::read(response).map_err(MintRefused::Malformed);
    }
    Err(MintRefused::of(response, SCOPE))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use lanyard_secret::{ClientSecret, SecretBytes};
    use proptest::prelude::*;

    use super::*;
    use crate::AppClientId;

    fn answer(status: u16, body: &str) -> Result<TokenReply, MintRefused> {
        minted(&Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: SecretBytes::new(body.as_bytes().to_vec()),
        })
    }

    #[test]
    fn the_secret_stands_in_the_body_and_nowhere_else() {
        let auth = ClientAuth { client_id: AppClientId::new("C1"), client_secret: ClientSecret::new("s\"\u{1}ü") };
        let request = service_app_token(
            &Environment::commercial(),
            &AccessToken::new("canary"),
            "app/1",
            &auth,
            &OrgId::new("o"),
        );
        let body: serde_json::Value = serde_json::from_slice(request.body.expose_secret()).unwrap();
        assert_eq!(body, serde_json::json!({"clientId": "C1", "clientSecret": "s\"\u{1}ü", "targetOrgId": "o"}));
        assert_eq!(format!("{request:?}"), "POST https://webexapis.com/v1/applications/app%2F1/token");
        assert!(!format!("{:?}", request.headers).contains("canary"));
    }

    #[test]
    fn a_token_pair_without_scopes_reads() {
        let reply = answer(
            200,
            r#"{"access_token":"a","expires_in":3600,"refresh_token":"r","refresh_token_expires_in":7776000,"token_type":"Bearer"}"#,
        )
        .unwrap();
        assert_eq!(reply.refresh_token.unwrap().expose_secret(), "r");
        assert_eq!(reply.scopes, None);
        assert!(matches!(answer(200, "{}"), Err(MintRefused::Malformed(_))));
    }

    #[test]
    fn each_refusal_is_known_by_its_status_and_its_words() {
        let says = |message: &str| format!(r#"{{"message":"{message}","trackingId":"ROUTER_1A"}}"#);
        let not_authorised = "Service App not authorized by Full Admin in Control Hub";
        for (status, body, expected) in [
            (403, says(not_authorised), "NotAuthorised"),
            (400, says("The service app has been deauthorized."), "NotAuthorised"),
            (404, says(not_authorised), "NotAuthorised"),
            (400, says("Invalid client credentials"), "WrongClient"),
            (401, says("Invalid client credentials"), "WrongClient"),
            (
                400,
                r#"{"message":"Bad","errors":[{"description":"The provided clientSecret is invalid"}]}"#.into(),
                "WrongClient",
            ),
            (
                401,
                says("The request requires a valid access token set in the Authorization request header."),
                "Unauthorized",
            ),
            (401, String::new(), "Unauthorized"),
            (
                403,
                says("The access token is missing required scopes or the user is missing required roles."),
                "Forbidden",
            ),
            (403, String::new(), "Forbidden"),
            (403, says("You are not authorized to do this."), "Forbidden"),
            (403, says("Not authorised by an administrator of the organisation."), "NotAuthorised"),
            (404, says("Service App not found"), "NotFound"),
            (400, says("targetOrgId is no id"), "Unclear"),
            (502, says("Invalid client credentials"), "Unclear"),
            (302, String::new(), "Unclear"),
            (429, "<html>".into(), "Limited"),
            (423, String::new(), "Limited"),
        ] {
            let error = answer(status, &body).unwrap_err();
            assert!(format!("{error:?}").starts_with(expected), "{status} {body}: {error:?}");
        }
    }

    proptest! {
        #[test]
        fn a_servers_sentence_is_never_repeated(status in 200u16..600, canary in "[a-z]{20}") {
            for body in [
                format!("{{\"message\":\"{canary}\",\"errors\":[{{\"description\":\"{canary}\"}}],\"trackingId\":\"{canary}\"}}"),
                format!("{{\"error\":\"{canary}\",\"access_token\":[\"{canary}\"]}}"),
            ] {
                if let Err(error) = answer(status, &body) {
                    let shown = format!("{error} {error:?}");
                    prop_assert!(!shown.contains(&canary), "{}", shown);
                }
            }
        }
    }
}
