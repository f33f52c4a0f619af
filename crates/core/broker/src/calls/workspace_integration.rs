//! Workspace integrations: an administrator activates one in Control Hub, and pastes the activation code.

use lanyard_client::{CallError, CallOptions};
use lanyard_credential::{App, AppId, AppKind, AppName, Credential, CredentialName, Kind, Trouble};
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_protocol::workspace_integration::{
    Activation, ActivationCode, ActivationError, KeySet, complete_activation,
};
use lanyard_protocol::{AppClientId, Environment, Method, Request, ScopeSet};
use lanyard_secret::{ClientSecret, SecretText};
use lanyard_store::{NameError, NewApp};
use serde::{Deserialize, Serialize};

use crate::calls::AddedGrant;
use crate::environment::expect;
use crate::{Broker, Error};

operations![AddWorkspaceIntegration];

/// Adds a workspace integration, or gives one that was activated again its new grant. Its app has the same name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddWorkspaceIntegration {
    /// The name of the credential and of its app.
    pub name: CredentialName,
    /// The Webex that has activated it.
    pub environment: Environment,
    /// The activation code, as Control Hub shows it.
    #[serde(with = "lanyard_secret::travel")]
    pub activation_code: SecretText,
    /// The client id and secret. An app that exists has them already.
    pub client: Option<NewClient>,
    /// Whether the tokens of another account than before are accepted.
    pub replace: bool,
}

/// The client id and secret that Control Hub shows when the manifest is uploaded.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    /// The client id.
    pub id: AppClientId,
    /// The client secret.
    #[serde(with = "lanyard_secret::travel")]
    pub secret: ClientSecret,
}

/// A workspace integration that was added.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddedIntegration {
    /// The credential, as it is stored.
    pub credential: Credential,
    /// Why it has no token yet.
    pub trouble: Option<Trouble>,
    /// Why its activation was not completed at Webex. A watch that uses it completes the activation later.
    pub not_completed: Option<String>,
}

impl Operation for AddWorkspaceIntegration {
    const DECLARED: Declaration = Declaration::change("credential.add-workspace-integration");

    type Context = Broker;
    type Reply = AddedIntegration;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<AddedIntegration, Error> {
        broker.refuse_if_paused().await?;
        let earlier = broker.store.credential(&self.name).await?;
        if let Some(other) = earlier.as_ref().filter(|earlier| earlier.kind != Kind::WorkspaceIntegration) {
            return Err(Error::NameTaken(other.name.to_string()));
        }
        let code = ActivationCode::new(self.activation_code.expose_secret());
        let activation = broker.verified(&self.environment, &code).await?;
        let (app, is_new) =
            broker.app_of((&self.name, earlier.as_ref()), &self.environment, self.client, &activation).await?;
        let replace = self.replace;
        let work = async move |broker: Broker| {
            let added = match &earlier {
                None => broker.add_with_refresh_token(self.name, &app, activation.refresh_token).await,
                Some(earlier) => {
                    broker.replace_with_refresh_token(earlier, &app, &activation.refresh_token, replace).await
                }
            };
            let added = match added {
                Ok(added) => added,
                Err(error) => {
                    // An app that nothing uses would only be in the way of the next try.
                    if is_new && let Err(error) = broker.store.remove_app(app.id).await {
                        tracing::warn!(%error, app = %app.name, "the app of a workspace integration was not removed");
                    }
                    return Err(refused(error));
                }
            };
            let app_url = activation.app_url.expose().to_string();
            if app.application_id.as_ref() != Some(&app_url) {
                let changed = format!("{}, address: {app_url}", app.name);
                broker.store.change_app(&App { application_id: Some(app_url), ..app }, &changed).await?;
            }
            let AddedGrant { credential, trouble } = added;
            let not_completed = broker.complete(&credential, &complete_activation(&activation.app_url)).await?;
            Ok(AddedIntegration { credential, trouble, not_completed })
        };
        broker.finish(work).await
    }
}

