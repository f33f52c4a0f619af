//! Service apps and guests.

use std::time::Duration;

use lanyard_credential::{
    App, AppKind, AppName, Credential, CredentialId, CredentialName, Generation, Grant, GuestSubject, Kind, Mint,
    Order, Organisation, RefreshRight, Standing, Subject, Trouble, TroubleKind, Validity,
};
use lanyard_operation::{Class, Declaration, Operation};
use lanyard_protocol::{Environment, OrgId};
use lanyard_secret::RefreshToken;
use lanyard_store::{Claim, EarlierGrant, NewCredential, NewTokens, StoreError};
use lanyard_time::Moment;
use serde::{Deserialize, Serialize};

use crate::environment::expect;
use crate::error::class_of;
use crate::identity::differs;
use crate::renewal::PATIENCE;
use crate::renewals::{Means, RenewalEnd, Wanted};
use crate::{Broker, Error, Troubled};

operations![AddServiceApp, AddGuest];

/// How often the credential is claimed before a pasted refresh token is refused because of a renewal under way, and the pause between.
const LOOKS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(250);

/// Adds a service app's credential in one organisation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddServiceApp {
    /// The credential's name.
    pub name: CredentialName,
    /// The app.
    pub app: AppName,
    /// How its first tokens are had.
    pub source: ServiceAppSource,
    /// Whether the tokens of another organisation than before are welcome.
    pub replace: bool,
    /// The Webex that the caller takes it to belong to; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
}

/// How a service app's first tokens are had.
#[derive(Debug, Serialize, Deserialize)]
pub enum ServiceAppSource {
    /// A person took the refresh token from the developer portal.
    RefreshToken(#[serde(with = "lanyard_secret::travel")] RefreshToken),
    /// An integration, or another service app, with `spark:applications_token` asks for them, now and whenever the grant ends.
    Via {
        /// The credential of that integration.
        name: CredentialName,
        /// The organisation that authorised the app, or will.
        organisation: OrgId,
    },
}

/// Adds a guest, minted through a service app.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddGuest {
    /// The credential's name.
    pub name: CredentialName,
    /// The credential of the service app.
    pub via: CredentialName,
    /// The issuer's own name for the guest.
    pub subject: GuestSubject,
    /// The name that others see.
    pub display_name: String,
    /// The Webex that the caller takes it to belong to; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
}

/// A new credential, with the outcome of the first request for its tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddedGrant {
    /// The credential, as it is stored.
    pub credential: Credential,
    /// Why it has no token yet: the next request for one asks again.
    pub trouble: Option<Trouble>,
}

impl Operation for AddServiceApp {
    const DECLARED: Declaration = Declaration::change("credential.add-service-app");

    type Context = Broker;
    type Reply = AddedGrant;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<AddedGrant, Error> {
        let app = broker.service_app(&self.app, self.expected.as_ref()).await?;
        match self.source {
            ServiceAppSource::RefreshToken(token) => match broker.store.credential(&self.name).await? {
                None => broker.add_with_refresh_token(self.name, &app, token).await,
                // The tokens that were there are in memory alone until it is known whether they come back.
                Some(earlier) => {
                    let replace = self.replace;
                    let work = async move |broker: Broker| {
                        broker.replace_with_refresh_token(&earlier, &app, &token, replace).await
                    };
                    broker.finish(work).await
                }
            },
            ServiceAppSource::Via { name: via, organisation } => {
                if app.application_id.is_none() {
                    return Err(Error::NoApplicationId { app: app.name });
                }
                let via = broker
                    .via_of(
                        &via,
                        &app.environment,
                        Kind::ServiceApp,
                        &[Kind::Integration, Kind::Personal, Kind::ServiceApp],
                    )
                    .await?;
                let mint = Mint { via: via.id, order: Order::ServiceApp { organisation: organisation.clone() } };
                let waiting = Waiting {
                    name: self.name,
                    kind: Kind::ServiceApp,
                    environment: app.environment,
                    app: Some(app.id),
                    organisation: Some(Organisation { id: organisation, name: None }),
                };
                broker.add_minted(waiting, mint).await
            }
        }
    }
}

impl Operation for AddGuest {
    const DECLARED: Declaration = Declaration::change("credential.add-guest");

