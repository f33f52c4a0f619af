//! The devices and workspaces that exist, compared with those that a watch sees.

use std::collections::{BTreeMap, HashSet};

use lanyard_client::CallOptions;
use lanyard_credential::CredentialName;
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_protocol::{Device, ListDevices, ListWorkspaces};
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::comparing;
use crate::covered::Covered;
use crate::names::WatchName;
use crate::outcome::called;
use crate::place_reading::locations;
use crate::places::{self, Names, Places};
use crate::sweep::list;
use crate::watch::{Watch, credential_of, named, stored};

/// A workspace, compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissingView {
    /// The workspace's name, as the comparing credential reads it.
    pub workspace: String,
    /// The name of its location, where the comparison has one.
    pub location: Option<String>,
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
    /// The kind of the watch's credential: what lets it see a workspace depends on that.
    pub kind: Option<String>,
    /// The name of its organisation.
    pub organisation: Option<String>,
    /// The credential that sees everything, or the name of the list; `None` if nothing was compared.
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
    /// What it is compared with; the credential that reads the workspaces of the watch if it is omitted and there is one.
    pub against: Option<Against>,
}

/// What shows all devices of an organisation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Against {
    /// A credential that sees everything.
    Credential(CredentialName),
    /// A list that somebody exported, with its name.
    List(String, Vec<ListedDevice>),
}

/// A device of an exported list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListedDevice {
    /// The workspace, or the name of the device.
    pub workspace: String,
    /// The location.
    pub location: Option<String>,
    /// The product.
    pub product: String,
    /// The serial number.
    pub serial: Option<String>,
    /// The hardware address.
    pub mac: Option<String>,
    /// The type in the list's own words.
    pub kind: Option<String>,
    /// The tags; `None` if the list has no column of them.
    pub tags: Option<Vec<String>>,
}

impl Operation for Coverage {
    const DECLARED: Declaration = Declaration::read("devices.coverage").slow();

    type Context = JobContext;
    type Reply = CoverageView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<CoverageView, Problem> {
        let found = named(&job.store, &self.watch).await?;
        let credential = job.store.credential_by_id(found.watch.credential).await.map_err(|error| stored(&error))?;
        let against = match self.against {
            Some(against) => Some(against),
            None => own_against(job, &found.watch).await?,
        };
        let seen = list(job, &found.watch, credential.as_ref()).await?;
        let stored_places = places::of_watch(&job.store, &found.id).await.map_err(|error| stored(&error))?;
        let covered = Covered::of(&found.watch, &stored_places);
        let account = credential.as_ref().and_then(|credential| credential.subject.known()?.email.clone());
        let own = credential.as_ref().filter(|_| found.watch.org.is_none());
        let organisation = own.and_then(|credential| credential.organisation.as_ref()?.name.clone());
        let mut view = CoverageView {
            watch: found.watch.name.to_string(),
            account,
            kind: credential.as_ref().map(|credential| credential.kind.as_str().to_owned()),
            organisation,
            against: against.as_ref().map(|against| match against {
                Against::Credential(name) => name.to_string(),
                Against::List(name, _) => name.clone(),
            }),
            ..CoverageView::default()
        };
        let against = match &against {
            Some(Against::Credential(against)) => against,
            Some(Against::List(name, listed)) => {
                check_columns(&found.watch, name, listed)?;
                compare_list(&mut view, &seen, listed, &covered);
                let count = seen.iter().filter(|device| covered.covers(device, false)).count();
                // The letter would tell one customer of the rooms of another.
                if view.devices_seen == 0 && count > 0 {
                    let what = format!("{name} lists none of the {count} devices that {} sees", found.watch.name);
                    return Err(Problem::new(Code::BadRequest, what).hint(
                        "give the list of the organisation that the watch reads, with serial numbers or MAC addresses",
                    ));
                }
                return Ok(view);
            }
            None => {
                count(&mut view, &seen, &covered);
                return Ok(view);
            }
        };
        let admin = job.store.credential(against).await.map_err(|error| stored(&error))?.ok_or_else(|| {
            Problem::new(Code::NoSuchName, format!("there is no credential named {against}"))
                .hint("list the credentials: lanyard list")
        })?;
        if admin.id == found.watch.credential {
            return Err(Problem::new(Code::BadRequest, format!("{against} is the credential of the watch itself"))
                .hint("compare with the credential of an administrator that has the scope spark-admin:devices_read"));
        }
        comparing::check(&admin, credential.as_ref(), found.watch.org.as_ref(), &[comparing::DEVICES])?;
        let client = job.client(&admin);
        let options = CallOptions::default();
        let org_id = found.watch.org.clone();
        let devices = ListDevices { org_id: org_id.clone(), workspace_id: None, max: Some(1000) };
        let all = client.devices(&devices, &options).await.map_err(called)?.items;
        if let Some(why) = sees_too_little(&seen, &all) {
            return Err(Problem::new(
                Code::PersonMustAct,
                format!("{against} does not see the whole organisation: {why}"),
            )
            .hint("compare with the credential of an administrator that has the scope spark-admin:devices_read"));
        }
        let which = ListWorkspaces { org_id: org_id.clone(), include_devices: false, max: Some(1000) };
        let workspaces = client.workspaces(&which, &options).await.map_err(called)?.items;
        // Without their names, a question mark stands for the locations.
        let locations = locations(job, &admin, org_id.as_ref()).await.unwrap_or_default();
        let names = Names { locations, ..Names::default() };
        let places = places::merge(&Places::new(), &workspaces, &names, true);
        compare(&mut view, &seen, &all, &places, &Covered::of(&found.watch, &places));
        Ok(view)
    }
}

