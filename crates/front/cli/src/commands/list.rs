//! `lanyard list`.

use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;
use clap::builder::PossibleValuesParser;
use lanyard_broker::{ListUnreadable, state_among};
use lanyard_credential::{Credential, Kind, LabelError, LabelKey, LabelValue, State};
use lanyard_time::Moment;

use super::Examples;
use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output};

/// Show all credentials
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Show only credentials with this label; if repeated, with all of them
    #[arg(long = "label", value_name = "KEY[=VALUE]")]
    labels: Vec<Wanted>,
    /// Only those in this state
    #[arg(long, value_parser = PossibleValuesParser::new(State::ALL.map(State::as_str)))]
    state: Option<String>,
    /// Only those of this kind
    #[arg(long, value_parser = PossibleValuesParser::new(Kind::ALL.map(Kind::as_str)))]
    kind: Option<String>,
    /// Also show labels and the last error, and cut nothing off to fit the terminal
    #[arg(long)]
    wide: bool,
}

/// A label that must be there, whatever it says or with this value.
#[derive(Clone, Debug)]
struct Wanted {
    key: LabelKey,
    value: Option<LabelValue>,
}

impl FromStr for Wanted {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.parse()?)),
            None => (text, None),
        };
        Ok(Self { key: key.parse().map_err(LabelError::Key)?, value })
    }
}

impl List {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let (all, unreadable) = match common.broker_if_any().await? {
            Some(broker) => {
                context::warn_if_paused(&broker).await;
                (context::all(&broker).await?, broker.perform(ListUnreadable).await?)
            }
            // Which of a server's databases is meant only its address says, and that may be mistyped.
            None if context::is_on_server(&common.home()?) => {
                common.open_home().await?;
                (Vec::new(), Vec::new())
            }
            None => (Vec::new(), Vec::new()),
        };
        output::unreadable(&unreadable);
        let now = context::parts().clock.now();
        let there_are_some = !all.is_empty();
        let credentials: Vec<_> = all.iter().filter(|credential| self.shows(credential, &all, &now)).collect();
        if common.json {
            let shown: Vec<_> =
                credentials.iter().map(|credential| output::json::credential_among(credential, &all, &now)).collect();
            output::json::print(&shown)?;
        } else if !credentials.is_empty() {
            let list = if self.wide { output::credential::list_wide } else { output::credential::list };
            output::block(&list(&credentials, &all, &now))?;
        } else if there_are_some {
            output::note("no credential matches; all: lanyard list");
        } else if unreadable.is_empty() {
            output::note(&format!(
                "there is no credential yet in {}; make one: lanyard login NAME --app APP, or lanyard add bot NAME",
                common.home()?.directory.display()
            ));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn shows(&self, credential: &Credential, all: &[Credential], now: &Moment) -> bool {
        let labelled = |wanted: &Wanted| match (credential.labels.get(wanted.key.as_str()), &wanted.value) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(found), Some(value)) => found == value.as_str(),
        };
        self.labels.iter().all(labelled)
            && self.state.as_ref().is_none_or(|state| state == state_among(credential, all, now).as_str())
            && self.kind.as_ref().is_none_or(|kind| kind == credential.kind.as_str())
    }
}

pub(super) const EXAMPLES: &[Examples] =
    &[("list", &["lanyard list", "lanyard list --state needs-login", "lanyard list --label site=bern --json"])];