    type Context = Broker;
    type Reply = AddedGrant;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<AddedGrant, Error> {
        let via = broker.credential(&self.via).await?;
        expect(&self.via, &via.environment, self.expected.as_ref())?;
        let via = broker.via_of(&self.via, &via.environment, Kind::Guest, &[Kind::ServiceApp]).await?;
        let mint = Mint { via: via.id, order: Order::Guest { subject: self.subject, display_name: self.display_name } };
        let waiting = Waiting {
            name: self.name,
            kind: Kind::Guest,
            environment: via.environment,
            app: None,
            organisation: via.organisation,
        };
        broker.add_minted(waiting, mint).await
    }
}

/// A credential that has no token yet.
struct Waiting {
    name: CredentialName,
    kind: Kind,
    environment: Environment,
    app: Option<lanyard_credential::AppId>,
    organisation: Option<Organisation>,
}

impl Broker {
    /// The credential that another is minted through.
    async fn via_of(
        &self,
        name: &CredentialName,
        environment: &Environment,
        minted: Kind,
        kinds: &'static [Kind],
    ) -> Result<Credential, Error> {
        let via = self.credential(name).await?;
        expect(name, &via.environment, Some(environment))?;
        if !kinds.contains(&via.kind) {
            return Err(Error::WrongVia { minted, name: via.name, kind: via.kind, needed: kinds[0] });
        }
        Ok(via)
    }

    /// A service app that can authenticate itself.
    pub(crate) async fn service_app(&self, name: &AppName, expected: Option<&Environment>) -> Result<App, Error> {
        let app = self.app(name).await?;
        expect(&app.name, &app.environment, expected)?;
        self.authenticate(&app).await?;
        if app.kind != AppKind::ServiceApp {
            return Err(Error::WrongAppKind { app: app.name, found: app.kind, needed: AppKind::ServiceApp });
        }
        Ok(app)
    }

    /// Fails unless a refresh token of this app can replace that of a credential.
    pub(crate) async fn refuse_other_grant(&self, earlier: &Credential, app: &App) -> Result<(), Error> {
        if earlier.kind != Kind::from(app.kind) {
            return Err(Error::NameTaken(earlier.name.to_string()));
        }
        if earlier.app == Some(app.id) {
            return Ok(());
        }
        let own = match earlier.app {
            Some(id) => self.store.app_by_id(id).await?,
            None => None,
        };
        let own = own.ok_or(Error::AppGone)?.name;
        Err(Error::AnotherApp { name: earlier.name.clone(), own, wanted: app.name.clone() })
    }

    /// The last failure of a credential, if it has one.
    async fn trouble_of(&self, id: CredentialId) -> Result<Option<(Troubled, Trouble)>, Error> {
        let Some(credential) = self.store.credential_by_id(id).await? else { return Ok(None) };
        let Some(trouble) = credential.standing.trouble().cloned() else { return Ok(None) };
        Ok(Some((self.troubled(&credential).await, trouble)))
    }

    /// Stores the credential first, so that it waits for its authorisation wherever this process ends, and then asks.
    async fn add_minted(&self, waiting: Waiting, mint: Mint) -> Result<AddedGrant, Error> {
        let credential = self.pending(waiting, Some(mint.clone()));
        let credential = self.store.insert_credential(&NewCredential { credential, tokens: None }).await?;
        let trouble = match self.renew(&credential, Wanted::ByHand).await? {
            RenewalEnd::Failed { trouble, .. } if is_final(&trouble) => {
                self.store.remove_credential(credential.id).await?;
                let app = self.troubled(&credential).await.app;
                let via = match trouble.kind {
                    TroubleKind::ViaUnusable => self.trouble_of(mint.via).await?.map(Box::new),
                    _ => None,
                };
                return Err(Error::NotMinted { name: credential.name, app, trouble: Box::new(trouble), via });
            }
            RenewalEnd::Failed { trouble, .. } | RenewalEnd::NotBegun(trouble) => Some(trouble),
            _ => None,
        };
        Ok(AddedGrant { credential: self.again(&credential).await?, trouble })
    }

    /// A refresh token without its access token: stored first, then spent by the protocol that every rotation follows.
    pub(super) async fn add_with_refresh_token(
        &self,
        name: CredentialName,
        app: &App,
        token: RefreshToken,
    ) -> Result<AddedGrant, Error> {
        self.refuse_second_holder(Some(app), Some(&token)).await?;
        let validity = pasted(&self.clock.now());
        let tokens = NewTokens { access: None, refresh: Some(token), validity, scopes: None };
        let waiting = Waiting {
            name,
            kind: app.kind.into(),
            environment: app.environment.clone(),
            app: Some(app.id),
            organisation: None,
        };
        let mut credential = self.pending(waiting, None);
        credential.standing = Standing::Active;
        let new = NewCredential { credential, tokens: Some(tokens) };
        let credential = self.store.insert_credential(&new).await?;
        let trouble = match self.renew(&credential, Wanted::ByHand).await? {
            RenewalEnd::Failed { trouble, .. } if trouble.kind == TroubleKind::DeadGrant => {
                self.store.remove_credential(credential.id).await?;
                return Err(Error::RefreshTokenRefused { app: app.name.clone() });
            }
            RenewalEnd::Failed { trouble, .. } | RenewalEnd::NotBegun(trouble) => Some(trouble),
            _ => {
                self.look_at(credential.id).await?;
                None
            }
        };
        Ok(AddedGrant { credential: self.again(&credential).await?, trouble })
    }

