//! `GET /api/v1/runs/{id}/events`: a run as server-sent events.

use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::unfold;
use http::Uri;
use lanyard_operation::{Door as _, Provides as _, perform};
use lanyard_work::{HasQueue as _, RunView, ShowRun, UnitId};

use super::path::FromPath as _;
use crate::caller::Caller;
use crate::extract::{Authenticated, Refusal, Serving};
use crate::problem::Problem;
use crate::shared::BrokerDoor;
use crate::shared::Shared;

pub(super) const EVENTS: &str = "/api/v1/runs/{id}/events";

/// How often the run is read.
const EVERY: Duration = Duration::from_millis(500);
/// A comment is sent after so many reads without a change, so that proxies keep the connection open.
const SILENT: u32 = 30;

/// A run that a caller follows.
struct Followed {
    shared: Arc<Shared>,
    caller: Caller,
    id: UnitId,
    /// As it was sent last.
    sent: Option<RunView>,
    has_ended: bool,
}

/// Sends the run as it is, and again with every change, until it ends. Each event is named `run`, and its data is the run in JSON.
pub(super) async fn follow(Serving(shared): Serving, Authenticated(caller): Authenticated, uri: Uri) -> Response {
    let begun = async {
        let id = UnitId::read(uri.path())?;
        let door = BrokerDoor(Arc::clone(&shared));
        let run = perform(&door, &shared.context(), &caller, ShowRun { id: id.clone() }).await?;
        Ok::<_, Problem>((id, run))
    };
    let (id, run) = match begun.await {
        Ok(begun) => begun,
        Err(problem) => return Refusal(problem).into_response(),
    };
    let first = Event::default().event("run").json_data(&run);
    let followed = Followed { shared, caller, id, has_ended: run.state.is_end(), sent: Some(run) };
    let first = futures_util::stream::iter([first]);
    let rest = unfold(followed, |mut followed| async move {
        let event = followed.next().await?;
        Some((event, followed))
    });
    Sse::new(futures_util::StreamExt::chain(first, rest)).into_response()
}

impl Followed {
    /// The next event; `None` once the run has ended, the caller may no longer see it, or the broker stops.
    async fn next(&mut self) -> Option<Result<Event, axum::Error>> {
        if self.has_ended {
            return None;
        }
        for _ in 0..SILENT {
            self.shared.sleep.sleep(EVERY).await;
            let door = BrokerDoor(Arc::clone(&self.shared));
            if *self.shared.stopping.borrow() || door.again(&self.caller.starter()).is_err() {
                return None;
            }
            // The caller was authorised for this run, whose starter never changes. A store that fails for a moment ends nothing.
            let Ok(found) = self.shared.broker().queue().unit(&self.id).await else { continue };
            let run = RunView::of(&found?);
            let is_new = self.sent.as_ref().is_none_or(|sent| {
                (sent.changed_at, sent.state, &sent.progress) != (run.changed_at, run.state, &run.progress)
            });
            if is_new {
                self.has_ended = run.state.is_end();
                let event = Event::default().event("run").json_data(&run);
                self.sent = Some(run);
                return Some(event);
            }
        }
        Some(Ok(Event::default().comment("")))
    }
}
