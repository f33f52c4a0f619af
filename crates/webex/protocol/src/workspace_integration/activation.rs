//! The activation code: a signed JSON Web Token with everything that an integration needs besides its client id and secret.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_secret::{RefreshToken, SafeUrl, SecretText};
use serde::Deserialize;
use thiserror::Error;

use super::signature::{KeySet, SignatureError, unverified};
use crate::Environment;

/// An activation code as an administrator copied it. Nothing in it is believed before its signature is checked.
#[derive(Clone, Debug)]
pub struct ActivationCode(SecretText);

/// The verified content of an activation code.
#[derive(Clone, Debug)]
pub struct Activation {
    /// The address of the integration in its organisation.
    pub app_url: SafeUrl,
    /// The refresh token of its grant.
    pub refresh_token: RefreshToken,
}

/// Why an activation code is not used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ActivationError {
    /// It was not signed by Webex.
    #[error("the activation code cannot be used: {0}")]
    Signature(#[from] SignatureError),
    /// The environment has no keys for the region that it names.
    #[error("the activation code is of the region {0:?}, which is not known")]
    UnknownRegion(String),
    /// It lacks something.
    #[error("the activation code has no usable {0}")]
    Lacks(&'static str),
    /// It can no longer be used.
    #[error("the activation code expired at {0}")]
    Expired(Timestamp),
    /// It belongs to another Webex, or its tokens would go elsewhere.
    #[error("the activation code names {0}, which does not belong to this Webex")]
    Foreign(SafeUrl),
}

/// How old a code without a time of expiry may be.
const LIFE: Duration = Duration::from_mins(5);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    jti: Option<String>,
    iat: Option<i64>,
    expiry_time: Option<Timestamp>,
    oauth_url: Option<String>,
    webexapis_base_url: Option<String>,
    app_url: Option<String>,
    refresh_token: Option<RefreshToken>,
}

#[derive(Deserialize)]
struct Region {
    region: Option<String>,
}

impl ActivationCode {
    /// The code, without the white space around it.
    pub fn new(text: &str) -> Self {
        Self(SecretText::new(text.trim()))
    }

    /// The address of the keys that must have signed it. The region is the only part that is read before that, and it chooses only
    /// among the addresses of the environment.
    pub fn keys_of(&self, environment: &Environment) -> Result<SafeUrl, ActivationError> {
        let payload = unverified(self.0.expose_secret())?;
        let Region { region } = serde_json::from_slice(&payload).map_err(|_| SignatureError::NotAToken)?;
        environment
            .integration_keys(region.as_deref())
            .ok_or_else(|| ActivationError::UnknownRegion(region.unwrap_or_default().chars().take(80).collect()))
    }

    /// Checks the signature, the time, and that every address belongs to the environment.
    pub fn verify(
        &self,
        keys: &KeySet,
        environment: &Environment,
        now: Timestamp,
    ) -> Result<Activation, ActivationError> {
        let payload = keys.verified(self.0.expose_secret())?;
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| SignatureError::NotAToken)?;
        if claims.jti.is_none() {
            return Err(ActivationError::Lacks("number (jti)"));
        }
        let issued = claims.iat.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let expiry = claims.expiry_time.or_else(|| issued?.checked_add(LIFE).ok());
        let expiry = expiry.ok_or(ActivationError::Lacks("time"))?;
        if expiry <= now {
            return Err(ActivationError::Expired(expiry));
        }
        let api = address(claims.webexapis_base_url.as_deref(), "webexapisBaseUrl")?;
        if api.expose().as_str().trim_end_matches('/') != environment.id() {
            return Err(ActivationError::Foreign(api));
        }
        // The refresh token and the client secret go there.
        let token = address(claims.oauth_url.as_deref(), "oauthUrl")?;
        if token != environment.token() {
            return Err(ActivationError::Foreign(token));
        }
        let app_url = address(claims.app_url.as_deref(), "appUrl")?;
        if !environment.permits(&app_url) {
            return Err(ActivationError::Foreign(app_url));
        }
        let refresh_token = claims.refresh_token.filter(|token| !token.is_empty());
        let refresh_token = refresh_token.ok_or(ActivationError::Lacks("refreshToken"))?;
        Ok(Activation { app_url, refresh_token })
    }

    /// The code itself.
    pub fn into_inner(self) -> SecretText {
        self.0
    }
}

