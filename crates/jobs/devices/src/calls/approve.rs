//! New devices, approved by a person.

use std::collections::BTreeSet;

use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_store::{About, Event, StoreError};
use lanyard_work::JobContext;
use serde::{Deserialize, Serialize};

use crate::calls::device::DeviceView;
use crate::calls::find::{Meant, find};
use crate::calls::watch::JOB;
use crate::calls::watched::{Watched, chosen};
use crate::names::WatchName;
use crate::seen::{self, Seen};
use crate::unit::wake;
use crate::watch::stored;

/// Approves devices that wait, so that their states count.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApproveDevices {
    /// The devices, each by its name, serial number, hardware address or id; all that wait if there are none.
    pub devices: Vec<String>,
    /// Only those of this watch.
    pub watch: Option<WatchName>,
}

impl Operation for ApproveDevices {
    const DECLARED: Declaration = Declaration::change("devices.approve");

    type Context = JobContext;
    type Reply = Vec<DeviceView>;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<Vec<DeviceView>, Problem> {
        let all = chosen(job, self.watch.as_ref()).await?;
        let wanted: Vec<(&Watched, &str, &Seen)> = if self.devices.is_empty() {
            all.iter()
                .flat_map(|found| found.devices.iter().map(move |(id, seen)| (found, id.as_str(), seen)))
                .filter(|(_, _, seen)| seen.is_waiting)
                .collect()
        } else {
            self.devices.iter().map(|text| find(&all, text, Meant::OrLike)).collect::<Result<_, _>>()?
        };
        if let Some((_, _, seen)) = wanted.iter().find(|(_, _, seen)| !seen.is_waiting) {
            return Err(Problem::new(Code::BadRequest, format!("{:?} does not wait for approval", seen.facts.name))
                .hint("see what waits: lanyard devices list"));
        }
        let at = job.store.time().await.map_err(|error| stored(&error))?;
        let (mut approved, mut woken) = (Vec::new(), BTreeSet::new());
        for (watched, id, seen) in wanted {
            let what = format!("device {} of the watch {} approved", seen.facts.name, watched.watch.name);
            let event = Event::JobChanged { job: JOB.to_owned(), what };
            let done = job
                .store
                .write_rows(|mut tx| {
                    let event = event.clone();
                    async move {
                        if !seen::approve(&mut tx, (&watched.id, id), at).await? {
                            return tx.abandon(false).await;
                        }
                        tx.record(About::Home, event);
                        tx.commit::<_, StoreError>(true).await
                    }
                })
                .await;
            if done.map_err(|error| stored(&error))? {
                approved.push(watched.view(id, seen, None));
                woken.insert(&*watched.id);
            }
        }
        // Their statuses and places count now.
        for watch in woken {
            wake(job, watch).await.map_err(|error| stored(&error))?;
        }
        Ok(approved)
    }
}
