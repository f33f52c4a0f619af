//! Adding watches: one, one for each credential that has a label, or one for each organisation of a partner.

use std::collections::{BTreeMap, HashSet};

use futures_util::StreamExt as _;
use lanyard_client::CallOptions;
use lanyard_credential::{Credential, CredentialId, CredentialName, LabelKey};
use lanyard_operation::{About, Code, Declaration, Operation, Problem};
use lanyard_protocol::{OrgId, Organization};
use lanyard_store::Event;
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::calls::watch::{JOB, WatchView, check_interval, check_readings, shown};
use crate::comparing;
use crate::decide::Swept;
use crate::located::located;
use crate::names::WatchName;
use crate::outcome::called;
use crate::place_reading::{PlacesRead, read_places};
use crate::queue;
use crate::readings::{ReadingsView, readings_of};
use crate::rules::{self, AlertRule};
use crate::sweep::sweep;
use crate::unit::{SWEEP, ensure_places, ensure_readings};
use crate::watch::{INTERVAL, READINGS, StoredWatch, Watch, WatchedKinds, insert, stored, watches};

/// A watch that was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddedView {
    /// The watch.
    pub watch: WatchView,
    /// Its first reading.
    pub first: Swept,
    /// The first reading of workspaces and locations, if a credential can read them.
    pub places: Option<PlacesRead>,
    /// How the statuses of its devices are read.
    pub readings: ReadingsView,
    /// The rules for its alerts that are not switched off, the most urgent first.
    pub rules: Vec<AlertRule>,
    /// The account that reads: a bot's address is what an administrator grants workspaces to.
    pub account: Option<String>,
    /// The name of its organisation.
    pub organisation: Option<String>,
    /// The kind of the credential.
    pub kind: String,
}

/// How the devices of a new watch are read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchSettings {
    /// How often the devices are read, in seconds.
    pub interval_seconds: Option<u64>,
    /// How often the statuses of each device are read, in seconds; 0 turns that off.
    pub readings_seconds: Option<u64>,
    /// The devices that are watched besides those of workspaces.
    pub kinds: WatchedKinds,
    /// Whether devices that appear later wait until a person approves them.
    pub approve_new: bool,
    /// The credential that reads workspaces and locations, for one that cannot, such as a bot's.
    pub against: Option<CredentialName>,
    /// The tags of Webex of which a device must have one; any device if there are none.
    pub tags: Vec<String>,
    /// The names of the locations where a device must be; anywhere if there are none.
    pub locations: Vec<String>,
}

/// Adds a watch, after reading its devices once.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddWatch {
    /// The credential that reads the devices.
    pub credential: CredentialName,
    /// The name of the watch; the credential's if there is none.
    pub name: Option<WatchName>,
    /// The organisation to read, if it is not the credential's own.
    pub org: Option<OrgId>,
    /// The labels of the watch itself.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How its devices are read.
    pub settings: WatchSettings,
}

impl Operation for AddWatch {
    const DECLARED: Declaration = Declaration::change("devices.watch.add").slow();

    type Context = JobContext;
    type Reply = AddedView;
    type Error = Problem;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.credential])
    }

    async fn run(self, job: &JobContext) -> Result<AddedView, Problem> {
        let credential = credential(job, &self.credential).await?;
        let name = self.name.unwrap_or_else(|| credential.name.clone().into());
        add(job, &credential, (name, self.org, self.labels), &self.settings).await
    }
}

/// For what watches are added.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Each {
    /// Each credential that has this label. The label is copied to the watch.
    Labelled(LabelKey),
    /// Each organisation that a partner's credential manages.
    OrganisationOf(CredentialName),
}

/// Adds many watches. Those that exist already are left as they are.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddWatches {
    /// For what.
    pub each: Each,
    /// How their devices are read.
    pub settings: WatchSettings,
}

/// A watch that was not added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotAddedView {
    /// The credential.
    pub credential: String,
    /// The name of the organisation, for a partner's.
    pub organisation: Option<String>,
    /// The reason.
    pub why: String,
    /// What helps.
    pub hint: Option<String>,
}

/// The watches that were added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddedManyView {
    /// Those that were added.
    pub added: Vec<AddedView>,
    /// How many existed already.
    pub existing: usize,
    /// Those that were not added.
    pub failed: Vec<NotAddedView>,
}

/// How many watches are added at the same time.
const AT_ONCE: usize = 16;