/// Why a credential that is to see everything does not; `None` if nothing speaks against it.
fn sees_too_little(seen: &[Device], all: &[Device]) -> Option<String> {
    if all.is_empty() {
        return Some("it sees no device".to_owned());
    }
    let ids: HashSet<&str> = all.iter().filter_map(|device| Some(device.id.as_ref()?.as_str())).collect();
    let is_missing = |device: &&Device| device.id.as_ref().is_some_and(|id| !ids.contains(id.as_str()));
    match (seen.iter().filter(is_missing).count(), seen.len()) {
        (0, _) if all.iter().all(|device| device.workspace_id.is_none()) => {
            Some("it sees no device in a workspace".to_owned())
        }
        (0, _) => None,
        (missing, all) => Some(format!("it does not see {missing} of the {all} devices that the watch sees")),
    }
}

/// The credential that reads the workspaces of a watch, if it is another than its own.
async fn own_against(job: &JobContext, watch: &Watch) -> Result<Option<Against>, Problem> {
    let Some(id) = watch.against.filter(|id| *id != watch.credential) else { return Ok(None) };
    let found = credential_of(&job.store, id).await.map_err(|error| stored(&error))?;
    Ok(found.map(|found| Against::Credential(found.name)))
}

/// Refuses a list without a column that is needed to know what the watch covers.
fn check_columns(watch: &Watch, name: &str, listed: &[ListedDevice]) -> Result<(), Problem> {
    let lacks = |what: &str, column: &str| {
        Problem::new(
            Code::BadRequest,
            format!("the watch {} covers only devices with {what}, and {name} has no column of {column}", watch.name),
        )
        .hint("compare with the credential of an administrator: --against CREDENTIAL")
    };
    if !watch.tags.is_empty() && listed.iter().all(|device| device.tags.is_none()) {
        return Err(lacks(&format!("the tag {}", watch.tags.join(" or ")), "tags"));
    }
    if !watch.locations.is_empty() && listed.iter().all(|device| device.location.is_none()) {
        return Err(lacks("some locations", "locations"));
    }
    Ok(())
}

