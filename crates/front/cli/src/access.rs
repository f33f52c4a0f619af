//! Access to the use cases: in this process, or in the broker that runs in the home.

use std::pin::pin;
use std::sync::Once;
use std::time::Duration;

use lanyard_broker::Broker;
use lanyard_operation::{Caller, Operation, Problem, Provides, perform};
use lanyard_server::owner::{OUR_VERSION, Owner};
use lanyard_time::Sleep;
use lanyard_work::{HasQueue as _, JobContext, Runs};

use crate::{context, output};

/// The process that executes use cases.
#[derive(Debug)]
pub(crate) enum Access {
    /// This process, over the store that it opened.
    Local(Box<Broker>),
    /// The broker that runs in the home; the store stays closed here.
    Remote(Owner),
}

impl Access {
    /// Performs an operation.
    pub(crate) async fn perform<O>(&self, operation: O) -> Result<O::Reply, Problem>
    where
        O: Operation,
        Here: Provides<O::Context>,
    {
        match self {
            Self::Local(broker) => {
                let (door, caller) = (broker.door(), Caller::owner(broker.actor()));
                let here = Here(Broker::clone(broker));
                perform(&door, &here.context(), &caller, operation).await
            }
            Self::Remote(owner) => {
                let silent = || {
                    WAITING.call_once(|| {
                        let socket = owner.socket().display();
                        output::note(&format!(
                            "waiting for the broker on {socket}, which does not answer; Ctrl-C stops"
                        ));
                    });
                };
                let sleep = context::parts().sleep;
                let probe = async { drop(owner.readiness().await) };
                let done = explained(owner.perform(operation), probe, &*sleep, silent);
                // The calls of all commands would add up in the program's one future.
                let done = Box::pin(done).await;
                if done.is_ok()
                    && let Some(theirs) = owner.other_version()
                {
                    WARNED.call_once(|| {
                        output::note(&format!(
                            "warning: the broker that runs in this home is Lanyard {theirs}, and this is {OUR_VERSION}: restart it"
                        ));
                    });
                }
                done
            }
        }
    }
}

/// This process, which performs operations itself.
pub(crate) struct Here(Broker);

impl Provides<Broker> for Here {
    fn context(&self) -> Broker {
        self.0.clone()
    }
}

impl Provides<JobContext> for Here {
    fn context(&self) -> JobContext {
        self.0.job_context()
    }
}

impl Provides<Runs> for Here {
    fn context(&self) -> Runs {
        Runs::new(self.0.queue())
    }
}

/// The warning about another version, printed once per process.
static WARNED: Once = Once::new();
/// The notice of a broker that does not answer, printed once per process.
static WAITING: Once = Once::new();

/// Waits for a call. If it takes long and `probe`, another request to the same process, is not answered either, reports that with
/// `silent`.
async fn explained<T>(
    call: impl Future<Output = T>,
    probe: impl Future<Output = ()>,
    sleep: &dyn Sleep,
    silent: impl FnOnce(),
) -> T {
    let mut call = pin!(call);
    tokio::select! {
        biased;
        done = &mut call => return done,
        () = sleep.sleep(LONG) => {}
    }
    tokio::select! {
        biased;
        done = &mut call => return done,
        () = probe => {}
        () = sleep.sleep(LONG) => silent(),
    }
    call.await
}

/// A call, and then a probe, that takes longer than this.
const LONG: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use lanyard_time::ManualSleep;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_broker_that_answers_nothing_is_reported_and_one_that_is_busy_is_not() {
        for (is_silent, expected) in [(true, 1), (false, 0)] {
            let (end, ended) = oneshot::channel();
            let mut reports = 0;
            let probe = async {
                if is_silent {
                    pending::<()>().await;
                }
            };
            let mut end = Some(end);
            let sleep = ManualSleep::default();
            let waited = explained(ended, probe, &sleep, || {
                reports += 1;
                end.take().unwrap().send(()).unwrap();
            });
            if is_silent {
                waited.await.unwrap();
            } else {
                assert!(tokio::select! { biased; _ = waited => false, () = ready(()) => true });
            }
            assert_eq!(reports, expected);
        }
        let done = explained(ready(7), pending(), &ManualSleep::default(), || panic!("it was answered at once")).await;
        assert_eq!(done, 7);
    }
}
