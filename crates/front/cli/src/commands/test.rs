//! `lanyard test`: what a credential is and can do, in words that are true.

pub(super) mod all;

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use lanyard_broker::{Coverage, JobReport, NeedVerdict, Sight, Test as Call, TestReport, TokenFinding, Troubled};
use lanyard_credential::{Credential, CredentialName, Job, Kind};
use lanyard_protocol::{Scope, ScopeSet};

use super::Examples;
use super::app;
use crate::context::Common;
use crate::exit::{self, Failure};
use crate::{context, output};

/// Test which identity a credential is, what it may do, and what it sees
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The credential [default: LANYARD_CREDENTIAL, or the only one there is; if there are several, all, one line each]
    name: Option<CredentialName>,
    /// A job to test it for; may be repeated
    #[arg(long = "for", value_name = "JOB", value_parser = app::job())]
    jobs: Vec<Job>,
    /// An administrator's credential to compare with; lists the workspaces that this one was not granted
    #[arg(long, value_name = "ADMIN")]
    against: Option<CredentialName>,
    /// Test all credentials in the background; print the id of the run
    #[arg(long, conflicts_with_all = ["name", "against"])]
    detach: bool,
}

impl Test {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        if self.detach {
            return all::detach(&broker, self.jobs, common).await;
        }
        if self.name.is_none() && self.against.is_none() && context::names_none(&broker).await? {
            return all::run(&broker, &self.jobs, common).await;
        }
        let name = context::credential(&broker, self.name).await?;
        let call = Call { name, jobs: self.jobs, against: self.against, expected: common.expected()? };
        let report = broker.perform(call).await?;
        if common.json {
            output::json::print(&output::json::test(&report, &context::parts().clock.now()))?;
        } else {
            let whose = context::troubled(&broker, &report.credential).await?;
            for line in lines(&report, &whose) {
                output::finding(&line)?;
            }
        }
        Ok(report.class().map_or(ExitCode::SUCCESS, |class| ExitCode::from(exit::code_of(class))))
    }
}

/// The report for a person: a mark, the check, its outcome, and the next step.
fn lines(report: &TestReport, whose: &Troubled) -> Vec<String> {
    let now = context::parts().clock.now();
    let credential = &report.credential;
    let mut lines = Lines(Vec::new());
    match &report.token {
        TokenFinding::Accepted => lines.good("token", "Webex accepts it"),
        TokenFinding::Renewed => lines.good("token", "Webex rejected it; it was renewed"),
        TokenFinding::Refused(trouble) => {
            lines.bad("token", &trouble.message);
            lines.hint(&lanyard_broker::advice(whose, trouble, &now));
        }
        TokenFinding::None(error) => {
            lines.bad("token", &error.to_string());
            if let Some(hint) = error.next_step() {
                lines.hint(hint);
            }
        }
        TokenFinding::Unknown(why) => lines.unknown("token", &format!("Webex could not be asked: {why}")),
    }
    if let Some(trouble) = report.renewal_trouble() {
        let when = if trouble.failures == 0 { String::new() } else { format!("failed at {:.0}: ", trouble.when()) };
        lines.bad("renewal", &format!("{when}{}", trouble.message));
        lines.hint(&lanyard_broker::advice(whose, trouble, &now));
    }
    lines.fact("acts as", &output::credential::acts_as_in_full(credential));
    lines.fact("organisation", &output::credential::organisation_in_full(credential));
    lines.fact("valid for", &output::credential::valid_for(credential, &now));
    if let Some(sight) = &report.sight {
        let wanted = report.jobs.iter().any(|job| job.job == Job::Devices);
        lines.sight(sight, wanted, report.coverage.is_none(), credential);
    }
    for job in &report.jobs {
        lines.job(job, credential);
    }
    if let Some(coverage) = &report.coverage {
        lines.coverage(coverage, credential);
    }
    lines.0
}

struct Lines(Vec<String>);

impl Lines {
    fn put(&mut self, mark: &str, what: &str, said: &str) {
        self.0.push(format!("{mark}  {what:12} {said}"));
    }

    fn good(&mut self, what: &str, said: &str) {
        self.put("ok", what, said);
    }

    fn bad(&mut self, what: &str, said: &str) {
        self.put("!!", what, said);
    }

    fn unknown(&mut self, what: &str, said: &str) {
        self.put("? ", what, said);
    }

    fn fact(&mut self, what: &str, said: &str) {
        self.put("  ", what, said);
    }

    fn hint(&mut self, hint: &str) {
        self.0.push(format!("    {:12} hint: {}", "", output::pasted::for_this_home(hint)));
    }

