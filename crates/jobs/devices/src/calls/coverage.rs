//! The devices and workspaces that exist, compared with those that a watch sees.

use std::collections::{BTreeMap, HashSet};

use lanyard_client::CallOptions;
use lanyard_credential::{CredentialName, Kind};
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_protocol::{Device, ListDevices, ListWorkspaces};
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sweep::{called, list};
use crate::watch::{WatchedKinds, named, stored};
use crate::watch_name::WatchName;

/// A workspace, compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissingView {
    /// The workspace's name, as the comparing credential reads it.
    pub workspace: String,
    /// The products of the devices in it that are not seen.
    pub devices: Vec<String>,
}

/// What a watch sees, and what it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageView {
    /// The watch.
    pub watch: String,
    /// The account that an administrator grants workspaces to: for a bot, its address.
    pub account: Option<String>,
    /// The name of its organisation.
    pub organisation: Option<String>,
    /// The credential that sees everything; `None` if nothing was compared.
    pub against: Option<String>,
    /// How many devices the watch sees, of those that it is to watch.
    pub devices_seen: usize,
    /// How many of those it may also command.
    pub devices_full: usize,
    /// How many such devices there are.
    pub devices: Option<usize>,
    /// How many workspaces of the organisation have such devices.
    pub workspaces: Option<usize>,
    /// The workspaces of which not every device is seen, by name.
    pub missing: Vec<MissingView>,
    /// How many devices are not compared, because they are phones, accessories or personal.
    pub not_compared: usize,
}

/// Compares what a watch sees with what another credential sees, such as an administrator's.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// The watch.
    pub watch: WatchName,
    /// The credential that sees everything.
    pub against: Option<CredentialName>,
}

impl Operation for Coverage {
    const DECLARED: Declaration = Declaration::read("devices.coverage").slow();

    type Context = JobContext;
    type Reply = CoverageView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<CoverageView, Problem> {
        let found = named(&job.store, &self.watch).await?;
        let credential = job.store.credential_by_id(found.watch.credential).await.map_err(|error| stored(&error))?;
        let seen = list(job, &found.watch, credential.as_ref()).await?;
        let account = credential.as_ref().and_then(|credential| credential.subject.known()?.email.clone());
        let own = credential.as_ref().filter(|_| found.watch.org.is_none());
        let organisation = own.and_then(|credential| credential.organisation.as_ref()?.name.clone());
        let mut view = CoverageView {
            watch: found.watch.name.to_string(),
            account,
            organisation,
            against: self.against.as_ref().map(ToString::to_string),
            ..CoverageView::default()
        };
        let Some(against) = &self.against else {
            count(&mut view, &seen, found.watch.kinds);
            return Ok(view);
        };
        let admin = job.store.credential(against).await.map_err(|error| stored(&error))?.ok_or_else(|| {
            Problem::new(Code::NoSuchName, format!("there is no credential named {against}"))
                .hint("list the credentials: lanyard list")
        })?;
        if admin.id == found.watch.credential || admin.kind == Kind::Bot {
            let what = format!("{against} sees only what it was granted itself");
            return Err(Problem::new(Code::BadRequest, what)
                .hint("compare with the credential of an administrator that has the scope spark-admin:devices_read"));
        }
        if let Some(credential) = &credential {
            if credential.environment != admin.environment {
                return Err(Problem::new(Code::BadRequest, format!("{against} belongs to another Webex")));
            }
            let of = |found: &lanyard_credential::Credential| found.organisation.as_ref().map(|found| found.id.clone());
            let theirs = found.watch.org.clone().or_else(|| of(credential));
            let is_partner = found.watch.org.is_some();
            if let (Some(ours), Some(admins)) = (theirs, of(&admin))
                && ours != admins
                && !is_partner
            {
                let what = format!("{against} belongs to another organisation than {}", credential.name);
                return Err(Problem::new(Code::BadRequest, what)
                    .hint("a bot sees devices of the organisation that it was created in, and no others"));
            }
        }
        let client = job.client(&admin);
        let options = CallOptions::default();
        let org_id = found.watch.org.clone();
        let devices = ListDevices { org_id: org_id.clone(), workspace_id: None, max: Some(1000) };
        let all = client.devices(&devices, &options).await.map_err(called)?.items;
        if all.is_empty() {
            return Err(Problem::new(Code::PersonMustAct, format!("{against} sees no devices itself"))
                .hint("compare with the credential of an administrator that has the scope spark-admin:devices_read"));
        }
        let workspaces = ListWorkspaces { org_id, include_devices: false, max: Some(1000) };
        let workspaces = client.workspaces(&workspaces, &options).await.map_err(called)?.items;
        let names = workspaces.into_iter().map(|found| (found.id.as_str().to_owned(), found.display_name)).collect();
        compare(&mut view, &seen, &all, &names, found.watch.kinds);
        Ok(view)
    }
}

