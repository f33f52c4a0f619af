//! The xAPI: statuses that a device reports, and commands to it.

use lanyard_client::{ApiError, CallOptions};
use lanyard_credential::Credential;
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_protocol::{ConnectionStatus, Device, DeviceId, Scope, XapiAnswer, XapiName};
use lanyard_store::{About, Event, StoreError};
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::calls::device::DeviceView;
use crate::calls::find::{Meant, find};
use crate::calls::watch::JOB;
use crate::calls::watched::{Watched, chosen};
use crate::facts::FULL;
use crate::names::WatchName;
use crate::outcome::{called, is_outcome_unknown};
use crate::scope_hint::{COMMANDS, scope_hint};
use crate::watch::stored;

/// Statuses of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct XapiStatusView {
    /// The device.
    pub device: DeviceView,
    /// The statuses, as a tree.
    pub result: Value,
    /// The names of statuses that the device does not have.
    pub missing: Vec<String>,
}

/// Reads statuses of a device.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct XapiGet {
    /// Its name, serial number, hardware address or id.
    pub device: String,
    /// The watch that sees it, for a device that several see.
    pub watch: Option<WatchName>,
    /// The names of the statuses: 10 at most.
    pub names: Vec<XapiName>,
}

impl Operation for XapiGet {
    const DECLARED: Declaration = Declaration::read("devices.xapi.get").slow();

    type Context = JobContext;
    type Reply = XapiStatusView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<XapiStatusView, Problem> {
        if !(1..=XapiAnswer::MOST_NAMES).contains(&self.names.len()) {
            let what = format!("one call reads 1 to {} statuses, and not {}", XapiAnswer::MOST_NAMES, self.names.len());
            return Err(Problem::new(Code::BadRequest, what).hint("read a whole branch by its name, for example Audio"));
        }
        let target = Target::find(job, &self.device, self.watch.as_ref()).await?;
        target.needs("spark:xapi_statuses")?;
        let (client, options) = (job.client(&target.credential), CallOptions::default());
        let request = |environment: &_| XapiAnswer::status(environment, &target.id, &self.names);
        let answer: XapiAnswer = match client.resource(request, &options).await {
            Ok(answer) => answer,
            Err(error) => {
                // What Webex says of a device that is not connected is not documented.
                target.connected(job).await?;
                return Err(called(error));
            }
        };
        let missing = self.names.iter().filter(|name| !has(&answer.result, name.as_str()));
        Ok(XapiStatusView {
            missing: missing.map(ToString::to_string).collect(),
            device: target.view,
            result: answer.result,
        })
    }
}

/// A command that was sent to a device, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct XapiRanView {
    /// The device.
    pub device: DeviceView,
    /// The command.
    pub command: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// Whether it was sent.
    pub sent: bool,
    /// The device's answer.
    pub result: Option<Value>,
}

/// Sends a command to a device, once.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct XapiRun {
    /// Its name, serial number, hardware address or id.
    pub device: String,
    /// The watch that sees it, for a device that several see.
    pub watch: Option<WatchName>,
    /// The command.
    pub command: XapiName,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// Whether nothing is sent, and only what the last reading says is checked.
    pub dry_run: bool,
}

impl Operation for XapiRun {
    const DECLARED: Declaration = Declaration::change("devices.xapi.run").slow();

    type Context = JobContext;
    type Reply = XapiRanView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<XapiRanView, Problem> {
        let Self { device, watch, command, arguments, dry_run } = self;
        if !command.is_command() {
            return Err(Problem::new(Code::BadRequest, format!("{command} is not the name of a command"))
                .hint("a command has words with dots between them, for example Audio.Volume.Set"));
        }
        let target = Target::find(job, &device, watch.as_ref()).await?;
        target.needs(COMMANDS)?;
        if dry_run {
            target.full(target.view.facts.full, &command)?;
            let (device, command) = (target.view, command.to_string());
            return Ok(XapiRanView { device, command, arguments, sent: false, result: None });
        }
        // The last reading may be old: a person may have granted more since.
        let now = target.connected(job).await?;
        target.full(now.permissions.iter().any(|held| held == FULL), &command)?;
        // Arguments may be secrets: only their names are recorded.
        let names: Vec<&str> = arguments.keys().map(String::as_str).collect();
        let what = format!(
            "command {command}({}) to be sent to {} ({}) of the watch {}",
            names.join(", "),
            target.view.room(),
            target.view.facts.serial.as_deref().unwrap_or(target.id.as_str()),
            target.view.watch
        );
        // Recorded before it is sent, so that no end of this process hides it.
        let (event, about) = (
            Event::JobChanged { job: JOB.to_owned(), what },
            About::credential(&target.credential.id, &target.credential.name),
        );
        let recorded = job.store.write_rows(|mut tx| {
            let (event, about) = (event.clone(), about.clone());
            async move {
                tx.record(about, event);
                tx.commit::<_, StoreError>(()).await
            }
        });
        recorded.await.map_err(|error| stored(&error))?;
        let (client, options) = (job.client(&target.credential), CallOptions::default());
        let request = |environment: &_| XapiAnswer::command(environment, &target.id, &command, &arguments);
        let answer: XapiAnswer = client.resource(request, &options).await.map_err(|error| match error {
            ApiError::Call(error) if is_outcome_unknown(&error) => {
                let what = format!("it is not known whether {} carried out {command}: {error}", target.view.room());
                Problem::new(Code::Upstream, what).hint("look at the device before you send the command again")
            }
            error => called(error),
        })?;
        let (device, command) = (target.view, command.to_string());
        Ok(XapiRanView { device, command, arguments, sent: true, result: Some(answer.result) })
    }
}

