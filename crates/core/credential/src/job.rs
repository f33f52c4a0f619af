//! The jobs that credentials are for, and what each needs of Webex.

use std::fmt;
use std::str::FromStr;

use lanyard_protocol::{Environment, Method, Request, Scope, ScopeSet};
use serde::{Deserialize, Serialize};

use crate::{Kind, KindError};

/// A job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Job {
    /// Watching meeting-room devices.
    Devices,
    /// Provisioning Webex Calling users.
    Calling,
    /// Controlling phones and calls remotely.
    Phones,
    /// Importing meetings.
    Meetings,
    /// Issuing guests.
    Guests,
}

impl Job {
    /// All jobs.
    pub const ALL: [Self; 5] = [Self::Devices, Self::Calling, Self::Phones, Self::Meetings, Self::Guests];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Calling => "calling",
            Self::Phones => "phones",
            Self::Meetings => "meetings",
            Self::Guests => "guests",
        }
    }

    /// The needs of the job, the most important first.
    pub const fn needs(self) -> &'static [Need] {
        match self {
            Self::Devices => DEVICES,
            Self::Calling => CALLING,
            Self::Phones => PHONES,
            Self::Meetings => MEETINGS,
            Self::Guests => GUESTS,
        }
    }

    /// Why a credential of this kind cannot do the job at all, whatever its scopes.
    pub const fn impossible_for(self, kind: Kind) -> Option<&'static str> {
        match (self, kind) {
            (Self::Phones, Kind::Bot | Kind::ServiceApp | Kind::Guest | Kind::WorkspaceIntegration) => Some(
                "call control is for a person's own token: Webex answers others with \"Target user not authorized\"",
            ),
            (
                Self::Guests,
                Kind::Bot | Kind::Personal | Kind::Integration | Kind::Guest | Kind::WorkspaceIntegration,
            ) => Some("guests are issued by a service app"),
            (Self::Calling | Self::Meetings, Kind::Bot | Kind::Guest) => {
                Some("no scope of this job can be granted to a bot or a guest")
            }
            (Self::Devices, Kind::Guest) => Some("a guest sees no devices"),
            _ => None,
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Job {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        Self::ALL.into_iter().find(|job| job.as_str() == text).ok_or_else(|| KindError::new(text))
    }
}

/// One thing that a job does at Webex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// A description in words.
    pub what: &'static str,
    /// The scopes that allow it; one of them is enough. An administrator's, which sees the whole organisation, comes first.
    pub scopes: &'static [&'static str],
    /// How to find out where the granted scopes are not known: one GET without effect. What writes is never tried.
    pub probe: Option<Probe>,
}

/// A list of which one item is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The path below the API's base.
    pub path: &'static [&'static str],
    /// The query, ready made.
    pub query: &'static str,
}

impl Need {
    /// Whether one of its scopes is among those that were granted.
    pub fn met_by(&self, granted: &ScopeSet) -> bool {
        self.scopes.iter().filter_map(|scope| scope.parse::<Scope>().ok()).any(|scope| granted.contains(&scope))
    }
}

impl Probe {
    /// The request.
    pub fn request(&self, environment: &Environment) -> Request {
        let mut url = environment.resource(self.path).into_inner();
        url.set_query(Some(self.query).filter(|query| !query.is_empty()));
        Request::new(Method::GET, lanyard_secret::SafeUrl::new(url))
    }
}

const fn one_of(path: &'static [&'static str]) -> Probe {
    Probe { path, query: "max=1" }
}

// The scopes are those that the API reference names with each operation.
const DEVICES: &[Need] = &[
    Need {
        what: "list devices",
        scopes: &["spark-admin:devices_read", "spark:devices_read"],
        probe: Some(one_of(&["devices"])),
    },
    Need {
        what: "list workspaces",
        scopes: &["spark-admin:workspaces_read", "spark:workspaces_read"],
        probe: Some(one_of(&["workspaces"])),
    },
    Need { what: "read a device's status (xAPI)", scopes: &["spark:xapi_statuses"], probe: None },
    Need { what: "send a device a command (xAPI)", scopes: &["spark:xapi_commands"], probe: None },
];

const CALLING: &[Need] = &[
    Need { what: "find people", scopes: &["spark-admin:people_read"], probe: Some(one_of(&["people"])) },
    Need { what: "change people and their licences", scopes: &["spark-admin:people_write"], probe: None },
    Need {
        what: "list licences",
        scopes: &["spark-admin:licenses_read"],
        probe: Some(Probe { path: &["licenses"], query: "" }),
    },
    Need {
        what: "list locations",
        scopes: &["spark-admin:locations_read", "spark-admin:people_read"],
        probe: Some(one_of(&["locations"])),
    },
    Need {
        what: "read the calling configuration",
        scopes: &["spark-admin:telephony_config_read"],
        probe: Some(one_of(&["telephony", "config", "numbers"])),
    },
    Need { what: "change the calling configuration", scopes: &["spark-admin:telephony_config_write"], probe: None },
];

const PHONES: &[Need] = &[
    Need {
        what: "see calls",
        scopes: &["spark:calls_read"],
        probe: Some(Probe { path: &["telephony", "calls"], query: "" }),
    },
    Need { what: "dial, answer, hang up", scopes: &["spark:calls_write"], probe: None },
];

const MEETINGS: &[Need] = &[
    Need {
        what: "list meetings",
        scopes: &["meeting:admin_schedule_read", "meeting:schedules_read"],
        probe: Some(one_of(&["meetings"])),
    },
    Need {
        what: "list participants",
        scopes: &["meeting:admin_participants_read", "meeting:participants_read"],
        probe: None,
    },
    Need {
        what: "list recordings",
        scopes: &["meeting:admin_recordings_read", "meeting:recordings_read"],
        probe: Some(one_of(&["recordings"])),
    },
    Need {
        what: "list transcripts",
        scopes: &["meeting:admin_transcripts_read", "meeting:transcripts_read"],
        probe: Some(one_of(&["meetingTranscripts"])),
    },
];

const GUESTS: &[Need] = &[
    Need {
        what: "count guests",
        scopes: &["guest-issuer:read"],
        probe: Some(Probe { path: &["guests", "count"], query: "" }),
    },
    Need { what: "issue guests", scopes: &["guest-issuer:write"], probe: None },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_writes_is_never_tried() {
        for need in Job::ALL.iter().flat_map(|job| job.needs()) {
            let writes = need
                .scopes
                .iter()
                .any(|scope| scope.ends_with("_write") || scope.ends_with("_commands") || scope.ends_with(":write"));
            assert!(!(writes && need.probe.is_some()), "{}", need.what);
            assert!(need.scopes.iter().all(|scope| scope.parse::<Scope>().is_ok()), "{}", need.what);
        }
    }

    #[test]
    fn one_of_the_scopes_is_enough() {
        let need = &Job::Devices.needs()[0];
        assert!(need.met_by(&"spark:devices_read spark:kms".parse().expect("scopes")));
        assert!(!need.met_by(&"spark-admin:workspaces_read".parse().expect("scopes")));
    }

    #[test]
    fn a_probe_stays_below_the_base() {
        let environment = Environment::at("http://127.0.0.1:9/v1").expect("an environment");
        let request = Job::Calling.needs()[4].probe.expect("a probe").request(&environment);
        assert_eq!(request.url.expose().as_str(), "http://127.0.0.1:9/v1/telephony/config/numbers?max=1");
        assert_eq!(request.method, Method::GET);
    }
}