    /// The next refresh token of a credential that is there: what was there comes back where Webex refuses it.
    pub(super) async fn replace_with_refresh_token(
        &self,
        earlier: &Credential,
        app: &App,
        token: &RefreshToken,
        replace: bool,
    ) -> Result<AddedGrant, Error> {
        self.refuse_other_grant(earlier, app).await?;
        let (generation, before) = match self.store.holder_of(app.id, token).await? {
            Some(holder) if holder != earlier.name => return Err(Error::HeldAlready { holder }),
            // The very token that is kept already is spent as it stands.
            Some(_) => (earlier.generation, None),
            None => self.put_pasted(earlier, token).await?,
        };
        // Only the pasted token is tried, because no other way shows whether Webex accepts it.
        let validity = Some(pasted(&self.clock.now()));
        let standing = Standing::Active;
        let seen = Credential { generation, validity, standing, mint: None, ..earlier.clone() };
        let trouble = match self.renew_patiently(&seen, Wanted::ByHand, PATIENCE).await? {
            RenewalEnd::Renewed(Means::Spare) if before.is_some() => {
                let refused = Error::RefreshTokenRefused { app: app.name.clone() };
                return Err(refused.keeping(earlier.name.as_str(), "grant"));
            }
            RenewalEnd::Renewed(_) | RenewalEnd::Elsewhere => None,
            RenewalEnd::Failed { trouble, asked } => {
                let put_back = self.put_back(earlier, before.as_ref(), generation).await?;
                let refused = trouble.kind == TroubleKind::DeadGrant;
                if !put_back && !refused {
                    return Ok(AddedGrant { credential: self.again(earlier).await?, trouble: Some(trouble) });
                }
                let error = if refused {
                    Error::RefreshTokenRefused { app: app.name.clone() }
                } else if put_back && class_of(trouble.kind) == Class::Unreachable {
                    let (name, app) = (earlier.name.clone(), app.name.clone());
                    Error::RefreshTokenUntried { name, app, trouble: Box::new(trouble) }
                } else {
                    self.not_renewed(earlier, &trouble, asked).await
                };
                return Err(if put_back { error.keeping(earlier.name.as_str(), "tokens") } else { error });
            }
            _ => return Err(Error::Busy { name: earlier.name.clone() }),
        };
        self.meet(earlier, before.as_ref(), replace).await?;
        Ok(AddedGrant { credential: self.again(earlier).await?, trouble })
    }

    /// Makes a refresh token the grant of a credential, to be spent by the protocol that every rotation follows: wherever this process
    /// ends, the token is kept, and one that was there is its spare. With it the grant that was there, should Webex refuse this one.
    ///
    /// Under a claim, and only once no exchange of the earlier token is under way: its answer would find another grant and be revoked.
    async fn put_pasted(
        &self,
        earlier: &Credential,
        token: &RefreshToken,
    ) -> Result<(Generation, Option<EarlierGrant>), Error> {
        for _ in 0..LOOKS {
            let Some(_reserved) = self.renewals.reserve(earlier.id) else {
                self.sleep.sleep(PAUSE).await;
                continue;
            };
            let credential = match self.store.claim(earlier.id).await? {
                Claim::Erased => {
                    return Err(Error::NotHandingOut { name: earlier.name.clone(), state: "clearing" });
                }
                Claim::Claimed(view) => view.credential,
                Claim::Held | Claim::Limited(_) => {
                    self.sleep.sleep(PAUSE).await;
                    continue;
                }
            };
            let before = match self.store.grant_to_put_back(&credential).await {
                // A grant that does not open cannot be put back, and the next token may mend it.
                Err(StoreError::Sealed(_)) => None,
                before => before?,
            };
            let validity = pasted(&self.clock.now());
            let tokens = NewTokens { access: None, refresh: Some(token.clone()), validity, scopes: None };
            let is_dead = credential.standing.trouble().is_some_and(|trouble| trouble.kind == TroubleKind::DeadGrant);
            let kept = before.as_ref().and_then(|before| match (&before.tokens.refresh, &before.spare) {
                (Some(_), Some(spare)) if is_dead => Some(spare),
                (stored, spare) => stored.as_ref().or(spare.as_ref()),
            });
            let replaces = (credential.generation, kept);
            let organisation = credential.organisation.as_ref();
            let put =
                self.store.replace_grant_keeping(earlier.id, replaces, &tokens, &credential.subject, organisation);
            if let Some(generation) = put.await? {
                return Ok((generation, before));
            }
        }
        Err(Error::Busy { name: earlier.name.clone() })
    }

