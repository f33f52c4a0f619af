//! `lanyard devices coverage`: what a watch does not see.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use lanyard_credential::{Kind, NameError};
use lanyard_devices::{Against, Coverage, CoverageOfAll, CoverageView, WantedLabel, WatchCoverage, WatchName};
use lanyard_operation::Class;

use super::chosen::Chosen;
use super::list::ago;
use super::{device_list, devices};
use crate::context::{self, Common};
use crate::exit::{self, Failure};
use crate::output;
use crate::output::pasted::quoted;
use crate::output::table;

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The watch; all, in one line each, if none is given
    #[arg(required_if_eq("letter", "true"), conflicts_with_all = ["labels", "customer"])]
    watch: Option<WatchName>,
    #[command(flatten)]
    chosen: Chosen,
    /// A credential that sees everything, such as an administrator's, or a list of devices with their serial numbers or MAC
    /// addresses, such as an export from Control Hub
    /// [default: the credential that reads the workspaces of the watch]
    #[arg(long, value_name = "CREDENTIAL|FILE.csv", requires = "watch")]
    against: Option<String>,
    /// Print a letter that asks the organisation's administrator for what is missing
    #[arg(long)]
    letter: bool,
    /// Write the missing workspaces to this new file
    #[arg(long, value_name = "FILE", requires = "watch")]
    csv: Option<PathBuf>,
}

impl Compare {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let Self { watch, chosen, against, letter, csv } = self;
        let labels = chosen.labels();
        let Some(watch) = watch else { return all(common, labels).await };
        let (against, rows) = against.as_deref().map(against_of).transpose()?.unzip();
        let rows = rows.flatten();
        let view = common.broker().await?.perform(Coverage { watch, against }).await?;
        if csv.is_some() && view.against.is_none() {
            return Err(Failure::Usage {
                message: "nothing was compared, so it is not known what is missing".to_owned(),
                hint: "compare with a credential that sees everything: --against CREDENTIAL".to_owned(),
            });
        }
        if let Some(path) = &csv {
            device_list::write(path, &view)?;
            let count = view.missing.len();
            let workspaces = if count == 1 { "workspace" } else { "workspaces" };
            output::note(&format!("wrote {count} missing {workspaces} to {}", path.display()));
        }
        if common.json {
            output::json::print(&view)?;
        } else if letter {
            // Without a comparison, or one with nothing, it is not known what is missing.
            if view.missing.is_empty() && view.devices.is_some_and(|count| count > 0) {
                output::note("nothing is missing, so there is nothing to ask for");
            } else {
                for line in self::letter(&view) {
                    output::line(&line)?;
                }
            }
        } else {
            show(&view, rows.as_ref())?;
        }
        // A comparison with nothing is no proof that all is well.
        let lacks =
            !view.missing.is_empty() || view.devices == Some(0) || (view.against.is_none() && view.devices_seen == 0);
        Ok(if lacks { ExitCode::from(exit::code_of(Class::PersonMustAct)) } else { ExitCode::SUCCESS })
    }
}

/// Shows all watches, one line each.
async fn all(common: &Common, labels: Vec<WantedLabel>) -> Result<ExitCode, Failure> {
    let rows = common.broker().await?.perform(CoverageOfAll { labels }).await?;
    if common.json {
        output::json::print(&rows)?;
    } else if rows.is_empty() {
        output::note("there is no watch; add one: lanyard devices watch add CREDENTIAL");
    } else {
        show_all(&rows)?;
    }
    let lacks = rows.iter().any(WatchCoverage::is_lacking);
    Ok(if lacks { ExitCode::from(exit::code_of(Class::PersonMustAct)) } else { ExitCode::SUCCESS })
}

fn show_all(rows: &[WatchCoverage]) -> Result<(), Failure> {
    let now = context::parts().clock.now().wall;
    let lines = rows.iter().map(|row| {
        let of = row.workspaces.map_or_else(|| "?".to_owned(), |count| count.to_string());
        let lost = if row.lost == 0 { "-".to_owned() } else { row.lost.to_string() };
        vec![
            row.customer.clone().unwrap_or_else(|| "-".to_owned()),
            row.watch.clone(),
            format!("{} of {of}", row.granted),
            row.devices.to_string(),
            row.against.clone().unwrap_or_else(|| "nothing".to_owned()),
            lost,
        ]
    });
    let headings = ["CUSTOMER", "WATCH", "GRANTED", "DEVICES", "COMPARED WITH", "LOST"];
    output::block(&table::render(&headings, lines.collect()))?;
    output::note(&summary(rows));
    if let Some(oldest) = rows.iter().filter_map(|row| row.compared_at).min() {
        output::note(&format!("compared with what was read up to {} ago", ago(oldest, now)));
    }
    let worst = rows.iter().find(|row| row.is_lacking());
    if let Some(worst) = worst {
        output::note(&format!("Next: lanyard devices coverage {} --letter", worst.watch));
    }
    Ok(())
}

