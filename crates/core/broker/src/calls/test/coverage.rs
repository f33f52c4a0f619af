//! The devices that a credential sees, compared with all that there are.

use std::collections::{BTreeMap, HashMap};

use lanyard_credential::{Credential, CredentialName};
use lanyard_protocol::{Device, ListDevices, ListWorkspaces, WorkspaceId};
use lanyard_secret::AccessToken;
use serde::{Deserialize, Serialize};

use crate::environment::expect;
use crate::{Broker, Error};

/// The devices that a bot sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// How many devices; `None` where they could not be listed.
    pub devices: Option<usize>,
    /// How many of them it may also command.
    pub full: usize,
    /// Why they could not be listed.
    pub unknown: Option<String>,
}

/// The devices and workspaces that a credential does not see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The credential that sees everything.
    pub against: CredentialName,
    /// How many workspaces with devices there are.
    pub workspaces: usize,
    /// How many workspaces there are whose devices are seen, all of them.
    pub granted: usize,
    /// Those of which it does not see every device, by name.
    pub not_granted: Vec<NotGranted>,
    /// How many workspaces have no device: there is nothing to see.
    pub without_devices: usize,
    /// How many devices stand in no workspace: personal ones, which a bot is never granted.
    pub personal: usize,
}

/// A workspace of which not every device is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotGranted {
    /// The workspace's name.
    pub name: String,
    /// Its id.
    pub id: WorkspaceId,
    /// How many devices stand in it.
    pub devices: usize,
    /// How many of them are seen.
    pub seen: usize,
}

/// Few large pages: Webex limits calls, not items.
const LARGE_DEVICES: ListDevices = ListDevices { org_id: None, workspace_id: None, max: Some(1000) };
const LARGE_WORKSPACES: ListWorkspaces = ListWorkspaces { org_id: None, include_devices: false, max: Some(1000) };

const FULL: &str = "xapi:all";

impl Broker {
    pub(super) async fn sight(&self, credential: &Credential, token: &AccessToken) -> Sight {
        match self.devices_of(credential, token).await {
            Ok(devices) => {
                let full = devices.iter().filter(|device| device.permissions.iter().any(|held| held == FULL)).count();
                Sight { devices: Some(devices.len()), full, unknown: None }
            }
            Err(error) => Sight { devices: None, full: 0, unknown: Some(error.to_string()) },
        }
    }

    pub(super) async fn coverage(
        &self,
        credential: &Credential,
        token: &AccessToken,
        against: &CredentialName,
    ) -> Result<Coverage, Error> {
        let call = super::HandOut { name: against.clone(), min_validity: std::time::Duration::ZERO, expected: None };
        let admin = self.run(call).await?;
        expect(against, &admin.credential.environment, Some(&credential.environment))?;
        let organisation = |credential: &Credential| credential.organisation.as_ref().map(|found| found.id.clone());
        if let (Some(ours), Some(theirs)) = (organisation(credential), organisation(&admin.credential))
            && ours != theirs
        {
            return Err(Error::AnotherOrganisation { name: credential.name.clone(), against: against.clone() });
        }
        let seen = self.devices_of(credential, token).await.map_err(Error::from)?;
        let all = self.devices_of(&admin.credential, &admin.token).await.map_err(Error::from)?;
        if all.is_empty() {
            return Err(Error::NothingToCompare { against: against.clone() });
        }
        let options = Broker::calls_of(&admin.credential);
        let environment = &credential.environment;
        let asked = self.transport.workspaces(environment, &admin.token, &LARGE_WORKSPACES, &options).await;
        let workspaces = asked.map_err(Error::from)?.items;
        let names: BTreeMap<_, _> =
            workspaces.into_iter().map(|workspace| (workspace.id, workspace.display_name)).collect();
        Ok(compare(against, &seen, &all, &names))
    }

    async fn devices_of(
        &self,
        credential: &Credential,
        token: &AccessToken,
    ) -> Result<Vec<Device>, lanyard_client::CallError> {
        let options = Broker::calls_of(credential);
        Ok(self.transport.devices(&credential.environment, token, &LARGE_DEVICES, &options).await?.items)
    }
}

/// Counts by workspace.
fn compare(
    against: &CredentialName,
    seen: &[Device],
    all: &[Device],
    names: &BTreeMap<WorkspaceId, String>,
) -> Coverage {
    let count = |devices: &[Device]| {
        let mut counts: HashMap<WorkspaceId, usize> = HashMap::new();
        for id in devices.iter().filter_map(|device| device.workspace_id.clone()) {
            *counts.entry(id).or_default() += 1;
        }
        counts
    };
    let (there, ours) = (count(all), count(seen));
    let mut not_granted: Vec<_> = there
        .iter()
        .map(|(id, &devices)| NotGranted {
            name: names.get(id).cloned().unwrap_or_else(|| id.to_string()),
            id: id.clone(),
            devices,
            seen: ours.get(id).copied().unwrap_or_default(),
        })
        .filter(|workspace| workspace.seen < workspace.devices)
        .collect();
    not_granted.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
    Coverage {
        against: against.clone(),
        workspaces: there.len(),
        granted: there.len() - not_granted.len(),
        not_granted,
        without_devices: names.keys().filter(|id| !there.contains_key(*id)).count(),
        personal: all.iter().filter(|device| device.workspace_id.is_none()).count(),
    }
}
