//! `lanyard devices coverage`: what a watch does not see.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use lanyard_credential::NameError;
use lanyard_devices::{Against, Coverage, CoverageView, WatchName};
use lanyard_operation::Class;

use super::{device_list, devices};
use crate::context::Common;
use crate::exit::{self, Failure};
use crate::output;
use crate::output::table;

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The watch
    watch: WatchName,
    /// A credential that sees everything, such as an administrator's, or a list of devices with their serial numbers or MAC
    /// addresses, such as an export of Control Hub
    #[arg(long, value_name = "CREDENTIAL|FILE.csv")]
    against: Option<String>,
    /// Print a letter that asks the organisation's administrator for what is missing
    #[arg(long)]
    letter: bool,
    /// Write the missing workspaces to this new file
    #[arg(long, value_name = "FILE", requires = "against")]
    csv: Option<PathBuf>,
}

impl Compare {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let Self { watch, against, letter, csv } = self;
        let against = against.as_deref().map(against_of).transpose()?;
        let view = common.broker().await?.perform(Coverage { watch, against }).await?;
        if let Some(path) = &csv {
            device_list::write(path, &view)?;
            output::note(&format!("wrote {} missing workspaces to {}", view.missing.len(), path.display()));
        }
        if common.json {
            output::json::print(&view)?;
        } else if letter {
            if view.against.is_some() && view.missing.is_empty() {
                output::note("nothing is missing: there is nothing to ask for");
            }
            for line in self::letter(&view) {
                output::line(&line)?;
            }
        } else {
            show(&view)?;
        }
        // A comparison with nothing is no proof that all is well.
        let lacks =
            !view.missing.is_empty() || view.devices == Some(0) || (view.against.is_none() && view.devices_seen == 0);
        Ok(if lacks { ExitCode::from(exit::code_of(Class::PersonMustAct)) } else { ExitCode::SUCCESS })
    }
}

/// The meaning of a text: a file, if it is a path or ends with `.csv`, and a credential otherwise.
fn against_of(text: &str) -> Result<Against, Failure> {
    let path = Path::new(text);
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    if is_csv || path.components().count() > 1 {
        return Ok(Against::List(text.to_owned(), device_list::read(path)?));
    }
    text.parse().map(Against::Credential).map_err(|error: NameError| Failure::Usage {
        message: format!("`{text}` is neither a credential nor a file: {error}"),
        hint: "name a credential, or a file that ends with .csv".to_owned(),
    })
}

fn show(view: &CoverageView) -> Result<(), Failure> {
    let watch = &view.watch;
    let (Some(workspaces), Some(all)) = (view.workspaces, view.devices) else {
        output::line(&format!(
            "{watch} sees {}: {} Read Only, {} Full.",
            devices(view.devices_seen),
            view.devices_seen - view.devices_full,
            view.devices_full
        ))?;
        output::note("hint: compare with a credential that sees everything: --against CREDENTIAL");
        if view.devices_seen == 0 {
            output::note(&format!("Next: lanyard devices coverage {watch} --letter"));
        }
        return Ok(());
    };
    let granted = workspaces - view.missing.len();
    output::line(&format!(
        "{watch} sees {granted} of {workspaces} workspaces with devices ({} of {}).",
        view.devices_seen,
        devices(all)
    ))?;
    if !view.missing.is_empty() {
        let rows = view.missing.iter().map(|missing| {
            // A question mark says that nobody knows it.
            let location = missing.location.clone().unwrap_or_else(|| "?".to_owned());
            vec![missing.workspace.clone(), location, missing.devices.join(", ")]
        });
        output::line("")?;
        output::block(&table::render(&["NOT GRANTED", "LOCATION", "DEVICES"], rows.collect()))?;
    }
    let against = view.against.as_deref().unwrap_or_default();
    if view.not_compared > 0 {
        output::note(&format!(
            "{} were not compared: phones, accessories or personal, or without a serial number and MAC address",
            devices(view.not_compared)
        ));
    }
    output::note(&format!("compared with {against}, just now"));
    if !view.missing.is_empty() {
        output::note(&format!("Next: lanyard devices coverage {watch} --against {against} --letter"));
    }
    Ok(())
}

/// A letter to a person who has never seen Lanyard, in Control Hub's own words.
fn letter(view: &CoverageView) -> Vec<String> {
    let organisation = view.organisation.as_deref().unwrap_or("your organisation");
    let account = view.account.as_deref().unwrap_or("our monitoring account");
    let mut lines = vec![
        format!("To: the Webex administrator of {organisation}"),
        String::new(),
        "Please let our monitoring account read your room devices. It takes about half a".to_owned(),
        "minute for each room. \"Read Only\" is enough: the account can then see the state".to_owned(),
        "of a device and change nothing.".to_owned(),
        String::new(),
        " 1. Sign in to https://admin.webex.com".to_owned(),
        " 2. Management > Workspaces, and choose the workspace".to_owned(),
        " 3. In the Devices panel, top right, choose \"...\" and then \"Edit API Access\"".to_owned(),
        format!(" 4. \"Add user or bot\": type  {account}"),
        " 5. Choose \"Read Only\". Webex confirms: \"Access successfully added\"".to_owned(),
        " 6. Repeat for each workspace that should be monitored".to_owned(),
    ];
    if !view.missing.is_empty() {
        lines.extend([String::new(), "These workspaces are missing:".to_owned(), String::new()]);
        lines.extend(view.missing.iter().map(|missing| format!("  {}", missing.workspace)));
    }
    lines.extend([
        String::new(),
        "A workspace appears in our monitoring within minutes; you need not tell us.".to_owned(),
        "Each new workspace needs the same steps.".to_owned(),
    ]);
    lines
}