impl Operation for AddWatches {
    const DECLARED: Declaration = Declaration::change("devices.watch.add-each").slow();

    type Context = JobContext;
    type Reply = AddedManyView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<AddedManyView, Problem> {
        check_interval(self.settings.interval_seconds)?;
        check_readings(self.settings.readings_seconds)?;
        let existing = watches(&job.store).await.map_err(|error| stored(&error))?;
        let existing: Vec<Watch> = existing.into_iter().flatten().map(|found| found.watch).collect();
        let all = match &self.each {
            Each::Labelled(key) => labelled(job, key).await?,
            Each::OrganisationOf(name) => organisations(job, name, &existing).await?,
        };
        let is_watched =
            |new: &New| existing.iter().any(|watch| watch.credential == new.credential.id && watch.org == new.org);
        let (known, new): (Vec<New>, Vec<New>) = all.into_iter().partition(is_watched);
        let mut view = AddedManyView { existing: known.len(), ..AddedManyView::default() };
        let settings = &self.settings;
        let mut results = futures_util::stream::iter(new)
            .map(|New { credential, name, org, organisation, labels }| async move {
                let added = add(job, &credential, (name, org, labels), settings).await;
                added.map_err(|problem| NotAddedView {
                    credential: credential.name.to_string(),
                    organisation,
                    why: problem.detail(),
                    hint: problem.next_step().map(str::to_owned),
                })
            })
            .buffered(AT_ONCE);
        while let Some(result) = results.next().await {
            match result {
                Ok(added) => view.added.push(added),
                Err(failed) => view.failed.push(failed),
            }
        }
        Ok(view)
    }
}

/// A watch that is to be added.
struct New {
    credential: Credential,
    name: WatchName,
    org: Option<OrgId>,
    organisation: Option<String>,
    labels: BTreeMap<String, String>,
}

async fn labelled(job: &JobContext, key: &LabelKey) -> Result<Vec<New>, Problem> {
    let credentials = job.store.credentials().await.map_err(|error| stored(&error))?;
    let all: Vec<New> = credentials
        .into_iter()
        .filter_map(|credential| {
            let value = credential.labels.get(key.as_str())?.clone();
            let labels = BTreeMap::from([(key.to_string(), value)]);
            Some(New { name: credential.name.clone().into(), org: None, organisation: None, labels, credential })
        })
        .collect();
    if all.is_empty() {
        return Err(Problem::new(Code::NoSuchName, format!("no credential has the label {key}"))
            .hint(format!("label the credentials first: lanyard label NAME {key}=VALUE")));
    }
    Ok(all)
}

async fn organisations(job: &JobContext, name: &CredentialName, existing: &[Watch]) -> Result<Vec<New>, Problem> {
    let credential = credential(job, name).await?;
    let (client, options) = (job.client(&credential), CallOptions::default());
    let pages = client.pages::<Organization>(Organization::list, &options).await.map_err(called)?;
    let found = pages.all().await.map_err(|error| called(lanyard_client::ApiError::Call(error)))?.items;
    let own = credential.organisation.as_ref().map(|organisation| organisation.id.clone());
    let mut taken: HashSet<String> = existing.iter().map(|watch| watch.name.to_string()).collect();
    let mut all = Vec::new();
    for organisation in found {
        let name = name_for(&credential.name, &organisation.display_name, &mut taken);
        // A watch of its own organisation names none, as one that is added alone.
        let org = Some(organisation.id).filter(|id| Some(id) != own.as_ref());
        let labels = BTreeMap::from([("organisation".to_owned(), organisation.display_name.clone())]);
        let organisation = Some(organisation.display_name);
        all.push(New { credential: credential.clone(), name, org, organisation, labels });
    }
    Ok(all)
}