/// A device that is called, and the credential that calls it.
pub(crate) struct Target {
    pub(crate) watch: String,
    pub(crate) view: DeviceView,
    pub(crate) id: DeviceId,
    pub(crate) credential: Credential,
}

impl Target {
    pub(crate) async fn find(job: &JobContext, device: &str, watch: Option<&WatchName>) -> Result<Self, Problem> {
        let all = chosen(job, watch).await?;
        let (watched, id, seen): (&Watched, _, _) = find(&all, device, Meant::Exactly)?;
        let credential = job.store.credential_by_id(watched.watch.credential).await.map_err(|error| stored(&error))?;
        let credential = credential.ok_or_else(|| {
            let name = &watched.watch.name;
            Problem::new(Code::NoSuchName, format!("the credential of the watch {name} was removed"))
                .hint(format!("remove the watch too: lanyard devices watch remove {name}"))
        })?;
        Ok(Self {
            watch: watched.id.clone(),
            view: watched.view(id, seen, watched.is_blind().as_ref()),
            id: DeviceId::new(id),
            credential,
        })
    }

    /// Refuses a credential of which it is known that it was not granted a scope.
    pub(crate) fn needs(&self, scope: &str) -> Result<(), Problem> {
        let has =
            |granted: &lanyard_protocol::ScopeSet| scope.parse::<Scope>().is_ok_and(|scope| granted.contains(&scope));
        if self.credential.scopes.as_ref().is_none_or(has) {
            return Ok(());
        }
        let name = &self.credential.name;
        Err(Problem::new(Code::PersonMustAct, format!("{name} was not granted {scope}"))
            .hint(scope_hint(&self.credential, scope)))
    }

    /// Whether the credential may command the device, as Webex says now.
    pub(crate) async fn permitted(&self, job: &JobContext) -> Result<bool, Problem> {
        let (client, options) = (job.client(&self.credential), CallOptions::default());
        let device: Device =
            client.resource(|environment| Device::show(environment, &self.id), &options).await.map_err(called)?;
        Ok(device.permissions.iter().any(|held| held == FULL))
    }

    /// The device as Webex shows it now; an error if it is not connected.
    pub(crate) async fn connected(&self, job: &JobContext) -> Result<Device, Problem> {
        let (client, options) = (job.client(&self.credential), CallOptions::default());
        let device: Device =
            client.resource(|environment| Device::show(environment, &self.id), &options).await.map_err(called)?;
        if matches!(device.connection_status, ConnectionStatus::Connected | ConnectionStatus::ConnectedWithIssues) {
            return Ok(device);
        }
        let (room, says) = (self.view.room(), device.connection_status.as_str());
        Err(Problem::new(
            Code::Failed,
            format!("{room} is not connected, so it answers nothing: Webex says \"{says}\""),
        )
        .hint("see since when: lanyard devices list"))
    }

    /// Refuses a command to a device that may only be read.
    pub(crate) fn full(&self, full: bool, command: &XapiName) -> Result<(), Problem> {
        if full {
            return Ok(());
        }
        let room = self.view.room();
        let account = self.credential.subject.known().and_then(|subject| subject.email.clone());
        let account = account.unwrap_or_else(|| "the account".to_owned());
        let name = &self.credential.name;
        Err(Problem::new(Code::PersonMustAct, format!("{name} has Read Only on {room}; {command} needs Full")).hint(
            format!("Control Hub > Workspaces > {room} > Devices > ... > Edit API Access: change {account} to Full"),
        ))
    }
}

/// Whether a tree of statuses has anything under a name.
fn has(tree: &Value, name: &str) -> bool {
    let (word, rest) = name.split_once('.').map_or((name, None), |(word, rest)| (word, Some(rest)));
    let word = word.split('[').next().unwrap_or_default();
    match tree {
        Value::Array(items) => items.iter().any(|item| has(item, name)),
        Value::Object(fields) => fields.iter().any(|(field, value)| {
            let is_field = word == "*" || field.eq_ignore_ascii_case(word);
            is_field && rest.map_or(!value.is_null(), |rest| has(value, rest))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_is_missing_if_the_tree_has_nothing_under_its_name() {
        let tree = json!({ "Audio": { "Volume": 0 }, "Network": [{ "id": 1, "IPv4": { "Address": "10.0.0.1" } }], "Call": [] });
        for name in ["Audio", "audio.volume", "Network[1].IPv4.Address", "Network[*].*.Address", "*.Volume", "Call"] {
            assert!(has(&tree, name), "{name}");
        }
        for name in ["Video", "Audio.Volume.Level", "Network[1].IPv6", "Call[1].Status"] {
            assert!(!has(&tree, name), "{name}");
        }
    }
}