fn count(view: &mut CoverageView, seen: &[Device], covered: &Covered<'_>) {
    let watched = || seen.iter().filter(|device| covered.covers(device, false));
    view.devices_seen = watched().count();
    view.devices_full =
        watched().filter(|device| device.permissions.iter().any(|permission| permission == "xapi:all")).count();
}

fn compare(view: &mut CoverageView, seen: &[Device], all: &[Device], places: &Places, covered: &Covered<'_>) {
    count(view, seen, covered);
    let ours: HashSet<&str> = seen.iter().filter_map(|device| Some(device.id.as_ref()?.as_str())).collect();
    let mut by_workspace: BTreeMap<&str, Vec<&Device>> = BTreeMap::new();
    let watched = || all.iter().filter(|device| covered.covers(device, false));
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
            let place = places.get(workspace);
            let name = place.map_or_else(|| workspace.to_owned(), |place| place.room.clone());
            let location = place.and_then(|place| place.location.clone());
            (!devices.is_empty()).then_some(MissingView { workspace: name, location, devices })
        })
        .collect();
    view.missing.sort_by(|a, b| (&a.location, &a.workspace).cmp(&(&b.location, &b.workspace)));
}

/// Compares with an exported list, by serial number or hardware address: it has no ids.
fn compare_list(view: &mut CoverageView, seen: &[Device], listed: &[ListedDevice], covered: &Covered<'_>) {
    count(view, seen, covered);
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let key = |text: Option<&String>| text.map(|text| plain(text)).filter(|text| !text.is_empty());
    let serials: HashSet<String> = seen.iter().filter_map(|device| key(device.serial.as_ref())).collect();
    let macs: HashSet<String> = seen.iter().filter_map(|device| key(device.mac.as_ref())).collect();
    let mut by_workspace: BTreeMap<(Option<&str>, &str), Vec<&ListedDevice>> = BTreeMap::new();
    let mut compared = 0;
    for device in listed {
        let can_compare = key(device.serial.as_ref()).is_some() || key(device.mac.as_ref()).is_some();
        if !can_compare || !device.is_covered(covered) {
            view.not_compared += 1;
            continue;
        }
        compared += 1;
        by_workspace.entry((device.location.as_deref(), &device.workspace)).or_default().push(device);
    }
    view.devices = Some(compared);
    view.workspaces = Some(by_workspace.len());
    let is_seen = |device: &ListedDevice| {
        key(device.serial.as_ref()).is_some_and(|serial| serials.contains(&serial))
            || key(device.mac.as_ref()).is_some_and(|mac| macs.contains(&mac))
    };
    // Devices that are seen and not listed are not compared.
    view.devices_seen = by_workspace.values().flatten().filter(|device| is_seen(device)).count();
    view.missing = by_workspace
        .into_iter()
        .filter_map(|((location, workspace), devices)| {
            let unseen = devices.into_iter().filter(|device| !is_seen(device));
            // A list without products still says which device it is.
            let which = |device: &ListedDevice| {
                let of = [Some(&device.product), device.serial.as_ref(), device.mac.as_ref()];
                of.into_iter().flatten().find(|text| !text.is_empty()).cloned().unwrap_or_default()
            };
            let devices: Vec<_> = unseen.map(which).collect();
            let (workspace, location) = (workspace.to_owned(), location.map(str::to_owned));
            (!devices.is_empty()).then_some(MissingView { workspace, location, devices })
        })
        .collect();
}

