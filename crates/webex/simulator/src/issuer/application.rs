//! Service apps: registered once, authorised in one organisation after the other.

use std::collections::{BTreeMap, BTreeSet};

use lanyard_protocol::{AppClientId, ScopeSet};
use lanyard_secret::ClientSecret;
use uuid::Uuid;

use super::grant::Grant;
use super::{ExchangeError, Issuer, Rights, Selection, Terms, TokenReply};

/// A registered service app.
#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) client: AppClientId,
    /// The organisations whose administrators were asked and have not answered.
    pub(crate) requested: BTreeSet<Uuid>,
    /// The organisations that authorise it now.
    pub(crate) authorised: BTreeSet<Uuid>,
    /// The machine account that it has in each organisation that ever did.
    pub(crate) machines: BTreeMap<Uuid, Uuid>,
}

/// Why a service app's tokens are not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MintRefusal {
    Unknown,
    WrongClient,
    NotAuthorised,
    TooManyTokens,
}

impl Issuer {
    /// Makes a registered app a service app.
    pub(crate) fn register_application(&mut self, id: String, client: AppClientId) {
        let (requested, authorised, machines) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        self.applications.insert(id, Application { client, requested, authorised, machines });
    }

    /// All service apps, by application id.
    pub(crate) fn applications(&self) -> &BTreeMap<String, Application> {
        &self.applications
    }

    /// Writes down that the administrators of `organisation` are asked; `false` when there is no such app.
    pub(crate) fn note_request(&mut self, id: &str, organisation: Uuid) -> bool {
        let Some(application) = self.applications.get_mut(id) else { return false };
        if !application.authorised.contains(&organisation) {
            application.requested.insert(organisation);
        }
        true
    }

    /// Writes down that an administrator of `organisation` authorised the app; `machine` is its account there.
    pub(crate) fn note_authorisation(&mut self, id: &str, organisation: Uuid, machine: Uuid) {
        if organisation != self.organisation {
            self.elsewhere.insert(machine, organisation);
        }
        if let Some(application) = self.applications.get_mut(id) {
            application.requested.remove(&organisation);
            application.authorised.insert(organisation);
            application.machines.insert(organisation, machine);
        }
    }

    /// Says that accounts belong to another organisation than the first.
    pub(crate) fn note_elsewhere(&mut self, accounts: impl IntoIterator<Item = (Uuid, Uuid)>) {
        self.elsewhere.extend(accounts);
    }

    /// Withdraws an administrator's authorisation: all tokens of the app in that organisation end. Returns how many grants ended.
    pub(crate) fn withdraw(&mut self, id: &str, organisation: Uuid) -> Option<usize> {
        let application = self.applications.get_mut(id)?;
        let machine = application
            .machines
            .get(&organisation)
            .copied()
            .filter(|_| application.authorised.remove(&organisation))?;
        let client = Some(application.client.clone());
        Some(self.end_grants(&Selection { client, account: Some(machine), refresh_token_fingerprint: None }))
    }

    /// `POST /applications/{id}/token`: a new pair each time; earlier ones live on.
    pub(crate) fn mint_application(
        &mut self,
        id: &str,
        client: &AppClientId,
        secret: &ClientSecret,
        organisation: Option<Uuid>,
        terms: Terms<'_>,
    ) -> Result<TokenReply, MintRefusal> {
        let application = self.applications.get(id).ok_or(MintRefusal::Unknown)?;
        let app = self.apps.get(&application.client).ok_or(MintRefusal::Unknown)?;
        if application.client != *client || !app.secret.matches(secret) {
            return Err(MintRefusal::WrongClient);
        }
        let authorised = organisation.filter(|id| application.authorised.contains(id));
        let machine = authorised.and_then(|id| application.machines.get(&id)).ok_or(MintRefusal::NotAuthorised)?;
        let (machine, client, scopes): (Uuid, AppClientId, ScopeSet) =
            (*machine, application.client.clone(), app.scopes.clone());
        self.make_room(machine, terms.now).map_err(|error| match error {
            ExchangeError::TooManyTokens => MintRefusal::TooManyTokens,
            ExchangeError::DeadCode | ExchangeError::DeadGrant => MintRefusal::NotAuthorised,
        })?;
        Ok(self.start_grant(Grant::new(Some(client), machine, Rights::Authorised(scopes.clone())), scopes, terms))
    }
}