    fn sight(&mut self, sight: &Sight, wanted: bool, alone: bool, credential: &Credential) {
        match (sight.devices, &sight.unknown) {
            (Some(0), _) if !wanted && alone => self.fact("sees", "no device: none was granted to it"),
            (Some(0), _) => {
                self.bad("sees", "no device: the token is valid, but nothing was granted to the bot yet");
                // A comparison that follows says the same for each workspace.
                if alone {
                    self.hint(&grant_hint(credential));
                }
            }
            (Some(devices), _) => {
                self.good("sees", &format!("{devices} devices; it may command {} of them", sight.full));
            }
            (None, Some(why)) => self.unknown("sees", &format!("the devices could not be listed: {why}")),
            (None, None) => {}
        }
    }

    fn job(&mut self, job: &JobReport, credential: &Credential) {
        if let Some(why) = &job.impossible {
            self.bad(
                job.job.as_str(),
                &format!("not possible with {} credential: {why}", credential.kind.with_article()),
            );
        }
        // A bot has no scopes: what it may is a matter of grants.
        if credential.kind == Kind::Bot {
            return;
        }
        for need in &job.needs {
            let scopes = need.scopes.join(" or ");
            let said = |verdict: &str, why: &str| format!("{}: {verdict} ({scopes}); {why}", need.what);
            match &need.verdict {
                NeedVerdict::Granted(why) => self.good(job.job.as_str(), &said("granted", why)),
                NeedVerdict::Missing(why) => self.bad(job.job.as_str(), &said("missing", why)),
                NeedVerdict::Unknown(why) => self.unknown(job.job.as_str(), &said("unknown", why)),
            }
        }
        if job.needs.iter().any(|need| matches!(need.verdict, NeedVerdict::Missing(_))) {
            self.hint(&scopes_hint(credential, job));
        }
    }

    fn coverage(&mut self, coverage: &Coverage, credential: &Credential) {
        let said = format!(
            "{} of {} workspaces with devices, compared with what {} sees",
            coverage.granted, coverage.workspaces, coverage.against
        );
        if coverage.not_granted.is_empty() {
            self.good("coverage", &said);
        } else {
            self.bad("coverage", &said);
        }
        for workspace in &coverage.not_granted {
            let said = match workspace.seen {
                0 => "not granted".to_owned(),
                seen => format!("sees {seen} of its {} devices", workspace.devices),
            };
            self.bad("workspace", &format!("{}: {said}", workspace.name));
        }
        if !coverage.not_granted.is_empty() {
            let hint = match credential.kind {
                Kind::Bot => grant_hint(credential),
                _ => "see that its subject may see these devices in Control Hub".to_owned(),
            };
            self.hint(&hint);
        }
        if coverage.without_devices > 0 {
            let said = match coverage.without_devices {
                1 => "1 workspace has no device: there is nothing to see".to_owned(),
                many => format!("{many} workspaces have no device: there is nothing to see"),
            };
            self.fact("", &said);
        }
        if coverage.personal > 0 {
            let said = match coverage.personal {
                1 => "1 device is a personal one, in no workspace: it is not compared".to_owned(),
                many => format!("{many} devices are personal ones, in no workspace: they are not compared"),
            };
            self.fact("", &said);
        }
    }
}

/// The way through Control Hub: Cisco's menus, or the simulator's page.
fn grant_hint(credential: &Credential) -> String {
    let pages = credential.environment.pages();
    let bot = credential.subject.known().and_then(|subject| subject.email.as_deref()).unwrap_or("the bot's username");
    let then = if pages.are_local {
        format!("under Device API access enter {bot}, choose Read Only, then Add user or bot")
    } else {
        format!(
            "choose Devices, … (the three dots), Edit API Access, then Add user or bot; find {bot}, and choose Read Only"
        )
    };
    format!("as a device administrator, in {}, open each workspace; {then}", pages.workspaces)
}

fn scopes_hint(credential: &Credential, job: &JobReport) -> String {
    match credential.kind {
        Kind::Integration => {
            let missing = job.needs.iter().filter(|need| matches!(need.verdict, NeedVerdict::Missing(_)));
            let granted = credential.scopes.iter().flat_map(ScopeSet::iter).map(Scope::as_str);
            let all: BTreeSet<&str> =
                granted.chain(missing.filter_map(|need| need.scopes.first().map(String::as_str))).collect();
            format!(
                "add the scopes to the integration at {}, then sign in again and ask for them: lanyard login {} --scope '{}'",
                credential.environment.pages().apps,
                credential.name,
                all.into_iter().collect::<Vec<_>>().join(" ")
            )
        }
        Kind::ServiceApp => {
            let pages = credential.environment.pages();
            format!(
                "add the scopes to the service app at {}; then an administrator authorises it again: {}",
                pages.apps, pages.service_apps
            )
        }
        Kind::WorkspaceIntegration => {
            "add the scopes to the manifest (lanyard devices manifest), upload it again in Control Hub, and approve the update there"
                .to_owned()
        }
        _ => "the token's owner lacks a role or a licence, or another kind of token is needed".to_owned(),
    }
}

pub(super) const EXAMPLES: &[Examples] = &[(
    "test",
    &["lanyard test acme --for calling", "lanyard test lobby --for devices --against admin", "lanyard test --detach"],
)];