fn count(view: &mut CoverageView, seen: &[Device], kinds: WatchedKinds) {
    let watched = || seen.iter().filter(|device| kinds.covers(device));
    view.devices_seen = watched().count();
    view.devices_full =
        watched().filter(|device| device.permissions.iter().any(|permission| permission == "xapi:all")).count();
}

fn compare(
    view: &mut CoverageView,
    seen: &[Device],
    all: &[Device],
    names: &BTreeMap<String, String>,
    kinds: WatchedKinds,
) {
    count(view, seen, kinds);
    let ours: HashSet<&str> = seen.iter().filter_map(|device| Some(device.id.as_ref()?.as_str())).collect();
    let mut by_workspace: BTreeMap<&str, Vec<&Device>> = BTreeMap::new();
    let watched = || all.iter().filter(|device| kinds.covers(device));
    for device in watched() {
        if let Some(workspace) = &device.workspace_id {
            by_workspace.entry(workspace.as_str()).or_default().push(device);
        }
    }
    view.devices = Some(watched().count());
    view.not_compared = all.len() - watched().count();
    view.workspaces = Some(by_workspace.len());
    view.missing = by_workspace
        .into_iter()
        .filter_map(|(workspace, devices)| {
            let is_unseen = |device: &&&Device| device.id.as_ref().is_some_and(|id| !ours.contains(id.as_str()));
            let devices: Vec<_> = devices.iter().filter(is_unseen).map(|device| device.product.clone()).collect();
            let name = names.get(workspace).cloned().unwrap_or_else(|| workspace.to_owned());
            (!devices.is_empty()).then_some(MissingView { workspace: name, devices })
        })
        .collect();
    view.missing.sort_by(|a, b| a.workspace.cmp(&b.workspace));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_workspace_is_missing_if_any_of_its_devices_is_not_seen() {
        let device = |id: &str, workspace: &str, kind: &str| -> Device {
            let product = format!("Product {id}");
            serde_json::from_value(json!({ "id": id, "workspaceId": workspace, "type": kind, "product": product }))
                .unwrap()
        };
        let all = [
            device("a", "w1", "roomdesk"),
            device("b", "w1", "roomdesk"),
            device("c", "w2", "roomdesk"),
            device("d", "w3", "roomdesk"),
            device("e", "w3", "phone"),
        ];
        let seen = [device("a", "w1", "roomdesk"), device("d", "w3", "roomdesk")];
        let names = BTreeMap::from([("w1".to_owned(), "Zeta".to_owned()), ("w2".to_owned(), "Alpha".to_owned())]);
        let mut view = CoverageView::default();
        compare(&mut view, &seen, &all, &names, WatchedKinds::default());
        assert_eq!((view.devices_seen, view.devices, view.workspaces, view.not_compared), (2, Some(4), Some(3), 1));
        let missing: Vec<_> = view.missing.iter().map(|found| (&*found.workspace, found.devices.join(","))).collect();
        assert_eq!(missing, [("Alpha", "Product c".to_owned()), ("Zeta", "Product b".to_owned())]);
    }
}