/// A name for the watch of an organisation that no other watch has.
fn name_for(credential: &CredentialName, organisation: &str, taken: &mut HashSet<String>) -> WatchName {
    let plain: String =
        organisation.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let plain: String = words.join("-").chars().take(32).collect();
    let first: String = credential.as_str().chars().take(24).collect();
    let base = if plain.is_empty() { first } else { format!("{first}-{}", plain.trim_end_matches('-')) };
    let numbered = (2_u32..).map(|number| format!("{base}-{number}"));
    let name = std::iter::once(base.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(base);
    taken.insert(name.clone());
    name.parse().unwrap_or_else(|_| credential.clone().into())
}

async fn add(
    job: &JobContext,
    credential: &Credential,
    (name, org, labels): (WatchName, Option<OrgId>, BTreeMap<String, String>),
    settings: &WatchSettings,
) -> Result<AddedView, Problem> {
    check_interval(settings.interval_seconds)?;
    check_readings(settings.readings_seconds)?;
    let against = match &settings.against {
        Some(name) => Some(against(job, name, Some(credential), org.as_ref()).await?),
        None => None,
    };
    let mut id = [0; 16];
    job.entropy.fill(&mut id);
    let mut new = StoredWatch {
        id: format!("{:032x}", u128::from_be_bytes(id)),
        version: 0,
        watch: Watch {
            name: name.clone(),
            credential: credential.id,
            org,
            against,
            interval_seconds: settings.interval_seconds.unwrap_or(INTERVAL.as_secs()),
            readings_seconds: settings.readings_seconds.unwrap_or(READINGS.as_secs()),
            kinds: settings.kinds,
            tags: settings.tags.clone(),
            locations: BTreeMap::new(),
            labels,
            approve_new: settings.approve_new,
            paused_at: None,
            added_at: job.clock.now().wall,
        },
    };
    new.watch.locations = located(job, &new.watch, Some(credential), &settings.locations).await?;
    // A token that Webex refuses, or an organisation that it may not read, is reported at once, and nothing is added.
    crate::sweep::list(job, &new.watch, Some(credential)).await?;
    let event = Event::JobChanged { job: JOB.to_owned(), what: format!("watch {name} added") };
    if !insert(&job.store, &new, credential, &event).await.map_err(|error| stored(&error))? {
        return Err(Problem::new(Code::NameTaken, format!("there is a watch named {name} already"))
            .hint("choose another name with --name, or see the watches: lanyard devices watch list"));
    }
    // Before the first reading, so that a watch is read whatever comes of that.
    job.queue.ensure(SWEEP, &new.id, &Value::Null).await.map_err(|error| stored(&error))?;
    queue::ensure(job, &new).await.map_err(|error| stored(&error))?;
    // Before the devices, because a watch may cover those at some locations.
    let places = read_places(job, &new).await.map_err(|error| stored(&error))?;
    let first = sweep(job, &new).await.map_err(|error| stored(&error))?;
    ensure_places(job, &new).await.map_err(|error| stored(&error))?;
    ensure_readings(job, &new).await.map_err(|error| stored(&error))?;
    let own = credential.organisation.as_ref().filter(|_| new.watch.org.is_none());
    let watch = shown(job, &new, Some(credential)).await.map_err(|error| stored(&error))?;
    let rules = rules::of_watch(&job.store, &watch.labels).await.map_err(|error| stored(&error))?;
    Ok(AddedView {
        watch,
        first,
        places,
        readings: readings_of(job, &new, Some(credential)).await.map_err(|error| stored(&error))?,
        rules: rules.into_all(),
        account: credential.subject.known().and_then(|subject| subject.email.clone()),
        organisation: own.and_then(|found| found.name.clone()),
        kind: credential.kind.as_str().to_owned(),
    })
}

/// The id of the credential that reads the workspaces and locations of a watch, if it can.
pub(crate) async fn against(
    job: &JobContext,
    name: &CredentialName,
    own: Option<&Credential>,
    org: Option<&OrgId>,
) -> Result<CredentialId, Problem> {
    let other = credential(job, name).await?;
    comparing::check(&other, own, org, comparing::WORKSPACES)?;
    Ok(other.id)
}

pub(crate) async fn credential(job: &JobContext, name: &CredentialName) -> Result<Credential, Problem> {
    let found = job.store.credential(name).await.map_err(|error| stored(&error))?;
    found.ok_or_else(|| {
        Problem::new(Code::NoSuchName, format!("there is no credential named {name}"))
            .hint("list the credentials: lanyard list")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_organisation_gets_a_name_of_its_own() {
        let credential: CredentialName = "partner".parse().unwrap();
        let mut taken = HashSet::from(["partner-acme-dental".to_owned()]);
        let long = "x".repeat(300);
        let mut names = Vec::new();
        for organisation in ["Acme Dental", "ACME/dental!", "Ünïcode & Sons", "日本", "日本", &long] {
            names.push(name_for(&credential, organisation, &mut taken).to_string());
        }
        let long = format!("partner-{}", "x".repeat(32));
        let expected =
            ["partner-acme-dental-2", "partner-acme-dental-3", "partner-n-code-sons", "partner", "partner-2", &long];
        assert_eq!(names, expected);
    }
}
