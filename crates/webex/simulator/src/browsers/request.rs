//! The request with which an app sends a person to sign in (RFC 6749, section 4.1.1; RFC 7636, section 4.3).

use lanyard_protocol::{AppClientId, ScopeSet};
use lanyard_secret::{AuthorizationCode, State};
use url::{Origin, Url};

use crate::form::Form;
use crate::issuer::{App, CodeRequest, Issuer, openid_scopes};

/// A request that is in order.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizeRequest {
    pub(crate) client: AppClientId,
    pub(crate) app_name: String,
    back: WayBack,
    pub(crate) scopes: ScopeSet,
    challenge: Option<String>,
    pub(crate) login_hint: Option<String>,
    pub(crate) prompt: Prompt,
    /// Comes back in the ID token.
    nonce: Option<String>,
}

/// How much the app wants the person to be asked (`OpenID` Connect Core, section 3.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// As much as is needed.
    AsNeeded,
    /// Sign-in, whoever is signed in already.
    SignIn,
    /// No page at all.
    None,
}

/// Why a request leads to no sign-in.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// The app or its redirect URI is not known: the person is told, and nobody is redirected anywhere.
    Unregistered(&'static str),
    /// The app is told, on its redirect URI.
    Denied(Box<Denial>),
}

/// An error for the app.
#[derive(Debug)]
pub(crate) struct Denial {
    back: WayBack,
    error: &'static str,
    description: String,
}

/// A registered redirect URI with the state that the app wants back.
#[derive(Clone, Debug)]
struct WayBack {
    /// As registered, and as the exchange must name it.
    text: String,
    uri: Url,
    state: Option<State>,
}

impl AuthorizeRequest {
    pub(crate) fn parse(query: &Form, issuer: &Issuer) -> Result<Self, Unusable> {
        let client = query
            .get("client_id")
            .map(AppClientId::new)
            .ok_or(Unusable::Unregistered("The request names no client_id."))?;
        let app = issuer.app(&client).ok_or(Unusable::Unregistered("No app with this client_id is registered."))?;
        let back = WayBack::of(query, app)?;
        let denied = |error, description: &str| Unusable::Denied(Box::new(back.deny(error, description)));
        if let Some(name) = query.repeated() {
            return Err(denied("invalid_request", &format!("{name} is there more than once.")));
        }
        if query.get("response_type") != Some("code") {
            return Err(denied("unsupported_response_type", "The response type must be code."));
        }
        let scopes = scopes(query, app).map_err(|problem| denied("invalid_scope", &problem))?;
        let challenge = challenge(query).map_err(|problem| denied("invalid_request", problem))?;
        let prompt = prompt(query).map_err(|problem| denied("invalid_request", problem))?;
        Ok(Self {
            client,
            app_name: app.name.clone(),
            back,
            scopes,
            challenge,
            prompt,
            nonce: query.get("nonce").map(str::to_owned),
            login_hint: query.get("login_hint").map(str::to_owned),
        })
    }

    /// The request that a code stands for.
    pub(crate) fn code_request(&self) -> CodeRequest {
        CodeRequest {
            client: self.client.clone(),
            redirect_uri: self.back.text.clone(),
            scopes: self.scopes.clone(),
            challenge: self.challenge.clone(),
            nonce: self.nonce.clone(),
        }
    }

    /// Where the code is delivered.
    pub(crate) fn accepted(&self, code: &AuthorizationCode) -> Url {
        self.back.with(&[("code", code.expose_secret())])
    }

    pub(crate) fn deny(&self, error: &'static str, description: &str) -> Denial {
        self.back.deny(error, description)
    }

    /// The redirect URI's origin, or its scheme where it has none, as a Content-Security-Policy names it.
    pub(crate) fn form_target(&self) -> String {
        match self.back.uri.origin() {
            origin @ Origin::Tuple(..) => origin.ascii_serialization(),
            Origin::Opaque(_) => format!("{}:", self.back.uri.scheme()),
        }
    }
}

impl Denial {
    pub(crate) fn location(&self) -> Url {
        self.back.with(&[("error", self.error), ("error_description", &self.description)])
    }
}

impl WayBack {
    fn of(query: &Form, app: &App) -> Result<Self, Unusable> {
        let text = query.get("redirect_uri").ok_or(Unusable::Unregistered("The request names no redirect_uri."))?;
        let registered = app.redirect_uris.iter().any(|registered| registered == text);
        let uri = Url::parse(text).ok().filter(|_| registered).ok_or(Unusable::Unregistered(
            "The redirect_uri is not registered for this app. It must match exactly, port and path included.",
        ))?;
        Ok(Self { text: text.to_owned(), uri, state: query.get("state").map(State::new) })
    }

    fn deny(&self, error: &'static str, description: &str) -> Denial {
        Denial { back: self.clone(), error, description: description.to_owned() }
    }

    fn with(&self, parameters: &[(&str, &str)]) -> Url {
        let mut uri = self.uri.clone();
        let mut query = uri.query_pairs_mut();
        query.extend_pairs(parameters);
        if let Some(state) = &self.state {
            query.append_pair("state", state.expose_secret());
        }
        drop(query);
        uri
    }
}

fn prompt(query: &Form) -> Result<Prompt, &'static str> {
    let words: Vec<_> = query.get("prompt").unwrap_or_default().split_ascii_whitespace().collect();
    match words[..] {
        ["none"] => Ok(Prompt::None),
        _ if words.contains(&"none") => Err("prompt=none stands alone."),
        _ if words.contains(&"select_account") || words.contains(&"login") => Ok(Prompt::SignIn),
        _ => Ok(Prompt::AsNeeded),
    }
}

fn scopes(query: &Form, app: &App) -> Result<ScopeSet, String> {
    let asked: ScopeSet =
        query.get("scope").unwrap_or_default().parse().map_err(|_| "The scope cannot be read.".to_owned())?;
    if asked.is_empty() {
        return Err("The request names no scope.".to_owned());
    }
    let unknown = asked.without(&app.scopes).without(&openid_scopes());
    if unknown.is_empty() { Ok(asked) } else { Err(format!("The app is not registered for: {unknown}")) }
}

/// A challenge of 43 base64url characters by S256; `plain` is not supported.
fn challenge(query: &Form) -> Result<Option<String>, &'static str> {
    let method = query.get("code_challenge_method");
    let Some(challenge) = query.get("code_challenge") else {
        return match method {
            None => Ok(None),
            Some(_) => Err("code_challenge is missing."),
        };
    };
    if method != Some("S256") {
        return Err("code_challenge_method must be S256.");
    }
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if challenge.len() != 43 || !challenge.bytes().all(valid) {
        return Err("code_challenge is no SHA-256 in base64url.");
    }
    Ok(Some(challenge.to_owned()))
}
