//! Testing: what a credential is, and what it can do, in words that are true.

mod coverage;
mod job;

use lanyard_credential::{Capability, Credential, CredentialName, Job, Kind, Renewal, Standing, Trouble, TroubleKind};
use lanyard_operation::{About, Class, Declaration, Operation, Problem};
use lanyard_protocol::Environment;
use lanyard_secret::AccessToken;
use serde::{Deserialize, Serialize};

pub use self::coverage::{Coverage, NotGranted, Sight};
pub use self::job::{JobReport, NeedReport, NeedVerdict};
use crate::environment::expect;
use crate::error::class_of;
use crate::identity::differs;
use crate::renewal::{HandOut, TokenVerdict};
use crate::{Broker, Error, Obstacle};

operations![Test];

/// Tests a credential: asks Webex who it acts as, tries what each job needs, and compares what it sees with what there is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// The credential.
    pub name: CredentialName,
    /// The jobs that it is wanted for.
    pub jobs: Vec<Job>,
    /// A credential that sees the whole organisation, to compare with.
    pub against: Option<CredentialName>,
    /// The Webex that the caller takes it to belong to; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
}

/// The findings of a test.
#[derive(Debug, Serialize, Deserialize)]
pub struct TestReport {
    /// The credential, as it stands after the test.
    pub credential: Credential,
    /// The verdict of Webex on its token.
    pub token: TokenFinding,
    /// The needs of each job; empty if the token is not accepted.
    pub jobs: Vec<JobReport>,
    /// The devices that a bot sees.
    pub sight: Option<Sight>,
    /// The devices and workspaces that it does not see.
    pub coverage: Option<Coverage>,
    /// The reason why it cannot be renewed, if no attempt has shown that yet.
    pub obstacle: Option<Trouble>,
}

/// The verdict of Webex on a token.
#[derive(Debug, Serialize, Deserialize)]
pub enum TokenFinding {
    /// It is accepted.
    Accepted,
    /// It was not, and a new one is.
    Renewed,
    /// It is not accepted, and no new one is to be had.
    Refused(Trouble),
    /// There is none.
    None(Box<Problem>),
    /// Webex could not be asked.
    Unknown(String),
}

impl TestReport {
    /// Why the credential is not renewed, although Webex accepts its token.
    pub fn renewal_trouble(&self) -> Option<&Trouble> {
        match &self.token {
            TokenFinding::Accepted => self.credential.standing.trouble().or(self.obstacle.as_ref()),
            TokenFinding::Renewed | TokenFinding::Refused(_) | TokenFinding::None(_) | TokenFinding::Unknown(_) => None,
        }
    }

    /// Why the credential is not all right, as far as could be known; `None` if everything that was asked for is there.
    pub fn class(&self) -> Option<Class> {
        match &self.token {
            TokenFinding::Refused(_) => return Some(Class::PersonMustAct),
            TokenFinding::None(error) => return Some(error.class()),
            TokenFinding::Unknown(_) => return Some(Class::Unreachable),
            TokenFinding::Accepted | TokenFinding::Renewed => {}
        }
        if let Some(trouble) = self.renewal_trouble() {
            return Some(class_of(trouble.kind));
        }
        let lacking = self.jobs.iter().any(JobReport::lacks);
        let wanted = self.jobs.iter().any(|report| report.job == Job::Devices);
        let blind = wanted && self.sight.as_ref().is_some_and(|sight| sight.devices == Some(0));
        let uncovered = self.coverage.as_ref().is_some_and(|coverage| !coverage.not_granted.is_empty());
        (lacking || blind || uncovered).then_some(Class::PersonMustAct)
    }
}

impl Operation for Test {
    const DECLARED: Declaration = Declaration::read("credential.test").needs(Capability::Refresh);

    type Context = Broker;
    type Reply = TestReport;
    type Error = Error;