impl Broker {
    /// Checks an activation code by the keys of its region.
    async fn verified(&self, environment: &Environment, code: &ActivationCode) -> Result<Activation, Error> {
        let url = code.keys_of(environment).map_err(|error| unusable(&error))?;
        let request = Request::new(Method::GET, url);
        let path = request.url.expose().path().to_owned();
        let answered = self.transport.call(environment, request, &CallOptions::default()).await;
        let answered = answered.map_err(|error| Error::Call(Box::new(error)))?;
        let keys: Result<KeySet, _> = answered.response.resource(&Method::GET, &path);
        let keys = keys.map_err(|error| Error::Call(Box::new(CallError::from(error))))?;
        code.verify(&keys, environment, self.clock.now().wall).map_err(|error| unusable(&error))
    }

    /// The app of a workspace integration, and whether it was added just now.
    async fn app_of(
        &self,
        (name, earlier): (&CredentialName, Option<&Credential>),
        environment: &Environment,
        client: Option<NewClient>,
        activation: &Activation,
    ) -> Result<(App, bool), Error> {
        let name: AppName = name.as_str().parse().map_err(|_| Error::NameTaken(name.to_string()))?;
        // A credential that was renamed keeps its app, which has the first name.
        let found = match earlier.and_then(|earlier| earlier.app) {
            Some(id) => self.store.app_by_id(id).await?,
            None => self.store.app(&name).await?,
        };
        match (found, client) {
            (Some(app), None) if app.kind == AppKind::WorkspaceIntegration => {
                expect(&app.name, &app.environment, Some(environment))?;
                Ok((app, false))
            }
            (Some(app), _) => Err(Error::AppNameTaken(app.name)),
            (None, None) => Err(Problem::new(Code::BadRequest, format!("there is no app named {name} yet"))
                .hint("give the client id and secret that Control Hub showed when the manifest was uploaded: --client-id ID --client-secret-file FILE")
                .into()),
            (None, Some(client)) => {
                let app = App {
                    id: AppId::random(&*self.entropy),
                    name,
                    kind: AppKind::WorkspaceIntegration,
                    environment: environment.clone(),
                    client_id: client.id,
                    redirect_uris: Vec::new(),
                    scopes: ScopeSet::default(),
                    application_id: Some(activation.app_url.expose().to_string()),
                };
                let new = NewApp { app, client_secret: client.secret };
                self.store.insert_app(&new).await.map_err(|error| match error {
                    NameError::Taken(_) => Error::AppNameTaken(new.app.name.clone()),
                    error => error.into(),
                })?;
                Ok((new.app, true))
            }
        }
    }

    /// Completes the activation at Webex. Returns the reason if that fails.
    async fn complete(&self, credential: &Credential, request: &Request) -> Result<Option<String>, Error> {
        let Some(found) = self.store.hand_out_by_id(credential.id).await? else { return Ok(None) };
        let Some(token) = self.store.open_access(&found)? else { return Ok(None) };
        let path = request.url.expose().path().to_owned();
        let request = request.clone().bearer(&token);
        let completed = self.transport.call(&credential.environment, request, &CallOptions::default()).await;
        let completed = completed.and_then(|exchange| Ok(exchange.response.done(&Method::PATCH, &path)?));
        Ok(completed.err().map(|error| error.to_string()))
    }
}

/// Webex refuses the refresh token of an activation code, for example because the integration was removed in the meantime.
fn refused(error: Error) -> Error {
    match error.cause() {
        Error::RefreshTokenRefused { .. } => {
            Problem::new(Code::PersonMustAct, "Webex does not accept the refresh token in the activation code")
                .hint("activate the integration again in Control Hub, and use the new activation code at once")
                .into()
        }
        _ => error,
    }
}

fn unusable(error: &ActivationError) -> Error {
    let problem = Problem::of(Code::PersonMustAct, error);
    match error {
        ActivationError::Foreign(_) | ActivationError::UnknownRegion(_) => {
            problem.hint("use the Webex that has activated it: --webex-url URL or --environment NAME")
        }
        _ => problem.hint("copy the activation code again, or activate the integration again in Control Hub"),
    }
    .into()
}
