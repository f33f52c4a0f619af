//! A reading of the devices at once.

use futures_util::StreamExt as _;
use lanyard_operation::{Declaration, Operation, Problem};
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calls::watched::check_labels;
use crate::decide::Swept;
use crate::labels::{WantedLabel, labels_of};
use crate::names::WatchName;
use crate::place_reading::read_places_if_due;
use crate::unit::sweep_and_wake;
use crate::watch::{StoredWatch, named, stored, watches};

/// Reads the devices of one watch, or of all, once. A paused watch is read only if it is named.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// The watch; all if there is none.
    pub watch: Option<WatchName>,
    /// Only those that have all these labels.
    #[serde(default)]
    pub labels: Vec<WantedLabel>,
}

/// A watch that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SweptView {
    /// The watch.
    pub watch: String,
    /// What the reading found.
    #[serde(flatten)]
    pub found: Swept,
}

/// How many watches are read at the same time.
const AT_ONCE: usize = 16;

impl Operation for Sweep {
    const DECLARED: Declaration = Declaration::read("devices.sweep").slow();

    type Context = JobContext;
    type Reply = Vec<SweptView>;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<Vec<SweptView>, Problem> {
        let which = if let Some(name) = &self.watch {
            vec![named(&job.store, name).await?]
        } else {
            // A row that was altered is named where watches are listed.
            let all = watches(&job.store).await.map_err(|error| stored(&error))?;
            let mut all: Vec<_> = all.into_iter().flatten().collect();
            if !self.labels.is_empty() {
                let credentials = job.store.credentials().await.map_err(|error| stored(&error))?;
                let of = |found: &StoredWatch| {
                    let credential = credentials.iter().find(|credential| credential.id == found.watch.credential);
                    labels_of(credential.map(|credential| &credential.labels), &found.watch.labels)
                };
                check_labels(&self.labels, &all.iter().map(of).collect::<Vec<_>>())?;
                all.retain(|found| {
                    let labels = of(found);
                    self.labels.iter().all(|label| label.is_in(&labels))
                });
            }
            all.retain(|found| found.watch.paused_at.is_none());
            all
        };
        Ok(futures_util::stream::iter(which)
            .map(|found| async move {
                // A failure concerns one watch.
                let failed =
                    |error: lanyard_store::StoreError| Swept { blind: Some(error.to_string()), ..Swept::default() };
                let swept = sweep_and_wake(job, &found).await.unwrap_or_else(failed);
                // Without them, only names are missing.
                if let Err(error) = read_places_if_due(job, &found, swept.changed > 0).await {
                    tracing::warn!(%error, watch = %found.watch.name, "the places of a watch cannot be kept");
                }
                SweptView { watch: found.watch.name.to_string(), found: swept }
            })
            .buffered(AT_ONCE)
            .collect()
            .await)
    }
}
