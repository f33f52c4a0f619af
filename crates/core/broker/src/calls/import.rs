//! Grants that another program obtained: looked at first, then kept.

use std::collections::BTreeMap;
use std::time::Duration;

use lanyard_credential::{
    App, AppKind, AppName, Credential, CredentialId, CredentialName, Generation, Grant, Kind, Label, Organisation,
    RefreshRight, Standing, Subject, Validity,
};
use lanyard_operation::{Declaration, Operation};
use lanyard_protocol::{Environment, PersonType, ScopeSet};
use lanyard_secret::{AccessToken, RefreshToken};
use lanyard_store::{NewCredential, NewTokens};
use lanyard_time::Moment;
use serde::{Deserialize, Serialize};

use crate::environment::expect;
use crate::identity::Identity;
use crate::{Broker, Error};

operations![LookUp, Keep];

/// Looks at tokens that are to be imported: whose they are, and until when they last. Stores nothing, spends nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookUp {
    /// The credential's name, which must be free.
    pub name: CredentialName,
    /// Where the tokens come from.
    pub origin: Origin,
    /// The tokens.
    pub tokens: ImportedTokens,
    /// The labels that it gets.
    pub labels: Vec<Label>,
    /// The Webex that the caller takes it to belong to; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
}

/// Where tokens come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// They were obtained through this app, and are renewed through it.
    App {
        /// The app.
        name: AppName,
        /// The kind that it should be registered as; `None` accepts either.
        kind: Option<AppKind>,
    },
    /// They were copied from the developer portal: a bot's, a person's own.
    Portal {
        /// [`Kind::Bot`] or [`Kind::Personal`].
        kind: Kind,
        /// The Webex that they belong to.
        environment: Environment,
    },
}

/// Tokens as a file holds them. How long they last is not among it: what a file says counts from a moment that nobody knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImportedTokens {
    /// The access token.
    #[serde(with = "lanyard_secret::travel::optional")]
    pub access: Option<AccessToken>,
    /// The refresh token.
    #[serde(with = "lanyard_secret::travel::optional")]
    pub refresh: Option<RefreshToken>,
    /// The scopes that were granted, where the file says.
    pub scopes: Option<ScopeSet>,
}

/// Tokens that were looked at and can be kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct LookedUp(Box<NewCredential>);

/// Keeps tokens that were looked at.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keep(pub LookedUp);

impl Operation for LookUp {
    const DECLARED: Declaration = Declaration::part("credential.look-up");

    type Context = Broker;
    type Reply = LookedUp;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<LookedUp, Error> {
        broker.refuse_if_paused().await?;
        let origin = broker.traced(&self).await?;
        if broker.store.credential(&self.name).await?.is_some() {
            return Err(Error::NameTaken(self.name.to_string()));
        }
        let obtained = broker.clock.now();
        let seen = broker.seen(&self, &origin, &obtained).await?;
        broker.refuse_second_holder(origin.app.as_ref(), self.tokens.refresh.as_ref()).await?;
        let validity = Validity {
            obtained,
            access: seen.lifetime,
            refresh: self.tokens.refresh.as_ref().map_or(RefreshRight::None, |_| RefreshRight::Lasting(None)),
        };
        let labels: BTreeMap<String, String> =
            self.labels.iter().map(|label| (label.key.to_string(), label.value.to_string())).collect();
        let credential = Credential {
            id: CredentialId::random(&*broker.entropy),
            name: self.name,
            kind: origin.kind,
            environment: origin.environment,
            app: origin.app.map(|app| app.id),
            standing: Standing::Active,
            grant: Grant::new(1),
            generation: Generation::new(1),
            validity: Some(validity.clone()),
            scopes: self.tokens.scopes.clone(),
            subject: seen.subject,
            organisation: seen.organisation,
            created_at: validity.obtained.wall,
            last_rotated_at: None,
            labels,
            mint: None,
        };
        let tokens = NewTokens {
            access: self.tokens.access.filter(|_| seen.accepted),
            refresh: self.tokens.refresh,
            validity,
            scopes: self.tokens.scopes,
        };
        Ok(LookedUp(Box::new(NewCredential { credential, tokens: Some(tokens) })))
    }
}

impl Operation for Keep {
    const DECLARED: Declaration = Declaration::change("credential.import");

    type Context = Broker;
    type Reply = Credential;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<Credential, Error> {
        Ok(broker.store.insert_credential(&self.0.0).await?)
    }
}

/// An origin that is known here.
struct Traced {
    app: Option<App>,
    kind: Kind,
    environment: Environment,
}

/// Webex's verdict on an access token.
struct Seen {
    accepted: bool,
    lifetime: Option<Duration>,
    subject: Subject,
    organisation: Option<Organisation>,
}

impl Broker {
    /// One grant under two names would be spent by each behind the other's back.
    pub(crate) async fn refuse_second_holder(
        &self,
        app: Option<&App>,
        token: Option<&RefreshToken>,
    ) -> Result<(), Error> {
        let (Some(app), Some(token)) = (app, token) else { return Ok(()) };
        match self.store.holder_of(app.id, token).await? {
            Some(holder) => Err(Error::HeldAlready { holder }),
            None => Ok(()),
        }
    }

    async fn traced(&self, wanted: &LookUp) -> Result<Traced, Error> {
        let (name, needed) = match &wanted.origin {
            Origin::Portal { kind, environment } => {
                return Ok(Traced { app: None, kind: *kind, environment: environment.clone() });
            }
            Origin::App { name, kind } => (name, *kind),
        };
        let app = self.app(name).await?;
        expect(&app.name, &app.environment, wanted.expected.as_ref())?;
        self.authenticate(&app).await?;
        if let Some(needed) = needed.filter(|needed| *needed != app.kind) {
            return Err(Error::WrongAppKind { app: app.name, found: app.kind, needed });
        }
        let kind = Kind::from(app.kind);
        Ok(Traced { kind, environment: app.environment.clone(), app: Some(app) })
    }

    async fn seen(&self, wanted: &LookUp, origin: &Traced, now: &Moment) -> Result<Seen, Error> {
        // The first hand-out renews what has no access token, or one that has ended.
        let ended = |why: &str| Seen {
            accepted: false,
            lifetime: Some(Duration::ZERO),
            subject: Subject::Unknown(why.to_owned()),
            organisation: None,
        };
        let refused = || Error::NothingToImport {
            name: wanted.name.clone(),
            kind: origin.kind,
            app: origin.app.as_ref().map(|app| app.name.clone()),
        };
        let renewable = wanted.tokens.refresh.is_some();
        let Some(token) = &wanted.tokens.access else {
            return if renewable { Ok(ended("it has had no access token here yet")) } else { Err(refused()) };
        };
        let Identity { subject, organisation } = match self.identify(&origin.environment, token).await {
            Ok(identity) => identity,
            Err(error) if error.is_unauthorized() && renewable => {
                return Ok(ended("its access token had ended when it was imported"));
            }
            Err(error) if error.is_unauthorized() => return Err(refused()),
            Err(error) => return Err(error.into()),
        };
        if let Subject::Known(known) = &subject
            && ((known.account == PersonType::Bot) != (origin.kind == Kind::Bot)
                || (known.account == PersonType::AppUser) != (origin.kind == Kind::ServiceApp)
                    && known.account != PersonType::Unknown)
        {
            let found = format!("{} ({})", known.display_name, known.account.as_str());
            return Err(Error::WrongKind { expected: origin.kind, found, account: known.account.clone() });
        }
        let lifetime = self.lifetime_of(&origin.environment, token, now).await;
        Ok(Seen { accepted: true, lifetime, subject, organisation })
    }
}
