//! Tests of credentials.

use lanyard_credential::CredentialName;
use lanyard_operation::Problem;
use lanyard_time::Moment;
use schemars::JsonSchema;
use serde::Serialize;

use super::CredentialView;
use crate::calls::test::{Coverage, JobReport, NeedReport, NeedVerdict, Sight, TestReport, TokenFinding};

/// The findings of a test.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "TestReport")]
pub struct TestView {
    /// The credential after the test.
    pub credential: CredentialView,
    /// Whether everything that was tested works.
    pub ok: bool,
    /// The verdict of Webex on its token.
    pub token: FindingView,
    /// Each job, with its needs.
    pub jobs: Vec<JobView>,
    /// The devices that a bot sees.
    pub sees: Option<SightView>,
    /// The workspaces and devices that it sees, compared with all.
    pub coverage: Option<CoverageView>,
}

/// A credential with the outcome of its test, among all of them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Tested")]
pub struct TestedView {
    /// The credential's name.
    pub name: String,
    /// Whether everything that was tested works.
    pub ok: bool,
    /// The findings, if it could be tested.
    pub report: Option<TestView>,
    /// The reason why it could not.
    pub error: Option<String>,
    /// The next step then.
    pub hint: Option<String>,
}

/// The verdict of Webex on a token.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "TokenFinding")]
pub struct FindingView {
    /// The verdict.
    #[schemars(extend("enum" = ["accepted", "renewed", "refused", "none", "unknown"]))]
    pub finding: &'static str,
    /// Why, if the token is not accepted.
    pub reason: Option<String>,
}

/// A job, and whether the credential can do it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Job")]
pub struct JobView {
    /// The job.
    pub job: &'static str,
    /// Why a credential of this kind cannot do it at all.
    pub impossible: Option<String>,
    /// Its needs.
    pub needs: Vec<NeedView>,
}

/// One need of a job.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Need")]
pub struct NeedView {
    /// Its purpose.
    pub what: String,
    /// The scopes that allow it; one of them is enough.
    pub scopes: Vec<String>,
    /// Whether it is met.
    #[schemars(extend("enum" = ["granted", "missing", "unknown"]))]
    pub verdict: &'static str,
    /// The reason for the verdict.
    pub reason: String,
}

/// The devices that a bot sees.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Sight")]
pub struct SightView {
    /// How many; null if they could not be listed.
    pub devices: Option<usize>,
    /// How many of them it may also command.
    pub full_access: usize,
    /// Why they could not be listed.
    pub reason: Option<String>,
}

/// The workspaces and devices that a credential sees, compared with all.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Coverage")]
pub struct CoverageView {
    /// The credential that sees the whole organisation.
    pub against: String,
    /// How many workspaces with devices there are.
    pub workspaces: usize,
    /// How many of them it sees completely.
    pub granted: usize,
    /// The workspaces that it does not see completely.
    pub not_granted: Vec<NotGrantedView>,
    /// How many workspaces have no device.
    pub without_devices: usize,
    /// How many devices are in no workspace.
    pub personal_devices: usize,
}

/// A workspace that the credential does not see completely.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "NotGranted")]
pub struct NotGrantedView {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// How many devices are in it.
    pub devices: usize,
    /// How many of them the credential sees.
    pub seen: usize,
}

impl TestedView {
    /// The outcome of the test of the credential with this name.
    pub fn of(name: &CredentialName, outcome: &Result<TestReport, Problem>, now: &Moment) -> Self {
        let report = outcome.as_ref().ok().map(|report| TestView::of(report, now));
        let problem = outcome.as_ref().err();
        Self {
            name: name.to_string(),
            ok: report.as_ref().is_some_and(|report| report.ok),
            report,
            error: problem.map(ToString::to_string),
            hint: problem.and_then(|problem| problem.next_step()).map(str::to_owned),
        }
    }
}

impl TestView {
    /// The findings of a test.
    pub fn of(report: &TestReport, now: &Moment) -> Self {
        let (finding, reason) = match &report.token {
            TokenFinding::Accepted => ("accepted", None),
            TokenFinding::Renewed => ("renewed", None),
            TokenFinding::Refused(trouble) => ("refused", Some(trouble.message.clone())),
            TokenFinding::None(problem) => ("none", Some(problem.to_string())),
            TokenFinding::Unknown(why) => ("unknown", Some(why.clone())),
        };
        Self {
            credential: CredentialView::of(&report.credential, now),
            ok: report.class().is_none(),
            token: FindingView { finding, reason },
            jobs: report.jobs.iter().map(JobView::of).collect(),
            sees: report.sight.as_ref().map(SightView::of),
            coverage: report.coverage.as_ref().map(CoverageView::of),
        }
    }
}

impl JobView {
    fn of(report: &JobReport) -> Self {
        let needs = report.needs.iter().map(NeedView::of).collect();
        Self { job: report.job.as_str(), impossible: report.impossible.clone(), needs }
    }
}

impl NeedView {
    fn of(need: &NeedReport) -> Self {
        let (verdict, reason) = match &need.verdict {
            NeedVerdict::Granted(why) => ("granted", why),
            NeedVerdict::Missing(why) => ("missing", why),
            NeedVerdict::Unknown(why) => ("unknown", why),
        };
        Self { what: need.what.clone(), scopes: need.scopes.clone(), verdict, reason: reason.clone() }
    }
}

impl SightView {
    fn of(sight: &Sight) -> Self {
        Self { devices: sight.devices, full_access: sight.full, reason: sight.unknown.clone() }
    }
}

impl CoverageView {
    fn of(coverage: &Coverage) -> Self {
        let not_granted = coverage.not_granted.iter().map(|workspace| NotGrantedView {
            name: workspace.name.clone(),
            id: workspace.id.as_str().to_owned(),
            devices: workspace.devices,
            seen: workspace.seen,
        });
        Self {
            against: coverage.against.to_string(),
            workspaces: coverage.workspaces,
            granted: coverage.granted,
            not_granted: not_granted.collect(),
            without_devices: coverage.without_devices,
            personal_devices: coverage.personal,
        }
    }
}