    /// Puts back the tokens that were there, in place of generation `replaces`, and how they stood. `false` where there were none, or where
    /// another generation is there by now.
    async fn put_back(
        &self,
        earlier: &Credential,
        before: Option<&EarlierGrant>,
        replaces: Generation,
    ) -> Result<bool, Error> {
        let Some(before) = before else { return Ok(false) };
        let organisation = earlier.organisation.as_ref();
        let put = self.store.put_grant_back(earlier.id, replaces, before, &earlier.subject, organisation).await?;
        Ok(put.is_some() && self.store.set_standing(earlier.id, &earlier.standing).await?)
    }

    /// Asks whose the first access token of a pasted grant is. Another's takes the credential over only where that is welcome.
    async fn meet(&self, earlier: &Credential, before: Option<&EarlierGrant>, replace: bool) -> Result<(), Error> {
        let Some(found) = self.store.hand_out_by_id(earlier.id).await? else { return Ok(()) };
        let Some(token) = self.store.open_access(&found)? else { return Ok(()) };
        let identity = self.identify_or_unknown(&earlier.environment, &token).await;
        let Some((was, now)) = differs(earlier, &identity) else {
            let standing = found.credential.standing.clone();
            return self.learn(&found.credential, identity, standing).await;
        };
        if replace {
            let Some(grant) = self.store.grant_to_put_back(&found.credential).await? else { return Ok(()) };
            let (replaces, organisation) = (found.credential.generation, identity.organisation.as_ref());
            let put =
                self.store.replace_generation(earlier.id, replaces, &grant.tokens, &identity.subject, organisation);
            put.await?;
            return Ok(());
        }
        // The refresh token is the portal's to keep: only what was bought with it is given back.
        if let Some(app) = earlier.app {
            let auth = self.auth(app, &earlier.environment).await?;
            self.give_back(&earlier.environment, &auth, Some(&token), None).await;
        }
        self.put_back(earlier, before, found.credential.generation).await?;
        let another = Error::AnotherSubject { name: earlier.name.clone(), before: was, now };
        Err(another.keeping(earlier.name.as_str(), "tokens"))
    }

    /// Asks Webex for the account of a credential, if it is unknown.
    async fn look_at(&self, id: CredentialId) -> Result<(), Error> {
        let Some(found) = self.store.hand_out_by_id(id).await? else { return Ok(()) };
        let Some(token) = self.store.open_access(&found)? else { return Ok(()) };
        let credential = found.credential;
        match self.identify(&credential.environment, &token).await {
            Ok(identity) => {
                let standing = credential.standing.clone();
                self.learn(&credential, identity, standing).await?;
            }
            // The account can be asked for again.
            Err(error) => tracing::warn!(%error, "who the token acts as could not be asked"),
        }
        Ok(())
    }

    fn pending(&self, waiting: Waiting, mint: Option<Mint>) -> Credential {
        Credential {
            id: CredentialId::random(&*self.entropy),
            name: waiting.name,
            kind: waiting.kind,
            environment: waiting.environment,
            app: waiting.app,
            mint,
            standing: Standing::Pending,
            grant: Grant::default(),
            generation: Generation::default(),
            validity: None,
            scopes: None,
            subject: Subject::Unknown("there has been no token yet".to_owned()),
            organisation: waiting.organisation,
            created_at: self.clock.now().wall,
            last_rotated_at: None,
            labels: std::collections::BTreeMap::new(),
        }
    }
}

/// The validity of a refresh token without its access token.
fn pasted(now: &Moment) -> Validity {
    Validity { obtained: now.clone(), access: Some(Duration::ZERO), refresh: RefreshRight::Lasting(None) }
}

/// Whether waiting helps nothing: what was typed is wrong.
fn is_final(trouble: &Trouble) -> bool {
    matches!(trouble.kind, TroubleKind::WrongClient | TroubleKind::ViaUnusable | TroubleKind::DeadToken)
}
