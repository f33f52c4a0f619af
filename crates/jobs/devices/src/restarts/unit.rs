//! The recurring unit that restarts a device in its window.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_client::{ApiError, CallOptions};
use lanyard_credential::Credential;
use lanyard_operation::Problem;
use lanyard_protocol::{ConnectionStatus, Device, DeviceId, XapiAnswer, XapiName};
use lanyard_store::{Event, StoreError};
use lanyard_work::{Claim, Halt, Handlers, JobContext, Next};
use serde_json::{Map, Value, json};

use super::plan::{Due, Restart, RestartState};
use crate::facts::FULL;
use crate::outcome::{called, is_outcome_unknown, is_refused};
use crate::sweep::about;
use crate::watch::{credential_of, watch};

/// The kind of the unit. Its key has the ids of the watch and of the device.
pub(crate) const RESTART: &str = "devices.restart";

/// The time between two tries within the window.
const AGAIN: Duration = Duration::from_mins(2);
/// No unit waits longer.
const LONGEST: Duration = Duration::from_hours(12);
/// The job, as the audit names it.
const JOB: &str = "devices";

/// Adds the work that a broker does with planned restarts.
pub(crate) fn work(handlers: &mut Handlers, job: &JobContext) {
    let job = job.clone();
    handlers.add(RESTART, move |claim| {
        let job = job.clone();
        async move { restart(&job, &claim).await }
    });
}

/// Forgets the restarts of a watch that was removed.
pub(crate) async fn remove(job: &JobContext, watch: &str) -> Result<(), StoreError> {
    for unit in job.queue.all_recurring(RESTART).await? {
        let key = &unit.document.key;
        if key.split('/').next() == Some(watch) {
            job.queue.remove(RESTART, key).await?;
        }
    }
    Ok(())
}

async fn restart(job: &JobContext, claim: &Claim) -> Result<Next, Halt> {
    let id = claim.document().key.split('/').next().unwrap_or_default().to_owned();
    let found = match watch(&job.store, &id).await {
        // It is named where watches are listed.
        Err(error) if error.is_of_one_row() => return Ok(Next::Again(LONGEST)),
        found => found?,
    };
    let (Some(found), Some(plan)) = (found, claim.earlier::<Restart>()) else {
        // The watch was removed, or the plan is not one of this version.
        claim.remove().await?;
        return Err(Halt::Lost);
    };
    let credential = credential_of(&job.store, found.watch.credential).await?;
    let on_behalf_of = about(credential.as_ref());
    let end = async |state, reason: Option<String>| -> Result<Next, Halt> {
        let at = job.store.time().await?;
        let ended = Restart { state, at: Some(at), reason, ..plan.clone() };
        claim.progress_about(&ended, Some((&on_behalf_of, &told(&ended)))).await?;
        Ok(Next::Again(LONGEST))
    };
    let now = job.store.time().await?;
    match plan.due(now) {
        Due::At(at) => return Ok(Next::Again(until(at, now))),
        Due::Missed => {
            let reason = plan.reason.clone().unwrap_or_else(|| "no broker ran in that time".to_owned());
            return end(RestartState::Missed, Some(reason)).await;
        }
        Due::Lost => {
            let reason = "the process that sent the command ended before the answer came".to_owned();
            return end(RestartState::Unknown, Some(reason)).await;
        }
        Due::Forgotten(at) if now < at => return Ok(Next::Again(until(at, now))),
        Due::Forgotten(_) => {
            claim.remove().await?;
            return Err(Halt::Lost);
        }
        Due::Now => {}
    }
    let checked = tokio::select! {
        halt = claim.halted() => return Err(halt),
        checked = check(job, &plan, credential.as_ref()) => checked,
    };
    let again = async |reason: String| -> Result<Next, Halt> {
        claim.progress(&Restart { reason: Some(reason), ..plan.clone() }).await?;
        // Once more at the end of the window, which tells that it was missed.
        Ok(Next::Again(AGAIN.min(until(plan.until, now))))
    };
    let (device, credential) = match (checked, credential) {
        (Ok(device), Some(credential)) => (device, credential),
        (Err(reason), _) => return again(reason).await,
        (Ok(_), None) => return again("the credential of the watch was removed".to_owned()).await,
    };
    // The check may have taken long, or the machine slept meanwhile.
    let now = job.store.time().await?;
    if plan.due(now) != Due::Now {
        return Ok(Next::Again(Duration::ZERO));
    }
    let sending = Restart { state: RestartState::Sending, at: Some(now), reason: None, ..plan.clone() };
    let what = format!(
        "command SystemUnit.Boot(Action) to be sent to {} ({}) of the watch {}, as planned by {}",
        plan.room,
        plan.serial.as_deref().unwrap_or(&plan.device),
        found.watch.name,
        plan.by
    );
    let recorded = Event::JobChanged { job: JOB.to_owned(), what };
    if let Err(halt) = claim.progress_about(&sending, Some((&on_behalf_of, &recorded))).await {
        // Nothing was sent. If this cannot be written either, the outcome is told as unknown.
        if !matches!(halt, Halt::Lost) {
            let _ = claim.progress(&plan).await;
        }
        return Err(halt);
    }
    match send(job, &credential, &device).await {
        Ok(()) => end(RestartState::Restarted, None).await,
        Err(ApiError::Call(error)) if is_outcome_unknown(&error) => {
            end(RestartState::Unknown, Some(error.to_string())).await
        }
        Err(ApiError::Call(error)) if is_refused(&error) => {
            end(RestartState::Refused, Some(called(ApiError::Call(error)).to_string())).await
        }
        // Nothing was carried out, and it may be later.
        Err(error) => again(called(error).to_string()).await,
    }
}

