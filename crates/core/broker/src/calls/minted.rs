//! Service apps and guests.

use lanyard_client::ExchangeError;
use lanyard_credential::rotation::Outcome;
use lanyard_credential::{
    App, AppKind, AppName, Credential, CredentialId, CredentialName, Generation, Grant, GuestSubject, Kind, Mint,
    Order, Organisation, RefreshRight, Standing, Subject, Trouble, TroubleKind, Validity,
};
use lanyard_protocol::oauth::{Rejection, TokenError};
use lanyard_protocol::{Environment, OrgId};
use lanyard_secret::RefreshToken;
use lanyard_store::{NewCredential, NewTokens};
use serde::{Deserialize, Serialize};

use crate::environment::expect;
use crate::error::Again;
use crate::grant::tokens_of;
use crate::identity::differs;
use crate::mint::MintEnd;
use crate::rotation::RotationEnd;
use crate::{Broker, Call, Error};

/// Adds a service app's credential in one organisation.
#[derive(Debug, Serialize, Deserialize)]
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

/// What became of a credential whose tokens Webex was asked for at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddedGrant {
    /// The credential, as it is stored.
    pub credential: Credential,
    /// Why it has no token yet: it is asked for again when somebody wants one.
    pub trouble: Option<Trouble>,
}

impl Call for AddServiceApp {
    type Reply = AddedGrant;

