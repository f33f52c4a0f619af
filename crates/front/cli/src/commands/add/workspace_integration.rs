//! `lanyard add workspace-integration`.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use lanyard_broker::{AddWorkspaceIntegration, AddedGrant, ListApps, NewClient, Precheck, Show, ShowApp};
use lanyard_credential::{App, AppName, CredentialName};
use lanyard_devices::ListWatches;
use lanyard_protocol::AppClientId;
use lanyard_secret::{ClientSecret, SecretText};

use crate::access::Access;
use crate::context::Common;
use crate::exit::Failure;
use crate::{output, prompt};

#[derive(Debug, Args)]
pub(crate) struct WorkspaceIntegration {
    /// What to call it: lower-case letters, digits, dots, dashes, underscores
    name: CredentialName,
    /// A file with the activation code that Control Hub shows, `-` for standard input [default: a hidden prompt]
    #[arg(long, value_name = "FILE")]
    activation_file: Option<PathBuf>,
    /// The client id that Control Hub shows after the upload of the manifest [default: Lanyard prompts for it]
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// A file with the client secret, `-` for standard input [default: a hidden prompt]
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// Allow the credential to change to a different account
    #[arg(long)]
    replace: bool,
}

impl WorkspaceIntegration {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let environment = common.environment()?;
        let opened = common.checked(Precheck::Change).await?;
        let known = match &opened {
            Some(broker) => self.app(broker).await,
            None => None,
        };
        // One that was activated before has its client id and secret.
        let client = match &known {
            Some(app) => {
                self.compare(app)?;
                None
            }
            None => Some(self.client()?),
        };
        let code = prompt::secret("activation code", "--activation-file", self.activation_file.as_deref())?;
        let broker = common.or_new(opened).await?;
        let call = AddWorkspaceIntegration {
            name: self.name,
            environment,
            activation_code: SecretText::new(code.as_str()),
            client,
            replace: self.replace,
        };
        let added = broker.perform(call).await?;
        let (credential, trouble) = (added.credential, added.trouble);
        let name = credential.name.clone();
        let code = super::report(&broker, &AddedGrant { credential, trouble }, common).await?;
        let watches = broker.perform(ListWatches { labels: Vec::new() }).await.unwrap_or_default();
        let watch = watches.into_iter().find(|watch| watch.credential.as_deref() == Some(name.as_str()));
        match (added.not_completed, watch) {
            (Some(why), None) => {
                output::note(&format!("its activation was not completed at Webex: {why}"));
                output::note(&format!("hint: a watch completes it later: lanyard devices watch add {name}"));
            }
            (Some(why), Some(watch)) => {
                output::note(&format!("its activation was not completed at Webex: {why}"));
                output::note(&format!("hint: a broker completes it for the watch {}: lanyard serve", watch.name));
            }
            (None, None) if !common.json => {
                output::note(&format!("watch its devices: lanyard devices watch add {name}"));
            }
            (None, _) => {}
        }
        Ok(code)
    }

    /// The app of a credential with this name, even if that was renamed, or the app with this name.
    async fn app(&self, broker: &Access) -> Option<App> {
        let earlier = broker.perform(Show { name: self.name.clone() }).await.ok();
        if let Some(id) = earlier.and_then(|listed| listed.credential.app) {
            return broker.perform(ListApps).await.ok()?.into_iter().find(|app| app.id == id);
        }
        let name: AppName = self.name.as_str().parse().ok()?;
        broker.perform(ShowApp { name }).await.ok()
    }

    /// Refuses another client id than that of an app which exists. Its secret has a command of its own, which tries it first.
    fn compare(&self, app: &App) -> Result<(), Failure> {
        let name = &app.name;
        if self.client_id.as_ref().is_some_and(|id| id.trim() != app.client_id.as_str()) {
            return Err(Failure::Usage {
                message: format!("the app {name} has another client id, {}", app.client_id),
                hint: format!(
                    "choose another name, or remove the app first: lanyard clear {name} && lanyard app remove {name}"
                ),
            });
        }
        if self.client_secret_file.is_some() {
            output::note(&format!("the client secret stays as it is; to replace it: lanyard app secret {name}"));
        }
        Ok(())
    }

    fn client(&self) -> Result<NewClient, Failure> {
        let id = match &self.client_id {
            Some(id) => id.clone(),
            None if std::io::stdin().is_terminal() => prompt::line("client id", None)?,
            None => {
                return Err(Failure::Usage {
                    message: "there is no terminal to ask for the client id".to_owned(),
                    hint: format!(
                        "lanyard add workspace-integration {} --client-id ID --client-secret-file FILE --activation-file FILE",
                        self.name
                    ),
                });
            }
        };
        let secret = prompt::secret("client secret", "--client-secret-file", self.client_secret_file.as_deref())?;
        Ok(NewClient { id: AppClientId::new(id.trim()), secret: ClientSecret::new(secret.as_str()) })
    }
}
