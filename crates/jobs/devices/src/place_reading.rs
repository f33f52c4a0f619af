//! One reading of the places of a watch: workspaces, and the names of their locations and floors.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lanyard_client::{ApiError, CallOptions};
use lanyard_credential::Credential;
use lanyard_operation::Problem;
use lanyard_protocol::{Device, Floor, ListDevices, ListWorkspaces, Location, OrgId, Scope, Workspace};
use lanyard_store::StoreError;
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::comparing::{DEVICES, comparing};
use crate::outcome::called;
use crate::places::{self, Names, PlacesReading};
use crate::watch::StoredWatch;

/// How often the places of a watch are read: they change rarely.
pub(crate) const INTERVAL: Duration = Duration::from_hours(1);
/// The shortest time between two readings, when devices have changed.
pub(crate) const SHORTEST: SignedDuration = SignedDuration::from_mins(5);
/// How many workspaces a watch keeps at most.
const MOST: usize = 20_000;
/// How many locations one reading asks for their floors.
const MOST_FLOORS: usize = 50;

/// The outcome of a reading of places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlacesRead {
    /// The credential that read them.
    pub with: String,
    /// How many workspaces are known now.
    pub workspaces: usize,
    /// Why not everything could be read.
    pub failed: Option<String>,
}

/// Reads the places of a watch, and writes what has changed. `None` if no credential can read them: then what was read before is
/// forgotten.
pub(crate) async fn read_places(job: &JobContext, stored: &StoredWatch) -> Result<Option<PlacesRead>, StoreError> {
    let StoredWatch { id, watch, .. } = stored;
    let with = async {
        let own = job.store.credential_by_id(watch.credential).await?;
        comparing(&job.store, watch, own.as_ref()).await
    };
    let with = match with.await {
        Ok(Some(with)) => with,
        Ok(None) => {
            places::forget_all(&job.store, id).await?;
            return Ok(None);
        }
        // A row that was altered without Lanyard is named where watches are shown. It may be put right, so what is known stays.
        Err(error) if error.is_of_one_row() => {
            let reading = PlacesReading {
                tried_at: Some(job.store.time().await?),
                reason: Some(error.to_string()),
                ..places::reading_of(&job.store, id).await?
            };
            places::note(&job.store, id, &reading).await?;
            return Ok(Some(PlacesRead { failed: reading.reason, ..PlacesRead::default() }));
        }
        Err(error) => return Err(error),
    };
    let known = places::of_watch(&job.store, id).await?;
    let mut listed = Vec::new();
    let mut failed = list_workspaces(job, &with, watch.org.as_ref(), &mut listed).await.err();
    let complete = failed.is_none();
    let mut names = Names::default();
    if let Err(problem) = list_names(job, &with, watch.org.as_ref(), (&known, &listed), &mut names).await {
        failed = failed.or(Some(problem));
    }
    let mut found = places::merge(&known, &listed, &names, complete);
    // Which workspaces have devices that the watch does not see. A credential that may not list them still knows the rooms.
    if can_list_devices(&with) {
        match list_devices(job, &with, watch.org.as_ref()).await {
            Ok(devices) => places::put_devices(&mut found, &devices),
            Err(problem) => {
                tracing::debug!(watch = %watch.name, %problem, "the devices of an organisation cannot be listed");
            }
        }
    }
    let now = job.store.time().await?;
    let before = places::reading_of(&job.store, id).await?;
    let reading = PlacesReading {
        read_at: if complete { Some(now) } else { before.read_at },
        tried_at: Some(now),
        reason: failed.as_ref().map(ToString::to_string),
    };
    places::write(&job.store, id, (&known, &found), &reading).await?;
    Ok(Some(PlacesRead { with: with.name.to_string(), workspaces: found.len(), failed: reading.reason }))
}

/// Reads the places of a watch if they were not read for an hour, or for five minutes if `hurry`.
pub(crate) async fn read_places_if_due(
    job: &JobContext,
    stored: &StoredWatch,
    hurry: bool,
) -> Result<Option<PlacesRead>, StoreError> {
    let reading = places::reading_of(&job.store, &stored.id).await?;
    let now = job.store.time().await?;
    if wait(&reading, hurry, now).is_some() { Ok(None) } else { read_places(job, stored).await }
}