impl ListedDevice {
    /// Whether a watch covers it, as far as the words of the list tell.
    fn is_covered(&self, covered: &Covered<'_>) -> bool {
        let kinds = covered.kinds();
        let words = [self.kind.as_deref().unwrap_or_default(), &self.product].join(" ").to_lowercase();
        let is = |word: &str| words.contains(word);
        (kinds.phones || !(is("phone") || is("dect")))
            && (kinds.accessories || !is("accessor"))
            && (kinds.personal || !is("personal"))
            && covered.has_tag(self.tags.as_deref().unwrap_or_default())
            && covered.is_called(self.location.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::places::Place;
    use crate::watch::WatchedKinds;

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
        let place = |name: &str, location: &str| Place {
            room: name.to_owned(),
            location: Some(location.to_owned()),
            ..Place::default()
        };
        let places =
            Places::from([("w1".to_owned(), place("Alpha", "Zurich")), ("w2".to_owned(), place("Zeta", "Bern"))]);
        let mut view = CoverageView::default();
        compare(&mut view, &seen, &all, &places, &WatchedKinds::default().into());
        assert_eq!((view.devices_seen, view.devices, view.workspaces, view.not_compared), (2, Some(4), Some(3), 1));
        let missing: Vec<_> = view.missing.iter().map(|found| (&*found.workspace, found.devices.join(","))).collect();
        assert_eq!(missing, [("Zeta", "Product c".to_owned()), ("Alpha", "Product b".to_owned())], "by location");
    }

    #[test]
    fn a_credential_that_misses_what_the_watch_sees_does_not_see_everything() {
        let device = |id: &str, workspace: Option<&str>| -> Device {
            serde_json::from_value(json!({ "id": id, "workspaceId": workspace, "type": "roomdesk" })).unwrap()
        };
        let (a, b, own) = (device("a", Some("w")), device("b", Some("w")), device("o", None));
        let why = |seen: &[&Device], all: &[&Device]| {
            let cloned = |devices: &[&Device]| devices.iter().map(|device| (*device).clone()).collect::<Vec<_>>();
            sees_too_little(&cloned(seen), &cloned(all)).unwrap_or_default()
        };
        assert_eq!(why(&[&a], &[&a, &b, &own]), "");
        assert_eq!(why(&[], &[&a]), "");
        assert_eq!(why(&[&a, &b], &[&a, &own]), "it does not see 1 of the 2 devices that the watch sees");
        assert_eq!(why(&[], &[&own]), "it sees no device in a workspace");
        assert_eq!(why(&[], &[]), "it sees no device");
    }

    #[test]
    fn a_list_is_compared_by_serial_number_or_hardware_address() {
        let device = |serial: &str, mac: &str| -> Device {
            let json = json!({ "id": serial, "workspaceId": "w", "type": "roomdesk", "serial": serial, "mac": mac });
            serde_json::from_value(json).unwrap()
        };
        let row = |workspace: &str, serial: &str, mac: &str, kind: &str| ListedDevice {
            workspace: workspace.to_owned(),
            location: Some("Bern".to_owned()),
            product: format!("Product {workspace}"),
            serial: Some(serial.to_owned()),
            mac: Some(mac.to_owned()),
            kind: Some(kind.to_owned()),
            tags: None,
        };
        let seen = [device("FOC1", "00:1E:7A:00:00:01"), device("FOC2", "00:1E:7A:00:00:02")];
        let listed = [
            row("One", " foc1 ", "", ""),
            row("Two", "", "001e.7a00.0002", ""),
            row("Three", "FOC3", "", "Room device"),
            row("Phone", "FOC4", "", "Desk Phone"),
            row("Nothing", " ", "-", ""),
        ];
        let mut view = CoverageView::default();
        compare_list(&mut view, &seen, &listed, &WatchedKinds::default().into());
        assert_eq!((view.devices_seen, view.devices, view.workspaces, view.not_compared), (2, Some(3), Some(3), 2));
        let [missing] = &*view.missing else { panic!("{:?}", view.missing) };
        assert_eq!((&*missing.workspace, missing.location.as_deref()), ("Three", Some("Bern")));
        let with_phones = WatchedKinds { phones: true, ..WatchedKinds::default() };
        let mut view = CoverageView::default();
        compare_list(&mut view, &seen, &listed, &with_phones.into());
        assert_eq!((view.missing.len(), view.not_compared), (2, 1));
    }
}
