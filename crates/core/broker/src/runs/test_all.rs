//! Testing every credential: a run.

use futures_util::StreamExt as _;
use lanyard_credential::{Capability, Job};
use lanyard_operation::{Declaration, Problem};
use lanyard_work::{Claim, Halt, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calls::test::Test;
use crate::views::TestedView;
use crate::{Broker, Error};

/// Tests every credential. A run that is continued after its process ended begins again: a test changes nothing.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestAll {
    /// The jobs to test them for.
    pub jobs: Vec<Job>,
}

/// How far the tests have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestProgress {
    /// How many credentials were tested.
    pub tested: usize,
    /// How many there are.
    pub of: usize,
    /// How many of those that were tested do not work, or lack something.
    pub failing: usize,
}

/// The number of tests at the same time.
const AT_ONCE: usize = 8;

impl Run for TestAll {
    const DECLARED: Declaration = Declaration::read("credential.test-all").needs(Capability::Refresh);

    type Context = Broker;
    type Outcome = Vec<TestedView>;
    type Error = Problem;

    async fn run(self, broker: &Broker, claim: &Claim) -> Result<Result<Vec<TestedView>, Problem>, Halt> {
        let all: Vec<_> = broker.store.credentials().await?.into_iter().map(|credential| credential.name).collect();
        let mut tests = futures_util::stream::iter(all.clone())
            .map(|name| {
                let test = Test { name: name.clone(), jobs: self.jobs.clone(), against: None, expected: None };
                async move { (name, broker.run(test).await.map_err(|error: Error| Problem::from(error))) }
            })
            .buffered(AT_ONCE);
        let mut progress = TestProgress { tested: 0, of: all.len(), failing: 0 };
        let mut tested = Vec::with_capacity(all.len());
        claim.progress(&progress).await?;
        while let Some((name, outcome)) = tests.next().await {
            let view = TestedView::of(&name, &outcome, &broker.clock.now());
            progress.tested += 1;
            progress.failing += usize::from(!view.ok);
            tested.push(view);
            if progress.tested.is_multiple_of(AT_ONCE) || progress.tested == progress.of {
                claim.progress(&progress).await?;
            }
        }
        Ok(Ok(tested))
    }
}