/// How long the next reading has to wait; `None` if it is due.
pub(crate) fn wait(reading: &PlacesReading, hurry: bool, now: Timestamp) -> Option<Duration> {
    let every = SignedDuration::try_from(INTERVAL).unwrap_or(SHORTEST);
    let every = if hurry { SHORTEST } else { every };
    let passed = now.duration_since(reading.tried_at?);
    // After a clock was set back, it is due.
    (passed >= SignedDuration::ZERO && passed < every).then(|| Duration::try_from(every - passed).unwrap_or_default())
}

/// Reads the workspaces, page by page, into `listed`, which keeps those of the pages before one that fails.
async fn list_workspaces(
    job: &JobContext,
    with: &Credential,
    org: Option<&OrgId>,
    listed: &mut Vec<Workspace>,
) -> Result<(), Problem> {
    let which = ListWorkspaces { org_id: org.cloned(), include_devices: false, max: Some(1000) };
    let (client, options) = (job.client(with), CallOptions::default());
    let mut pages =
        client.pages::<Workspace>(|environment| which.request(environment), &options).await.map_err(called)?;
    while let Some(page) = pages.next_page().await.map_err(|error| called(ApiError::Call(error)))? {
        listed.extend(page.items);
        listed.truncate(MOST);
    }
    Ok(())
}

/// Whether a credential may list the devices of its organisation, as far as its scopes are known.
fn can_list_devices(with: &Credential) -> bool {
    let scope: Result<Scope, _> = DEVICES.parse();
    with.scopes.as_ref().is_none_or(|granted| scope.is_ok_and(|scope| granted.contains(&scope)))
}

/// Lists all devices of an organisation.
async fn list_devices(job: &JobContext, with: &Credential, org: Option<&OrgId>) -> Result<Vec<Device>, Problem> {
    let which = ListDevices { org_id: org.cloned(), workspace_id: None, max: Some(1000) };
    Ok(job.client(with).devices(&which, &CallOptions::default()).await.map_err(called)?.items)
}

/// Reads the names of locations, and of floors whose names are not known.
async fn list_names(
    job: &JobContext,
    with: &Credential,
    org: Option<&OrgId>,
    (known, listed): (&places::Places, &[Workspace]),
    names: &mut Names,
) -> Result<(), Problem> {
    if listed.iter().all(|workspace| workspace.location_id.is_none()) {
        return Ok(());
    }
    names.locations = locations(job, with, org).await?;
    for location in places::unnamed_floors(known, listed).into_iter().take(MOST_FLOORS) {
        let (client, options) = (job.client(with), CallOptions::default());
        let pages = client.pages::<Floor>(|environment| Floor::list(environment, &location), &options).await;
        let floors = pages.map_err(called)?.all().await.map_err(|error| called(ApiError::Call(error)))?.items;
        names.floors.extend(floors.into_iter().filter_map(|floor| Some((floor.id.clone(), floor.name()?))));
    }
    Ok(())
}

/// The names of the locations of an organisation, by the [key](Location::key) of their ids.
pub(crate) async fn locations(
    job: &JobContext,
    with: &Credential,
    org: Option<&OrgId>,
) -> Result<HashMap<String, String>, Problem> {
    let (client, options) = (job.client(with), CallOptions::default());
    let request = |environment: &_| Location::list(environment, org, Some(500));
    let pages = client.pages::<Location>(request, &options).await.map_err(called)?;
    let found = pages.all().await.map_err(|error| called(ApiError::Call(error)))?.items;
    let named = found.into_iter().filter(|location| !location.name.trim().is_empty());
    Ok(named.map(|location| (Location::key(&location.id), location.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_hourly_and_sooner_after_a_change() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let reading = PlacesReading { tried_at: Some(at(0)), ..PlacesReading::default() };
        let minutes = |hurry, now| wait(&reading, hurry, at(now)).map(|wait| wait.as_secs() / 60);
        assert_eq!((minutes(false, 0), minutes(false, 59), minutes(false, 60)), (Some(60), Some(1), None));
        assert_eq!((minutes(true, 2), minutes(true, 5), minutes(true, -1)), (Some(3), None, None));
        assert_eq!(wait(&PlacesReading::default(), false, at(0)), None);
    }
}