fn address(text: Option<&str>, name: &'static str) -> Result<SafeUrl, ActivationError> {
    text.and_then(|text| text.parse().ok()).ok_or(ActivationError::Lacks(name))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ring::rand::SystemRandom;
    use ring::rsa::{KeyPair, PublicKeyComponents};
    use ring::signature::RSA_PKCS1_SHA256;
    use serde_json::{Value, json};

    use super::*;

    /// The key that the simulator publishes.
    const KEY: &[u8] = include_bytes!("../../../simulator/keys/published.pk8");
    const NOW: &str = "2026-03-02T08:00:00Z";

    fn encoded(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn code(header: &Value, claims: &Value) -> ActivationCode {
        let key = KeyPair::from_pkcs8(KEY).unwrap();
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        ActivationCode::new(&format!(" {signed}.{}\n", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn keys() -> KeySet {
        let public = PublicKeyComponents::<Vec<u8>>::from(KeyPair::from_pkcs8(KEY).unwrap().public());
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let key = json!({ "kty": "RSA", "kid": "1", "n": number(&public.n), "e": number(&public.e) });
        serde_json::from_value(json!({ "keys": [{ "kty": "EC", "kid": "1", "x": "", "y": "" }, key] })).unwrap()
    }

    fn header() -> Value {
        json!({ "alg": "RS256", "kid": "1" })
    }

    fn claims() -> Value {
        json!({
            "jti": "7",
            "region": "us-west-2_r",
            "expiryTime": "2026-03-02T08:15:00.000Z",
            "oauthUrl": "https://webexapis.com/v1/access_token",
            "webexapisBaseUrl": "https://webexapis.com/v1",
            "appUrl": "https://xapi-r.wbx2.com/xapi/api/apps/1",
            "refreshToken": "canary",
            "somethingNew": [1],
        })
    }

    fn with(name: &str, value: Value) -> ActivationCode {
        let mut claims = claims();
        claims[name] = value;
        code(&header(), &claims)
    }

    fn verified(code: &ActivationCode) -> Result<Activation, ActivationError> {
        code.verify(&keys(), &Environment::commercial(), NOW.parse().unwrap())
    }

    #[test]
    fn a_code_that_webex_signed_is_believed() {
        let code = code(&header(), &claims());
        let keys = code.keys_of(&Environment::commercial()).unwrap();
        assert_eq!(keys.expose().as_str(), "https://xapi-r.wbx2.com/jwks");
        let activation = verified(&code).unwrap();
        assert_eq!(activation.app_url.expose().as_str(), "https://xapi-r.wbx2.com/xapi/api/apps/1");
        assert_eq!(activation.refresh_token.expose_secret(), "canary");
        assert!(!format!("{code:?} {activation:?}").contains("canary"));
    }

    #[test]
    fn nothing_is_believed_without_the_signature_of_the_region() {
        let genuine = code(&header(), &claims());
        let text = genuine.0.expose_secret();
        let (signed, signature) = text.rsplit_once('.').unwrap();
        let other = code(&header(), &json!({ "jti": "8" }));
        let other = other.0.expose_secret().rsplit_once('.').unwrap().1;
        let wrong = |text: &str| verified(&ActivationCode::new(text)).unwrap_err();
        assert_eq!(wrong(&format!("{signed}.{other}")), SignatureError::Wrong.into());
        assert_eq!(wrong(&format!("{signed}.")), SignatureError::Wrong.into());
        let mut forged = claims();
        forged["refreshToken"] = json!("forged");
        let first = signed.split('.').next().unwrap();
        assert_eq!(wrong(&format!("{first}.{}.{signature}", encoded(&forged))), SignatureError::Wrong.into());
        for (header, expected) in [
            (json!({ "alg": "none", "kid": "1" }), SignatureError::Algorithm),
            (json!({ "alg": "HS256", "kid": "1" }), SignatureError::Algorithm),
            (json!({ "alg": "RS256", "kid": "2" }), SignatureError::UnknownKey),
            (json!({ "alg": "RS256" }), SignatureError::UnknownKey),
            (json!([]), SignatureError::NotAToken),
        ] {
            assert_eq!(verified(&code(&header, &claims())).unwrap_err(), expected.into(), "{header}");
        }
        for text in ["", "a.b", "a.b.c.d", "!.!.!", "{}"] {
            assert_eq!(wrong(text), SignatureError::NotAToken.into(), "{text}");
        }
    }

    #[test]
    fn an_address_that_is_not_webexs_is_refused() {
        for (name, url) in [
            ("oauthUrl", "https://evil.example/v1/access_token"),
            ("oauthUrl", "http://webexapis.com/v1/access_token"),
            ("oauthUrl", "https://webexapis.com/v1/other"),
            ("webexapisBaseUrl", "https://api-usgov.webex.com/v1"),
            ("appUrl", "https://evil.example/apps/1"),
            ("appUrl", "http://xapi-r.wbx2.com/apps/1"),
        ] {
            let error = verified(&with(name, json!(url))).unwrap_err();
            assert_eq!(error, ActivationError::Foreign(url.parse().unwrap()), "{name}");
        }
        let error = with("region", json!("mars_1")).keys_of(&Environment::commercial()).unwrap_err();
        assert_eq!(error, ActivationError::UnknownRegion("mars_1".to_owned()));
    }

    #[test]
    fn a_code_expires_and_lacks_nothing() {
        assert!(matches!(verified(&with("expiryTime", json!(NOW))), Err(ActivationError::Expired(_))));
        for (name, lacks) in [
            ("jti", "number (jti)"),
            ("expiryTime", "time"),
            ("oauthUrl", "oauthUrl"),
            ("webexapisBaseUrl", "webexapisBaseUrl"),
            ("appUrl", "appUrl"),
            ("refreshToken", "refreshToken"),
        ] {
            assert_eq!(verified(&with(name, Value::Null)).unwrap_err(), ActivationError::Lacks(lacks));
        }
        let now: Timestamp = NOW.parse().unwrap();
        for (age, is_valid) in [(299, true), (300, false)] {
            let mut claims = claims();
            claims["expiryTime"] = Value::Null;
            claims["iat"] = json!(now.as_second() - age);
            assert_eq!(verified(&code(&header(), &claims)).is_ok(), is_valid, "{age}");
        }
    }
}
