//! Grants that are had through another credential: a service app's, a guest's.
//!
//! Nothing is spent here: whoever asks twice gets two grants, and both are good. The claim only keeps two processes from asking
//! at once, and the generation decides which of two answers is kept.

use std::sync::Arc;
use std::time::Duration;

use lanyard_client::MintError;
use lanyard_credential::{
    Credential, Mint, Order, Organisation, RefreshRight, Standing, Subject, SubjectIdentity, Trouble, TroubleKind,
    Validity,
};
use lanyard_operation::Class;
use lanyard_protocol::oauth::MintRefused;
use lanyard_protocol::{OrgId, PersonType, Scope};
use lanyard_secret::AccessToken;
use lanyard_store::{Check, Claim, LimitNews, NewTokens};

use super::hand_out::HandOut;
use super::refused::TokenVerdict;
use super::rotation::Fault;
use crate::grant::tokens_of;
use crate::identity::Identity;
use crate::renewals::{Closed, Means, MustFinish, RenewalEnd, Wanted};
use crate::{Broker, Error};

/// A grant that is not stored yet.
struct Minted {
    tokens: NewTokens,
    identity: Identity,
}

/// The grant, or the reason why there is none; the process must not end before that is stored.
type Bought = (Result<Minted, Fault>, Option<Arc<MustFinish>>);

/// The scope that the credential needs to ask for a service app's tokens (`POST /applications/{id}/token`).
const MAY_MINT_APPS: &str = "spark:applications_token";
/// The scope that it needs to ask for a guest's (`POST /guests/token`).
const MAY_MINT_GUESTS: &str = "guest-issuer:write";

impl Broker {
    /// Obtains a new grant through the other credential and stores it in place of the generation that the caller has seen. Only
    /// [`renew`](Self::renew) calls this.
    pub(super) async fn mint(&self, seen: &Credential, mint: &Mint, wanted: Wanted) -> Result<RenewalEnd, Error> {
        let claim = if wanted.is_by_hand() {
            self.store.claim(seen.id).await?
        } else {
            self.store.claim_unless_limited(seen.id).await?
        };
        let (current, was_limited) = match claim {
            Claim::Claimed(view) => (view.credential, view.limited.is_some()),
            Claim::Limited(left) => {
                return Ok(RenewalEnd::NotBegun(Closed::Limited(left).trouble(self.clock.now())));
            }
            Claim::Held => return Ok(RenewalEnd::Busy),
            Claim::Erased => return Ok(RenewalEnd::Erased),
        };
        let end = self.mint_claimed(seen, &current, mint).await;
        let news = match &end {
            Ok(RenewalEnd::Failed { trouble, .. }) if trouble.kind == TroubleKind::Limited => {
                LimitNews::Holds(trouble.pause)
            }
            Ok(RenewalEnd::Renewed(_)) if was_limited => LimitNews::Over,
            Ok(_) | Err(_) => LimitNews::Unchanged,
        };
        // Stored tokens stay stored; a claim expires.
        if let Err(error) = self.store.release_noting(seen.id, news).await {
            tracing::debug!(credential = %seen.name, %error, "a credential was not given back");
        }
        end
    }

    async fn mint_claimed(&self, seen: &Credential, current: &Credential, mint: &Mint) -> Result<RenewalEnd, Error> {
        if current.generation != seen.generation {
            return Ok(RenewalEnd::Elsewhere);
        }
        if current.standing == Standing::Disabled {
            return Ok(RenewalEnd::NotRenewable);
        }
        let (bought, _unfinished) = self.buy(current, mint).await?;
        let minted = match bought {
            Ok(minted) => minted,
            Err(fault) => {
                let asked = fault.asked();
                let trouble = self.note_failure(current, fault).await?;
                return Ok(RenewalEnd::Failed { trouble, asked });
            }
        };
        let Minted { tokens, identity } = minted;
        let organisation = identity.organisation.as_ref();
        let stored =
            self.store.replace_minted(current.id, current.generation, &tokens, &identity.subject, organisation).await;
        match stored {
            Ok(Some(_)) => Ok(RenewalEnd::Renewed(Means::Mint)),
            Ok(None) => {
                self.give_back_minted(current, &tokens).await;
                Ok(RenewalEnd::Elsewhere)
            }
            // Tokens that may be stored all the same are not given back.
            Err(error) => {
                if !error.is_undecided() {
                    self.give_back_minted(current, &tokens).await;
                }
                Err(error.into())
            }
        }
    }