/// How many watches are how well off, in one sentence.
fn summary(rows: &[WatchCoverage]) -> String {
    let count = |is_so: &dyn Fn(&&WatchCoverage) -> bool| rows.iter().filter(|row| is_so(row)).count();
    let active = count(&|row| !row.paused);
    let see_nothing = count(&|row| !row.paused && row.devices == 0);
    let miss = count(&|row| !row.paused && row.devices > 0 && !row.missing.is_empty());
    let uncompared = count(&|row| !row.paused && row.devices > 0 && row.workspaces.is_none());
    let whole = active - see_nothing - miss - uncompared;
    let verb = |count: usize, one: &'static str, several: &'static str| if count == 1 { one } else { several };
    let parts = [
        (see_nothing, verb(see_nothing, "sees nothing", "see nothing")),
        (miss, verb(miss, "misses rooms", "miss rooms")),
        (uncompared, verb(uncompared, "has nothing to compare with", "have nothing to compare with")),
        (whole, verb(whole, "is whole", "are whole")),
        (rows.len() - active, verb(rows.len() - active, "is paused", "are paused")),
    ];
    let parts: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    format!("{} watch{}: {}", rows.len(), verb(rows.len(), "", "es"), parts.join(", "))
}

/// How much of a file was read: a person knows how many devices there are.
struct Rows {
    count: usize,
    is_ended: bool,
}

/// The meaning of a text: a file, if it is a path or ends with `.csv`, and a credential otherwise.
fn against_of(text: &str) -> Result<(Against, Option<Rows>), Failure> {
    let path = Path::new(text);
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    if is_csv || path.components().count() > 1 {
        let device_list::List { devices, is_ended } = device_list::read(path)?;
        let rows = Rows { count: devices.len(), is_ended };
        return Ok((Against::List(text.to_owned(), devices), Some(rows)));
    }
    text.parse().map(|name| (Against::Credential(name), None)).map_err(|error: NameError| Failure::Usage {
        message: format!("`{text}` is neither a credential nor a file: {error}"),
        hint: "name a credential, or a file that ends with .csv".to_owned(),
    })
}

fn show(view: &CoverageView, rows: Option<&Rows>) -> Result<(), Failure> {
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
    match rows {
        None => output::note(&format!("compared with {against}, just now")),
        Some(Rows { count, is_ended }) => {
            let rows = if *count == 1 { "row" } else { "rows" };
            output::note(&format!("compared with {count} {rows} of {against}"));
            if !is_ended {
                output::note(&format!(
                    "{against} does not end with a line end; if it was cut off, devices are missing from it"
                ));
            }
        }
    }
    if !view.missing.is_empty() {
        output::note(&format!("Next: lanyard devices coverage {watch} --against {} --letter", quoted(against)));
    }
    Ok(())
}

/// A letter to a person who has never seen Lanyard, in Control Hub's own words.
fn letter(view: &CoverageView) -> Vec<String> {
    let organisation = view.organisation.as_deref().unwrap_or("your organisation");
    let mut lines = vec![format!("To: the Webex administrator of {organisation}"), String::new()];
    let is_integration = view.kind.as_deref() == Some(Kind::WorkspaceIntegration.as_str());
    lines.extend(if is_integration { let_integration() } else { add_account(view.account.as_deref()) });
    if !view.missing.is_empty() {
        lines.extend([String::new(), "These workspaces are missing:".to_owned(), String::new()]);
        lines.extend(view.missing.iter().map(|missing| format!("  {}", missing.workspace)));
    }
    lines.extend([
        String::new(),
        "A workspace appears in our monitoring within minutes; you need not tell us.".to_owned(),
    ]);
    if !is_integration {
        lines.push("Each new workspace needs the same steps.".to_owned());
    }
    lines
}

/// The steps that add an account, such as a bot, to a workspace.
fn add_account(account: Option<&str>) -> Vec<String> {
    let account = account.unwrap_or("our monitoring account");
    vec![
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
    ]
}

/// The steps that let a workspace integration see the workspaces of its organisation. Nobody adds it to a workspace.
fn let_integration() -> Vec<String> {
    [
        "The workspace integration that monitors your room devices does not see all of",
        "them. Please check in Control Hub that it may.",
        "",
        " 1. Sign in to https://admin.webex.com",
        " 2. Management > Apps > Workspace Integrations, and choose the integration",
        " 3. Check that it is active, and approve the update if one is waiting",
        " 4. Check that the workspaces are among those that it may use",
    ]
    .map(str::to_owned)
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_about_a_workspace_integration_adds_no_bot() {
        let view = |kind: Kind| CoverageView { kind: Some(kind.as_str().to_owned()), ..CoverageView::default() };
        let letter = |kind| letter(&view(kind)).join("\n");
        assert!(letter(Kind::Bot).contains("\"Add user or bot\""));
        let of_integration = letter(Kind::WorkspaceIntegration);
        assert!(
            of_integration.contains("Workspace Integrations") && !of_integration.contains("bot"),
            "{of_integration}"
        );
    }
}