    fn about(&self) -> About<'_> {
        About::Named([&self.name].into_iter().chain(&self.against).collect())
    }

    async fn run(self, broker: &Broker) -> Result<TestReport, Error> {
        let handed = match broker.usable_token(&self.name, self.expected.as_ref()).await {
            Ok(handed) => handed,
            Err(error) => return broker.without_token(&self.name, error).await,
        };
        let (credential, token, finding) = handed;
        let obstacle = broker.obstacle(&credential).await?;
        let mut report =
            TestReport { credential, token: finding, jobs: Vec::new(), sight: None, coverage: None, obstacle };
        let Some(token) = token else { return Ok(report) };
        for job in self.jobs {
            report.jobs.push(broker.test_job(job, &report.credential, &token).await);
        }
        if report.credential.kind == Kind::Bot {
            report.sight = Some(broker.sight(&report.credential, &token).await);
        }
        if let Some(against) = &self.against {
            report.coverage = Some(broker.coverage(&report.credential, &token, against).await?);
        }
        Ok(report)
    }
}

impl Broker {
    /// A token that Webex accepts, and what it took to have it.
    async fn usable_token(
        &self,
        name: &CredentialName,
        expected: Option<&Environment>,
    ) -> Result<(Credential, Option<AccessToken>, TokenFinding), Error> {
        let hand_out =
            || HandOut { name: name.clone(), min_validity: std::time::Duration::ZERO, expected: expected.cloned() };
        self.revive(name, expected).await?;
        let handed = self.run(hand_out()).await?;
        let (token, finding) = match self.identify(&handed.credential.environment, &handed.token).await {
            Ok(identity) => {
                if let Some((before, now)) = differs(&handed.credential, &identity) {
                    // A token cannot become another's: something else answered in Webex's place.
                    (None, TokenFinding::Unknown(format!("the answer names {now}, and the token is {before}'s")))
                } else {
                    let standing = handed.credential.standing.clone();
                    self.learn(&handed.credential, identity, standing).await?;
                    (Some(handed.token), TokenFinding::Accepted)
                }
            }
            Err(error) if error.is_unauthorized() => match self.replace_refused(&handed.credential).await? {
                TokenVerdict::Refused(trouble) => (None, TokenFinding::Refused(trouble)),
                TokenVerdict::Accepted => (Some(handed.token), TokenFinding::Accepted),
                TokenVerdict::Renewed => (Some(self.run(hand_out()).await?.token), TokenFinding::Renewed),
            },
            Err(error) => (None, TokenFinding::Unknown(error.to_string())),
        };
        Ok((self.again(&handed.credential).await?, token, finding))
    }

    /// Asks Webex about a token that it refused, and that nobody renews: it may have been mistaken, and nobody else would ask again
    /// for hours.
    async fn revive(&self, name: &CredentialName, expected: Option<&Environment>) -> Result<(), Error> {
        let row = self.row(name).await?;
        let credential = &row.credential;
        expect(name, &credential.environment, expected)?;
        let is_dead =
            matches!(&credential.standing, Standing::NeedsLogin(trouble) if trouble.kind == TroubleKind::DeadToken);
        if !is_dead || credential.renewal() != Renewal::None {
            return Ok(());
        }
        let Some(token) = self.store.open_access(&row)? else { return Ok(()) };
        match self.identify(&credential.environment, &token).await {
            Ok(identity) if differs(credential, &identity).is_none() => {
                self.learn(credential, identity, Standing::Active).await
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The reason why a credential cannot be minted again.
    async fn obstacle(&self, credential: &Credential) -> Result<Option<Trouble>, Error> {
        if credential.mint.is_none() {
            return Ok(None);
        }
        let (all, now) = (self.store.credentials().await?, self.clock.now());
        let obstacle = Obstacle::among(credential, &all, &now);
        Ok(obstacle.map(|obstacle| Trouble {
            message: format!("it cannot be minted again: {}", obstacle.words(&now)),
            at: now.clone(),
            kind: TroubleKind::ViaUnusable,
            failures: 0,
            pause: std::time::Duration::ZERO,
        }))
    }

    /// A credential without a token is tested, too: the report says why there is none.
    async fn without_token(&self, name: &CredentialName, error: Error) -> Result<TestReport, Error> {
        let tells = matches!(
            error,
            Error::NoToken { .. } | Error::Ended { .. } | Error::NotHandingOut { .. } | Error::EndsAtOnce { .. }
        );
        if !tells {
            return Err(error);
        }
        Ok(TestReport {
            credential: self.credential(name).await?,
            token: TokenFinding::None(Box::new(error.into())),
            jobs: Vec::new(),
            sight: None,
            coverage: None,
            obstacle: None,
        })
    }
}
