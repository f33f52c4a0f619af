//! Time zones: that of this machine, unless another one is named.

use jiff::tz::TimeZone;

use crate::exit::Failure;

/// The time zone that is named, or that of this machine if it has a name.
pub(super) fn named(zone: Option<String>) -> Result<String, Failure> {
    zone.or_else(local).ok_or_else(|| Failure::Usage {
        message: "the time zone of this machine has no name".to_owned(),
        hint: "name the one of the hours: --time-zone Europe/Zurich".to_owned(),
    })
}

/// The time zone that is named, or that of this machine, or UTC if that has no name.
pub(super) fn or_utc(zone: Option<String>) -> String {
    zone.or_else(local).unwrap_or_else(|| "UTC".to_owned())
}

/// The name of this machine's time zone.
fn local() -> Option<String> {
    TimeZone::try_system().ok().and_then(|zone| zone.iana_name().map(str::to_owned))
}