    async fn run(self, broker: &Broker) -> Result<AddedGrant, Error> {
        let app = broker.app(&self.app).await?;
        expect(&app.name, &app.environment, self.expected.as_ref())?;
        if app.kind != AppKind::ServiceApp {
            return Err(Error::WrongAppKind { app: app.name, found: app.kind, needed: AppKind::ServiceApp });
        }
        match self.source {
            ServiceAppSource::RefreshToken(token) => match broker.store.credential(&self.name).await? {
                None => broker.add_with_refresh_token(self.name, &app, token).await,
                Some(earlier) => broker.replace_with_refresh_token(&earlier, &app, &token, self.replace).await,
            },
            ServiceAppSource::Via { name: via, organisation } => {
                if app.application_id.is_none() {
                    return Err(Error::NoApplicationId { app: app.name });
                }
                let via = broker
                    .via_of(&via, &app.environment, &[Kind::Integration, Kind::Personal, Kind::ServiceApp])
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

impl Call for AddGuest {
    type Reply = AddedGrant;

    async fn run(self, broker: &Broker) -> Result<AddedGrant, Error> {
        let via = broker.credential(&self.via).await?;
        expect(&self.via, &via.environment, self.expected.as_ref())?;
        let via = broker.via_of(&self.via, &via.environment, &[Kind::ServiceApp]).await?;
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
        kinds: &'static [Kind],
    ) -> Result<Credential, Error> {
        let via = self.credential(name).await?;
        expect(name, &via.environment, Some(environment))?;
        if !kinds.contains(&via.kind) {
            return Err(Error::WrongVia { name: via.name, kind: via.kind, needed: kinds[0] });
        }
        Ok(via)
    }

    /// Stores the credential first, so that it waits for its authorisation wherever this process ends, and then asks.
    async fn add_minted(&self, waiting: Waiting, mint: Mint) -> Result<AddedGrant, Error> {
        let credential = self.pending(waiting, Some(mint.clone()));
        let credential = self.store.insert_credential(&NewCredential { credential, tokens: None }).await?;
        let end = self.mint(&credential, &mint).await?;
        let trouble = match end {
            MintEnd::Failed(trouble) if is_final(&trouble) => {
                self.store.remove_credential(credential.id).await?;
                let app = self.troubled(&credential).await.app;
                return Err(Error::NotMinted { name: credential.name, app, trouble: Box::new(trouble) });
            }
            MintEnd::Failed(trouble) => Some(trouble),
            MintEnd::Minted | MintEnd::Elsewhere | MintEnd::Busy | MintEnd::Erased => None,
        };
        Ok(AddedGrant { credential: self.credential(&credential.name).await?, trouble })
    }

    /// A refresh token without its access token: stored first, then spent by the protocol that every rotation follows.
    async fn add_with_refresh_token(
        &self,
        name: CredentialName,
        app: &App,
        token: RefreshToken,
    ) -> Result<AddedGrant, Error> {
        self.refuse_second_holder(Some(app), Some(&token)).await?;
        let validity = Validity {
            obtained: self.clock.now(),
            access: Some(std::time::Duration::ZERO),
            refresh: RefreshRight::Lasting(None),
        };
        let tokens = NewTokens { access: None, refresh: Some(token), validity, scopes: None };
        let waiting = Waiting {
            name,
            kind: Kind::ServiceApp,
            environment: app.environment.clone(),
            app: Some(app.id),
            organisation: None,
        };
        let mut credential = self.pending(waiting, None);
        credential.standing = Standing::Active;
        let new = NewCredential { credential, tokens: Some(tokens) };
        let credential = self.store.insert_credential(&new).await?;
        let end = self.rotate(credential.id, credential.generation).await?;
        let trouble = match end {
            RotationEnd { outcome: Outcome::Rotated | Outcome::RotatedElsewhere, .. } => None,
            RotationEnd { trouble: Some(trouble), .. } if trouble.kind == TroubleKind::DeadGrant => {
                self.store.remove_credential(credential.id).await?;
                return Err(Error::RefreshTokenRefused { app: app.name.clone() });
            }
            RotationEnd { trouble, .. } => trouble,
        };
        if trouble.is_none() {
            self.look_at(&credential.name).await?;
        }
        Ok(AddedGrant { credential: self.credential(&credential.name).await?, trouble })
    }

    /// The next refresh token of a credential that is there: tried before it takes the place of what may still be good.
    async fn replace_with_refresh_token(
        &self,
        earlier: &Credential,
        app: &App,
        token: &RefreshToken,
        replace: bool,
    ) -> Result<AddedGrant, Error> {
        if earlier.kind != Kind::ServiceApp {
            return Err(Error::NameTaken(earlier.name.to_string()));
        }
        if earlier.app != Some(app.id) {
            let own = match earlier.app {
                Some(id) => self.store.app_by_id(id).await?,
                None => None,
            };
            let own = own.ok_or(Error::AppGone)?.name;
            return Err(Error::AnotherApp { name: earlier.name.clone(), own, wanted: app.name.clone() });
        }
        let auth = self.auth(app.id, &earlier.environment).await?;
        let mut obtained = match self.transport.refresh(&app.environment, &auth, token).await {
            Ok(obtained) => obtained,
            Err(ExchangeError::Token(TokenError::Rejected(Rejection::Grant(_)))) => {
                return Err(Error::RefreshTokenRefused { app: app.name.clone() });
            }
            Err(error) => return Err(Error::exchange(Again::service_app(&earlier.name, &app.name), error)),
        };
        let reply = &mut obtained.reply;
        let identity = self.identify_or_unknown(&app.environment, &reply.access_token).await;
        if let Some((before, now)) = differs(earlier, &identity).filter(|_| !replace) {
            // The refresh token is the portal's to keep: only what was bought with it is given back.
            self.give_back(&app.environment, &auth, Some(&reply.access_token), None).await;
            return Err(Error::AnotherSubject { name: earlier.name.clone(), before, now });
        }
        // A reply without a refresh token keeps the one that was spent.
        reply.refresh_token.get_or_insert_with(|| token.clone());
        let credential = self.sign_in_anew(earlier, &tokens_of(obtained), &identity).await?;
        Ok(AddedGrant { credential, trouble: None })
    }

    /// Asks who a credential acts as that nobody has asked about yet.
    pub(crate) async fn look_at(&self, name: &CredentialName) -> Result<(), Error> {
        let Some(found) = self.store.hand_out(name).await? else { return Ok(()) };
        let Some(token) = self.store.open_access(&found)? else { return Ok(()) };
        let credential = found.credential;
        match self.identify(&credential.environment, &token).await {
            Ok(identity) => {
                let standing = credential.standing.clone();
                self.learn(&credential, identity, standing).await?;
            }
            // Who it is can be asked again.
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

/// Whether waiting helps nothing: what was typed is wrong.
fn is_final(trouble: &Trouble) -> bool {
    matches!(trouble.kind, TroubleKind::WrongClient | TroubleKind::ViaUnusable | TroubleKind::DeadToken)
}