/// How long it is until a time.
fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default().min(LONGEST)
}

/// The device, if it can be restarted now; otherwise the reason why not.
async fn check(job: &JobContext, plan: &Restart, credential: Option<&Credential>) -> Result<DeviceId, String> {
    let credential = credential.ok_or("the credential of the watch was removed")?;
    let said = |error: ApiError<Problem>| called(error).to_string();
    let (client, options, id) = (job.client(credential), CallOptions::default(), DeviceId::new(plan.device.as_str()));
    let device: Device = client.resource(|environment| Device::show(environment, &id), &options).await.map_err(said)?;
    if !matches!(device.connection_status, ConnectionStatus::Connected | ConnectionStatus::ConnectedWithIssues) {
        return Err(format!("it is not connected: Webex says \"{}\"", device.connection_status.as_str()));
    }
    if !device.permissions.iter().any(|held| held == FULL) {
        return Err(format!("{} has Read Only on it, and a restart needs Full", credential.name));
    }
    let names: Vec<XapiName> = CALLS.parse().into_iter().collect();
    let status = client.resource(|environment| XapiAnswer::status(environment, &id, &names), &options).await;
    let status: XapiAnswer = status.map_err(said)?;
    match calls(&status.result) {
        Some(0) => Ok(id),
        Some(_) => Err("it is in a call".to_owned()),
        None => Err("it does not say whether it is in a call".to_owned()),
    }
}

/// The status that counts the calls of a device.
const CALLS: &str = "SystemUnit.State.NumberOfActiveCalls";

/// The number of calls in a tree of statuses.
fn calls(tree: &Value) -> Option<u64> {
    let mut found = tree;
    for word in CALLS.split('.') {
        let fields = found.as_object()?;
        found = fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(word)).map(|(_, value)| value)?;
    }
    found.as_u64().or_else(|| found.as_str()?.trim().parse().ok())
}

/// Sends the command, once.
async fn send(job: &JobContext, credential: &Credential, device: &DeviceId) -> Result<(), ApiError<Problem>> {
    let name: XapiName = "SystemUnit.Boot".parse().expect("words with dots between them are a name");
    let arguments = Map::from_iter([("Action".to_owned(), Value::from("Restart"))]);
    let request = |environment: &_| XapiAnswer::command(environment, device, &name, &arguments);
    let _: XapiAnswer = job.client(credential).resource(request, &CallOptions::once()).await?;
    Ok(())
}

/// The event that tells people the outcome of a restart.
fn told(ended: &Restart) -> Event {
    let is_well = ended.state == RestartState::Restarted;
    let details = [
        ("watch", json!(ended.watch)),
        ("device", json!(ended.room)),
        ("device_id", json!(ended.device)),
        ("serial", json!(ended.serial)),
        ("outcome", json!(ended.state)),
        ("planned_by", json!(ended.by)),
    ];
    let details = details.into_iter().filter(|(_, value)| !value.is_null());
    Event::JobAlert {
        job: JOB.to_owned(),
        news: "device.restart".to_owned(),
        state: "none".to_owned(),
        severity: if is_well { "info" } else { "warning" }.to_owned(),
        summary: ended.said(),
        hint: (!is_well).then(|| "lanyard devices restart --list".to_owned()),
        details: details.map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_calls_is_read_as_a_number_or_a_text() {
        let tree = |number: Value| json!({ "SystemUnit": { "State": { "NumberOfActiveCalls": number } } });
        assert_eq!(
            [json!(0), json!("1"), json!(" 2 ")].map(|number| calls(&tree(number))),
            [Some(0), Some(1), Some(2)]
        );
        for number in [json!(null), json!("many"), json!(-1), json!([0]), json!("")] {
            assert_eq!(calls(&tree(number.clone())), None, "{number}");
        }
        assert_eq!(calls(&json!({ "SystemUnit": [] })), None);
    }
}
