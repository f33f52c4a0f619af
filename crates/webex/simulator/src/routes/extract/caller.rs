//! The caller of the REST API.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use jiff::Timestamp;
use lanyard_protocol::{AppClientId, PersonType, Scope};
use lanyard_secret::AccessToken;
use uuid::Uuid;

use crate::form::Form;
use crate::issuer::Rights;
use crate::routes::refusal::Refusal;
use crate::webex::{State as Everything, Webex};
use crate::world::{Account, organisation_of};

/// The account behind a valid access token, and what the token allows.
pub(in crate::routes) struct Caller {
    pub(in crate::routes) account: Arc<Account>,
    pub(in crate::routes) rights: Rights,
    /// The app that the token was given to.
    pub(in crate::routes) client: Option<AppClientId>,
    /// When the token ends.
    pub(in crate::routes) expires_at: Timestamp,
    /// The organisation that the query names with `orgId`.
    asked: Option<String>,
}

/// A caller whose token has at least one of the scopes of `S`.
pub(in crate::routes) struct Permitted<S>(Caller, PhantomData<S>);

impl<S> Deref for Permitted<S> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

/// Scopes that a call needs one of.
pub(in crate::routes) trait Scopes {
    const ANY: &'static [&'static str];
}

/// Declares types that name scopes, for [`Permitted`].
macro_rules! scopes {
    ($($(#[$about:meta])* $name:ident = $($scope:literal)|+;)+) => {$(
        $(#[$about])*
        pub(in crate::routes) struct $name;

        impl crate::routes::extract::Scopes for $name {
            const ANY: &'static [&'static str] = &[$($scope),+];
        }
    )+};
}
pub(in crate::routes) use scopes;

impl Caller {
    /// Refuses a token that has none of these scopes.
    pub(in crate::routes) fn needs_any(&self, scopes: &[&str]) -> Result<(), Refusal> {
        if self.has_any(scopes) { Ok(()) } else { Err(Refusal::Forbidden) }
    }

    pub(in crate::routes) fn has_any(&self, scopes: &[&str]) -> bool {
        scopes
            .iter()
            .filter_map(|scope| scope.parse::<Scope>().ok())
            .any(|scope| self.rights.cover(&scope, &self.account))
    }

    /// The organisation that a call is about: the caller's own, or the one that `orgId` names where the caller manages it. The first
    /// organisation's administrator is a partner, who manages the others.
    pub(in crate::routes) fn reach(&self, everything: &Everything) -> Result<Uuid, Refusal> {
        self.reach_organisation(everything, self.asked.as_deref())
    }

    /// As [`reach`](Self::reach), for a call that names the organisation in its body.
    pub(in crate::routes) fn reach_organisation(
        &self,
        everything: &Everything,
        wanted: Option<&str>,
    ) -> Result<Uuid, Refusal> {
        let own = self.account.organisation;
        let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else { return Ok(own) };
        let wanted = organisation_of(wanted).ok_or(Refusal::NotFound)?;
        if wanted == own {
            return Ok(own);
        }
        if !self.is_partner(everything) {
            return Err(Refusal::Forbidden);
        }
        everything.directory.all().find(|(id, ..)| *id == wanted).map(|(id, ..)| id).ok_or(Refusal::NotFound)
    }

    /// Whether the caller may know of what is in an organisation: their own, or one that they manage.
    pub(in crate::routes) fn sees(&self, everything: &Everything, organisation: Uuid) -> bool {
        self.account.organisation == organisation || self.is_partner(everything)
    }

    /// The organisation that a call about one thing is about: the thing's own, where the caller knows of that. What is named by an id
    /// needs no `orgId` beside it.
    pub(in crate::routes) fn reach_of(&self, everything: &Everything, owner: Uuid) -> Result<Uuid, Refusal> {
        if self.sees(everything, owner) { Ok(owner) } else { self.reach(everything) }
    }

    /// Whether the caller manages the other organisations.
    fn is_partner(&self, everything: &Everything) -> bool {
        self.account.administrator && self.account.organisation == everything.directory.id
    }

    pub(in crate::routes) fn is_bot(&self) -> bool {
        self.account.kind == PersonType::Bot
    }
}

impl FromRequestParts<Webex> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, webex: &Webex) -> Result<Self, Refusal> {
        let token = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
            .map(|(_, token)| AccessToken::new(token.trim()))
            .ok_or(Refusal::Unauthorised)?;
        webex
            .decide(|issuer, directory, terms| {
                let authority = issuer.authority(&token, terms.now).ok_or(Refusal::Unauthorised)?;
                let account = directory.account(authority.account).ok_or(Refusal::Unauthorised)?;
                Ok(Self {
                    account: Arc::clone(account),
                    rights: authority.rights,
                    client: authority.client,
                    expires_at: authority.expires_at,
                    asked: Form::of_query(parts).get("orgId").map(str::to_owned),
                })
            })
            .and_then(|caller: Self| {
                let now = webex.now();
                let mut state = webex.state();
                if let Some(limit) = state.behaviour.requests_per_minute {
                    let counted = state.calls.count(caller.account.id, parts.uri.path(), limit, now);
                    counted.map_err(Refusal::TooMany)?;
                }
                if caller.account.invited {
                    state.directory.joined(caller.account.id);
                }
                Ok(caller)
            })
    }
}

impl<S: Scopes> FromRequestParts<Webex> for Permitted<S> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, webex: &Webex) -> Result<Self, Refusal> {
        let caller = Caller::from_request_parts(parts, webex).await?;
        caller.needs_any(S::ANY)?;
        Ok(Self(caller, PhantomData))
    }
}
