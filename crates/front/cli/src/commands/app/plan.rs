//! Instructions for registering an app at Webex: the page, the redirect URI, and the scopes that its jobs need.

use std::fmt::Write as _;

use lanyard_credential::{AppKind, Job, Kind};
use lanyard_protocol::oauth::RedirectUri;
use lanyard_protocol::{Environment, Scope, ScopeSet, registrable_scopes};

use super::holder;
use crate::exit::Failure;
use crate::output;

/// An app that is to be registered.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) kind: AppKind,
    pub(crate) scopes: ScopeSet,
    /// The redirect URIs of an integration; empty if people sign in with a code.
    pub(crate) redirect_uris: Vec<RedirectUri>,
}

/// Returns the default redirect URI, to which a browser on the same machine returns.
///
/// # Panics
/// Never: the address is a constant.
pub(crate) fn usual_redirect_uri() -> RedirectUri {
    USUAL_REDIRECT_URI.parse().expect("a constant address is well formed")
}

/// Returns a parser of jobs, which lists their names in the help.
pub(crate) fn job() -> impl clap::builder::TypedValueParser<Value = Job> {
    use clap::builder::TypedValueParser as _;
    clap::builder::PossibleValuesParser::new(Job::ALL.map(Job::as_str))
        .map(|text| text.parse().expect("the parser accepts only the names of jobs"))
}

impl Plan {
    /// Plans an app for some jobs; chosen scopes replace those of the jobs. Fails if an app of this kind cannot do a job.
    pub(crate) fn new(
        kind: AppKind,
        jobs: &[Job],
        chosen: &[Scope],
        redirect_uris: Vec<RedirectUri>,
    ) -> Result<Self, Failure> {
        let (holds, other) = match kind {
            AppKind::Integration => (Kind::Integration, AppKind::ServiceApp),
            AppKind::ServiceApp => (Kind::ServiceApp, AppKind::Integration),
            AppKind::WorkspaceIntegration => (Kind::WorkspaceIntegration, AppKind::Integration),
        };
        for job in jobs {
            if let Some(why) = job.impossible_for(holds) {
                return Err(Failure::Usage {
                    message: format!("{} cannot do the job {job}: {why}", with_article(kind)),
                    hint: format!("--kind {}", other.as_str()),
                });
            }
        }
        let scopes = if chosen.is_empty() { scopes(kind, jobs) } else { chosen.iter().cloned().collect() };
        Ok(Self { kind, scopes, redirect_uris })
    }

    /// Prints what to do at Webex, step by step.
    pub(crate) fn print(&self, environment: &Environment) {
        let (kind, page) = (self.kind, environment.pages().apps);
        output::note(&format!("register {} at Webex:", with_article(kind)));
        let create = match kind {
            AppKind::Integration => "Create an integration",
            AppKind::ServiceApp => "Create a service app",
            AppKind::WorkspaceIntegration => "Upload a manifest",
        };
        output::note(&format!("  1. open {page} and choose {create}"));
        let mut step = 2;
        if !self.redirect_uris.is_empty() {
            output::note(&format!("  {step}. enter this redirect URI:"));
            self.redirect_uris.iter().for_each(|uri| output::note(&format!("       {uri}")));
            step += 1;
        }
        output::note(&format!("  {step}. tick these scopes:"));
        self.scopes.iter().for_each(|scope| output::note(&format!("       {scope}")));
        output::note(&format!("  {}. create it, and copy the client id and the client secret", step + 1));
    }

    /// Returns the options of `app add` that describe this plan.
    pub(crate) fn options(&self, jobs: &[Job]) -> String {
        let mut options = format!("--kind {}", self.kind.as_str());
        for job in jobs {
            let _ = write!(options, " --for {job}");
        }
        if jobs.is_empty() && self.kind == AppKind::Integration {
            let _ = write!(options, " --scope '{}'", self.scopes);
        }
        if jobs.is_empty() || self.redirect_uris != [usual_redirect_uri()] {
            for uri in &self.redirect_uris {
                let _ = write!(options, " --redirect-uri {uri}");
            }
        }
        if self.kind == AppKind::Integration && self.redirect_uris.is_empty() {
            options.push_str(" --device");
        }
        options
    }
}

/// Returns the scopes that an app needs for these jobs, and those with which Lanyard reads its identity. If several scopes allow
/// the same thing, the first that such an app can have is chosen.
fn scopes(kind: AppKind, jobs: &[Job]) -> ScopeSet {
    let offered = registrable_scopes(holder(kind));
    let own = match kind {
        AppKind::Integration => &["spark:people_read"][..],
        AppKind::ServiceApp | AppKind::WorkspaceIntegration => &["spark:people_read", "spark-admin:organizations_read"],
    };
    let of_jobs = jobs.iter().flat_map(|job| job.needs()).filter_map(|need| {
        let parsed = need.scopes.iter().filter_map(|scope| scope.parse::<Scope>().ok());
        parsed.into_iter().find(|scope| offered.contains(scope))
    });
    own.iter().filter_map(|scope| scope.parse().ok()).chain(of_jobs).collect()
}

fn with_article(kind: AppKind) -> &'static str {
    match kind {
        AppKind::Integration => "an integration",
        AppKind::ServiceApp => "a service app",
        AppKind::WorkspaceIntegration => "a workspace integration",
    }
}

const USUAL_REDIRECT_URI: &str = "http://localhost:7418/callback";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_need_of_a_possible_job_has_a_scope_that_the_app_can_have() {
        for (kind, holds) in [(AppKind::Integration, Kind::Integration), (AppKind::ServiceApp, Kind::ServiceApp)] {
            for job in Job::ALL.into_iter().filter(|job| job.impossible_for(holds).is_none()) {
                let scopes = Plan::new(kind, &[job], &[], Vec::new()).unwrap().scopes;
                for need in job.needs() {
                    assert!(need.met_by(&scopes), "{kind} {job}: {}", need.what);
                }
            }
        }
    }

    #[test]
    fn a_job_that_the_kind_cannot_do_is_refused() {
        let refused = Plan::new(AppKind::ServiceApp, &[Job::Phones], &[], Vec::new()).unwrap_err();
        assert!(refused.to_string().starts_with("a service app cannot do the job phones"), "{refused}");
        assert!(Plan::new(AppKind::Integration, &[Job::Guests], &[], Vec::new()).is_err());
    }
}
