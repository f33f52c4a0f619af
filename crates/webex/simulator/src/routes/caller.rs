//! The caller of the REST API.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use jiff::Timestamp;
use lanyard_protocol::{AppClientId, PersonType, Scope};
use lanyard_secret::AccessToken;
use uuid::Uuid;

use super::refusal::Refusal;
use crate::form::Form;
use crate::issuer::Rights;
use crate::webex::{State as Everything, Webex};
use crate::world::{Account, organisation_of};

/// The account behind a valid access token, and what the token allows.
pub(super) struct Caller {
    pub(super) account: Arc<Account>,
    pub(super) rights: Rights,
    /// The app that the token was given to.
    pub(super) client: Option<AppClientId>,
    /// When the token ends.
    pub(super) expires_at: Timestamp,
}

impl Caller {
    /// Refuses a token that has none of these scopes.
    pub(super) fn needs_any(&self, scopes: &[&str]) -> Result<(), Refusal> {
        if self.has_any(scopes) { Ok(()) } else { Err(Refusal::Forbidden) }
    }

    pub(super) fn has_any(&self, scopes: &[&str]) -> bool {
        scopes
            .iter()
            .filter_map(|scope| scope.parse::<Scope>().ok())
            .any(|scope| self.rights.cover(&scope, &self.account))
    }

    /// The organisation that a call is about: the caller's own, or the one that `orgId` names where the caller manages it. The first
    /// organisation's administrator is a partner, who manages the others.
    pub(super) fn reach(&self, everything: &Everything, query: &Form) -> Result<Uuid, Refusal> {
        self.reach_organisation(everything, query.get("orgId"))
    }

    /// As [`reach`](Self::reach), for a call that names the organisation in its body.
    pub(super) fn reach_organisation(&self, everything: &Everything, wanted: Option<&str>) -> Result<Uuid, Refusal> {
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
    pub(super) fn sees(&self, everything: &Everything, organisation: Uuid) -> bool {
        self.account.organisation == organisation || self.is_partner(everything)
    }

    /// The organisation that a call about one thing is about: the thing's own, where the caller knows of that. What is named by an id
    /// needs no `orgId` beside it.
    pub(super) fn reach_of(&self, everything: &Everything, query: &Form, owner: Uuid) -> Result<Uuid, Refusal> {
        if self.sees(everything, owner) { Ok(owner) } else { self.reach(everything, query) }
    }

    /// Whether the caller manages the other organisations.
    fn is_partner(&self, everything: &Everything) -> bool {
        self.account.administrator && self.account.organisation == everything.directory.id
    }

    pub(super) fn is_bot(&self) -> bool {
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
