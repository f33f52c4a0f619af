//! `lanyard import`: tokens that another program obtained.

mod many;
mod read;
mod table;
mod token_file;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use lanyard_broker::{Keep, LookUp, Origin, Test, TokenFinding};
use lanyard_credential::{AppName, Credential, CredentialName, RefreshRight};
use lanyard_operation::Class;

use super::Examples;
use crate::context::Common;
use crate::exit::{self, Failure};
use crate::{context, output};

/// Import tokens that another program obtained
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// What to call it: lower-case letters, digits, dots, dashes, underscores
    #[arg(required_unless_present = "csv", conflicts_with = "csv")]
    name: Option<CredentialName>,
    /// A token reply in JSON or a token file of `wxc_sdk` in YAML, `-` for standard input
    #[arg(required_unless_present = "csv", conflicts_with = "csv")]
    file: Option<PathBuf>,
    /// The app that the tokens were obtained through, as lanyard app list names it; with --csv the app of lines that name none
    #[arg(long, required_unless_present = "csv")]
    app: Option<AppName>,
    /// Import many at once: a file with the columns `name`, `kind`, `app`, `access_token`, `refresh_token`, `label.KEY`
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// The longest token file; real ones have a kilobyte or two.
const LONGEST: usize = 64 * 1024;

impl Import {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match (self.csv, self.name, self.file, self.app) {
            (Some(csv), _, _, app) => many::run(&csv, app.as_ref(), common).await,
            (None, Some(name), Some(file), Some(app)) => one(name, &file, app, common).await,
            _ => Err(Failure::Usage {
                message: "what is to be imported is not named".to_owned(),
                hint: "lanyard import NAME FILE --app APP, or lanyard import --csv FILE".to_owned(),
            }),
        }
    }
}

async fn one(name: CredentialName, file: &Path, app: AppName, common: &Common) -> Result<ExitCode, Failure> {
    let text = read::whole(file, LONGEST)?;
    let tokens = token_file::read(&text).map_err(|error| Failure::Usage {
        message: format!("{} cannot be imported: {error}", shown(file)),
        hint: "give a token endpoint's reply in JSON, or the YAML file that wxc_sdk keeps its tokens in; nothing was stored"
            .to_owned(),
    })?;
    drop(text);
    let broker = common.broker().await?;
    let origin = Origin::App { name: app, kind: None };
    let is_bare = tokens.access.is_none();
    let looked_up =
        broker.perform(LookUp { name, origin, tokens, labels: Vec::new(), expected: common.expected()? }).await?;
    let mut credential = broker.perform(Keep(looked_up)).await?;
    let mut code = ExitCode::SUCCESS;
    if is_bare {
        // Without a token to ask with nobody knows whose grant it is. The renewal that the first hand-out would make tells.
        let question = Test { name: credential.name.clone(), jobs: Vec::new(), against: None, expected: None };
        let report = broker.perform(question).await?;
        credential = report.credential;
        let reason = match &report.token {
            TokenFinding::Accepted | TokenFinding::Renewed => None,
            TokenFinding::Refused(trouble) => Some((trouble.message.clone(), Class::PersonMustAct)),
            TokenFinding::None(error) => Some((error.to_string(), error.class())),
            TokenFinding::Unknown(why) => Some((why.clone(), Class::Unreachable)),
        };
        if let Some((why, class)) = reason {
            output::note(&format!("warning: it was kept, and could not be renewed yet: {why}"));
            // A credential that only has to wait for Webex is imported all the same.
            if class != Class::Unreachable {
                code = ExitCode::from(exit::code_of(class));
            }
        }
    }
    if common.json {
        output::json::print(&output::json::credential(&credential, &context::parts().clock.now()))?;
    } else {
        say(&credential);
    }
    warn(file);
    Ok(code)
}

fn say(credential: &Credential) {
    let (name, now) = (&credential.name, context::parts().clock.now());
    output::note(&format!("imported {name}; {}", super::add::whose(credential)));
    let Some(validity) = &credential.validity else { return };
    if validity.access_has_ended(&now) {
        output::note("it has no valid access token; the next request for one renews it");
        output::note(&format!("see that it works: lanyard refresh {name}, then lanyard test {name}"));
    } else {
        output::note(&output::credential::validity(credential, &now));
    }
    if validity.access.is_none() && validity.refresh != RefreshRight::None {
        output::note(&format!("renewed, it says how long it lasts: lanyard refresh {name} --force"));
    }
    if validity.refresh == RefreshRight::None {
        output::note(&format!(
            "it cannot be renewed: there was no refresh token; for lasting access: lanyard login {name}"
        ));
    }
}

/// The file is a second holder of the grant.
fn warn(file: &Path) {
    // Nothing is deleted from a pipe or a device.
    if file == Path::new("-") || !file.is_file() {
        output::note(
            "warning: its source still holds the grant: if another program renews with it, this credential may stop working",
        );
        output::note("hint: delete it there once lanyard works");
        return;
    }
    let file = file.display();
    output::note(&format!(
        "warning: {file} still holds the grant: if another program renews with it, this credential may stop working"
    ));
    output::note(&format!("hint: delete it once lanyard works: rm {file}"));
}

fn shown(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}

pub(super) const EXAMPLES: &[Examples] =
    &[("import", &["lanyard import acme reply.json --app desk", "lanyard import --csv tokens.csv --app desk"])];