    /// Asks Webex; once more where the other credential's token was refused and could be renewed. A fault is Webex's answer, an
    /// error is our own store's.
    async fn buy(&self, credential: &Credential, mint: &Mint) -> Result<Bought, Error> {
        let (via, bearer) = match self.via(credential, mint).await? {
            Ok(via) => via,
            Err(fault) => return Ok((Err(fault), None)),
        };
        match self.buy_once(credential, mint, &via, &bearer).await? {
            (Err(fault), _) if fault.kind() == TroubleKind::ViaUnusable => {
                match self.check_refused(&via, &bearer).await? {
                    TokenVerdict::Renewed => match self.via(credential, mint).await? {
                        Ok((via, bearer)) => self.buy_once(credential, mint, &via, &bearer).await,
                        Err(fault) => Ok((Err(fault), None)),
                    },
                    TokenVerdict::Accepted | TokenVerdict::Refused(_) => Ok((Err(fault), None)),
                }
            }
            bought => Ok(bought),
        }
    }

    async fn buy_once(
        &self,
        credential: &Credential,
        mint: &Mint,
        via: &Credential,
        bearer: &AccessToken,
    ) -> Result<Bought, Error> {
        // The process is about to end: nothing may be sent any more.
        let Some(unfinished) = self.enter() else {
            return Err(Error::Busy { name: credential.name.clone() });
        };
        self.sends();
        let bought = match &mint.order {
            Order::ServiceApp { organisation } => self.buy_service_app(credential, via, bearer, organisation).await?,
            Order::Guest { subject, display_name } => {
                let asked =
                    self.transport.guest_token(&credential.environment, bearer, subject.as_str(), display_name).await;
                match asked {
                    Err(error) => Err(fault(&error, via, MAY_MINT_GUESTS)),
                    Ok(obtained) => {
                        let guest = obtained.guest;
                        let validity =
                            Validity { obtained: obtained.sent, access: guest.expires_in, refresh: RefreshRight::None };
                        let identity = Identity {
                            subject: Subject::Known(SubjectIdentity {
                                id: guest.id,
                                account: PersonType::Unknown,
                                display_name: guest.display_name,
                                email: guest.email,
                            }),
                            organisation: via.organisation.clone(),
                        };
                        let tokens =
                            NewTokens { access: Some(guest.access_token), refresh: None, validity, scopes: None };
                        Ok(Minted { tokens, identity })
                    }
                }
            }
        };
        Ok((bought, Some(unfinished)))
    }

    async fn buy_service_app(
        &self,
        credential: &Credential,
        via: &Credential,
        bearer: &AccessToken,
        organisation: &OrgId,
    ) -> Result<Result<Minted, Fault>, Error> {
        let app = match credential.app {
            Some(id) => self.store.app_by_id(id).await?,
            None => None,
        };
        let Some(app) = app else { return Err(Error::AppGone) };
        let Some(application) = &app.application_id else { return Err(Error::NoApplicationId { app: app.name }) };
        let auth = self.auth(app.id, &credential.environment).await?;
        let environment = &credential.environment;
        let asked = self.transport.service_app_token(environment, bearer, application, &auth, organisation).await;
        let obtained = match asked {
            Ok(obtained) => obtained,
            Err(error) => return Ok(Err(fault(&error, via, MAY_MINT_APPS))),
        };
        let mut identity = self.identify_or_unknown(environment, &obtained.reply.access_token).await;
        // Where it is good is known without asking.
        identity.organisation.get_or_insert_with(|| Organisation { id: organisation.clone(), name: None });
        Ok(Ok(Minted { tokens: tokens_of(obtained), identity }))
    }

