//! `lanyard add workspace-integration`.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use lanyard_broker::{AddWorkspaceIntegration, AddedGrant, NewClient, Precheck, ShowApp};
use lanyard_credential::{App, AppName, CredentialName};
use lanyard_protocol::AppClientId;
use lanyard_secret::{ClientSecret, SecretText};

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
        let app: Option<AppName> = self.name.as_str().parse().ok();
        let known = match (&opened, app) {
            (Some(broker), Some(name)) => broker.perform(ShowApp { name }).await.ok(),
            _ => None,
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
        if let Some(why) = added.not_completed {
            output::note(&format!("its activation was not completed at Webex: {why}"));
            output::note(&format!("hint: a watch completes it later: lanyard devices watch add {name}"));
        } else if !common.json {
            output::note(&format!("watch its devices: lanyard devices watch add {name}"));
        }
        Ok(code)
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
