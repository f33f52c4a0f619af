//! The needs of a job, and whether a credential meets them.

use http::StatusCode;
use lanyard_credential::{Credential, Job, Probe};
use lanyard_secret::AccessToken;
use serde::{Deserialize, Serialize};

use crate::Broker;

/// The needs of a job, held against a credential.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobReport {
    /// The job.
    pub job: Job,
    /// Why the credential cannot do it at all, whatever its scopes.
    pub impossible: Option<String>,
    /// Each need.
    pub needs: Vec<NeedReport>,
}

impl JobReport {
    /// Whether something is surely missing.
    pub fn lacks(&self) -> bool {
        self.impossible.is_some() || self.needs.iter().any(|need| matches!(need.verdict, NeedVerdict::Missing(_)))
    }
}

/// One thing that a job does at Webex, and whether it may.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NeedReport {
    /// Its purpose, in words.
    pub what: String,
    /// The scopes that allow it; one of them is enough.
    pub scopes: Vec<String>,
    /// Whether it is met.
    pub verdict: NeedVerdict,
}

/// Whether something is allowed, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NeedVerdict {
    /// It is.
    Granted(String),
    /// It is not.
    Missing(String),
    /// That cannot be known from here; the sentence says why.
    Unknown(String),
}

impl Broker {
    pub(super) async fn test_job(&self, job: Job, credential: &Credential, token: &AccessToken) -> JobReport {
        let impossible = job.impossible_for(credential.kind).map(str::to_owned);
        let mut needs = Vec::new();
        if impossible.is_none() {
            for need in job.needs() {
                let verdict = match (&credential.scopes, &need.probe) {
                    (Some(granted), _) if need.met_by(granted) => NeedVerdict::Granted("Webex named it among the granted scopes".to_owned()),
                    (Some(_), _) => NeedVerdict::Missing("Webex named the granted scopes, and this is not among them".to_owned()),
                    (None, Some(probe)) => self.probe(credential, token, probe).await,
                    (None, None) => NeedVerdict::Unknown(
                        "Webex did not say which scopes were granted, and to try this would change something or needs an id"
                            .to_owned(),
                    ),
                };
                needs.push(NeedReport {
                    what: need.what.to_owned(),
                    scopes: need.scopes.iter().map(ToString::to_string).collect(),
                    verdict,
                });
            }
        }
        JobReport { job, impossible, needs }
    }

    /// One harmless GET.
    async fn probe(&self, credential: &Credential, token: &AccessToken, probe: &Probe) -> NeedVerdict {
        let environment = &credential.environment;
        let request = probe.request(environment).bearer(token);
        match self.transport.call(environment, request, &Broker::calls_of(credential)).await {
            Err(error) => NeedVerdict::Unknown(error.to_string()),
            Ok(exchange) => match exchange.response.status {
                status if status.is_success() => NeedVerdict::Granted("it was tried just now".to_owned()),
                StatusCode::FORBIDDEN => NeedVerdict::Missing(
                    "Webex refused it just now: a scope, a role or a licence is missing, and it does not say which"
                        .to_owned(),
                ),
                StatusCode::TOO_MANY_REQUESTS => {
                    NeedVerdict::Unknown("Webex limits the calls; test again later".to_owned())
                }
                status => NeedVerdict::Unknown(format!("Webex answered with {status}")),
            },
        }
    }
}
