//! Testing every credential: one line each.

use std::process::ExitCode;

use futures_util::StreamExt as _;
use lanyard_broker::{ListApps, Test as Call, TestAll, TestReport, TokenFinding, Troubled};
use lanyard_credential::{CredentialName, Job};
use lanyard_operation::{Class, Problem};
use lanyard_work::Start;
use serde_json::json;

use crate::access::Access;
use crate::commands::runs;
use crate::context::{self, Common};
use crate::exit::{self, Failure};
use crate::output;

/// The number of tests that run at once.
const AT_ONCE: usize = 8;
/// Longer names are not padded for.
const WIDEST: usize = 24;

/// A credential with the outcome of its test.
pub(in crate::commands) struct Tested {
    pub(in crate::commands) name: CredentialName,
    outcome: Result<(TestReport, Troubled), Problem>,
}

impl Tested {
    /// Why it failed; `None` if it did not.
    pub(in crate::commands) fn class(&self) -> Option<Class> {
        match &self.outcome {
            Ok((report, _)) => report.class(),
            Err(error) => Some(error.class()),
        }
    }

    /// Whether Webex could not be asked, and nothing else is known to be wrong.
    fn is_unknown(&self) -> bool {
        let Ok((report, _)) = &self.outcome else { return false };
        matches!(report.token, TokenFinding::Unknown(_)) && report.renewal_trouble().is_none()
    }

    /// The outcome in words.
    pub(in crate::commands) fn sentence(&self) -> String {
        let report = match &self.outcome {
            Ok((report, _)) => report,
            Err(error) => return self.without_name(error),
        };
        let validity = || output::credential::validity(&report.credential, &context::parts().clock.now());
        if let Some(trouble) = report.renewal_trouble() {
            return format!("Webex accepts it, {}, but its renewal fails: {}", validity(), trouble.message);
        }
        match &report.token {
            TokenFinding::Accepted | TokenFinding::Renewed if report.class().is_some() => {
                "Webex accepts it, but it lacks something; see lanyard test NAME".replace("NAME", self.name.as_str())
            }
            TokenFinding::Accepted => format!("Webex accepts it, {}", validity()),
            TokenFinding::Renewed => format!("Webex did not accept it any more; it was renewed, {}", validity()),
            TokenFinding::Refused(trouble) => trouble.message.clone(),
            TokenFinding::None(error) => self.without_name(error),
            TokenFinding::Unknown(why) => format!("Webex could not be asked: {why}"),
        }
    }

    /// An error without the credential's name at its beginning: the row has it already.
    fn without_name(&self, error: &Problem) -> String {
        let text = error.to_string();
        let rest = text.strip_prefix(self.name.as_str()).and_then(|rest| rest.strip_prefix(' '));
        rest.map_or(text.clone(), |rest| rest.strip_prefix("has ").unwrap_or(rest).to_owned())
    }

    /// The next step.
    pub(in crate::commands) fn hint(&self) -> Option<String> {
        match &self.outcome {
            Ok((report, whose)) => match (&report.token, report.renewal_trouble()) {
                (TokenFinding::Refused(trouble), _) | (_, Some(trouble)) => {
                    Some(lanyard_broker::advice(whose, trouble, &context::parts().clock.now()))
                }
                (TokenFinding::None(problem), None) => problem.next_step().map(str::to_owned),
                _ => None,
            },
            Err(problem) => problem.next_step().map(str::to_owned),
        }
    }
}

/// Tests every credential.
pub(in crate::commands) async fn every(access: &Access, jobs: &[Job], common: &Common) -> Result<Vec<Tested>, Failure> {
    let expected = common.expected()?;
    let (all, apps) = (context::all(access).await?, access.perform(ListApps).await?);
    let (all, apps) = (&all[..], &apps[..]);
    let tests = futures_util::stream::iter(all)
        .map(|credential| {
            let name = credential.name.clone();
            let call = Call { name: name.clone(), jobs: jobs.to_vec(), against: None, expected: expected.clone() };
            async move {
                let outcome = access.perform(call).await.map(|report| {
                    let whose = Troubled::among(&report.credential, apps, all);
                    (report, whose)
                });
                Tested { name, outcome }
            }
        })
        .buffered(AT_ONCE);
    Ok(tests.collect().await)
}

/// The exit code for all: 4 if any needs a person, or else that of the first that failed.
pub(in crate::commands) fn code(all: &[Tested]) -> u8 {
    let codes: Vec<u8> = all.iter().filter_map(Tested::class).map(exit::code_of).collect();
    let person = exit::code_of(Class::PersonMustAct);
    if codes.contains(&person) { person } else { codes.first().copied().unwrap_or(0) }
}

/// `lanyard test --detach`.
pub(super) async fn detach(access: &Access, jobs: Vec<Job>, common: &Common) -> Result<ExitCode, Failure> {
    if matches!(access, Access::Local(_)) {
        return Err(runs::needs_broker().into());
    }
    let run = access.perform(Start(TestAll { jobs })).await?;
    if common.json {
        output::json::print(&run)?;
    } else {
        output::line(&run.id)?;
        output::note(&format!("started; to follow it: lanyard runs follow {}", run.id));
    }
    Ok(ExitCode::SUCCESS)
}

/// `lanyard test` without a name.
pub(super) async fn run(access: &Access, jobs: &[Job], common: &Common) -> Result<ExitCode, Failure> {
    let all = every(access, jobs, common).await?;
    if common.json {
        let now = context::parts().clock.now();
        let rows = all.iter().map(|one| match &one.outcome {
            Ok((report, _)) => output::json::test(report, &now),
            Err(error) => json!({ "name": one.name.as_str(), "error": error.to_string(), "hint": error.next_step().map(output::pasted::for_this_home) }),
        });
        output::json::print(&rows.collect::<Vec<_>>())?;
    } else {
        let width = all.iter().map(|one| one.name.as_str().len()).max().unwrap_or(0).min(WIDEST);
        for one in &all {
            let mark = match one.class() {
                _ if one.is_unknown() => "? ",
                None => "ok",
                Some(_) => "!!",
            };
            output::finding(&format!("{mark}  {:width$}  {}", one.name.as_str(), one.sentence()))?;
            if let Some(hint) = one.hint() {
                output::line(&format!("    {:width$}  hint: {}", "", output::pasted::for_this_home(&hint)))?;
            }
        }
    }
    Ok(ExitCode::from(code(&all)))
}