    /// The other credential and its token.
    async fn via(
        &self,
        credential: &Credential,
        mint: &Mint,
    ) -> Result<Result<(Credential, AccessToken), Fault>, Error> {
        let Some(via) = self.store.credential_by_id(mint.via).await? else {
            return Ok(Err(Fault::new(TroubleKind::ViaUnusable, "the credential that it is minted through is gone")));
        };
        // A row that was altered could send this token, and an app's secret, to another Webex.
        let expected = Some(credential.environment.clone());
        let call = HandOut { name: via.name.clone(), min_validity: Duration::ZERO, expected };
        match self.run(call).await {
            Ok(handed) => Ok(Ok((handed.credential, handed.token))),
            Err(error) if error.class() == Class::Store => Err(error),
            Err(error) => {
                let kind = match error.class() {
                    Class::Unreachable => TroubleKind::Unreachable,
                    _ => TroubleKind::ViaUnusable,
                };
                Ok(Err(Fault::new(kind, format!("it is minted through {}: {error}", via.name))))
            }
        }
    }

    /// Writes a failure down; what never had a token stays pending and is told why.
    async fn note_failure(&self, current: &Credential, fault: Fault) -> Result<Trouble, Error> {
        let trouble = fault.after(current.standing.trouble(), self.clock.now(), &*self.entropy);
        if current.standing == Standing::Pending {
            return Ok(trouble);
        }
        let is_dead = current.standing.trouble().is_some_and(|known| known.kind == TroubleKind::DeadGrant);
        let standing = match trouble.kind {
            TroubleKind::NotAuthorised => Standing::NeedsLogin(trouble.clone()),
            // The grant stays dead, whatever keeps the next one away: its refresh token is not tried again.
            TroubleKind::Unreachable | TroubleKind::Limited if is_dead => {
                Standing::NeedsLogin(Trouble { kind: TroubleKind::DeadGrant, ..trouble.clone() })
            }
            _ => Standing::Stalled(trouble.clone()),
        };
        let (subject, organisation) = (current.subject.clone(), current.organisation.clone());
        let check = Check { subject, organisation, seen: current.standing.clone(), standing };
        self.store.record_check(current.id, current.generation, &check).await?;
        Ok(trouble)
    }

    async fn give_back_minted(&self, credential: &Credential, tokens: &NewTokens) {
        let Some(app) = credential.app else { return };
        let Ok(auth) = self.auth(app, &credential.environment).await else { return };
        self.give_back(&credential.environment, &auth, tokens.access.as_ref(), tokens.refresh.as_ref()).await;
    }
}

/// The meaning of a refusal for the credential. Webex gives one answer for a missing scope and for a missing authorisation; if the other
/// credential's scopes are known, they decide.
fn fault(error: &MintError, via: &Credential, needed: &str) -> Fault {
    let MintError::Refused(refused) = error else {
        return Fault::new(TroubleKind::Unreachable, error.to_string());
    };
    let lacks = needed
        .parse::<Scope>()
        .is_ok_and(|needed| via.scopes.as_ref().is_some_and(|granted| !granted.contains(&needed)));
    let unusable =
        |why: &str| Fault::new(TroubleKind::ViaUnusable, format!("it is minted through {}, {why}", via.name));
    match refused {
        MintRefused::NotAuthorised(_) => Fault::new(TroubleKind::NotAuthorised, NOT_AUTHORISED),
        MintRefused::Forbidden { .. } if lacks || needed == MAY_MINT_GUESTS => {
            unusable(&format!("which lacks the scope {needed}"))
        }
        MintRefused::Forbidden { .. } => Fault::new(
            TroubleKind::NotAuthorised,
            format!("{NOT_AUTHORISED} (or {} lacks the scope {needed})", via.name),
        ),
        MintRefused::Unauthorized(_) => unusable("whose token Webex does not accept"),
        MintRefused::WrongClient(_) | MintRefused::NotFound(_) => {
            Fault::new(TroubleKind::WrongClient, refused.to_string())
        }
        MintRefused::Limited { retry_after } => {
            Fault::new(TroubleKind::Limited, refused.to_string()).waiting(*retry_after)
        }
        // Nothing is spent by asking: to ask again does no harm.
        MintRefused::Unclear(_) | MintRefused::Malformed(_) => {
            Fault::new(TroubleKind::Unreachable, refused.to_string())
        }
    }
}

const NOT_AUTHORISED: &str = "no administrator of that organisation has authorised the app, or one has withdrawn it";
