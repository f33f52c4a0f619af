//! The job that watches room and desk devices.
//!
//! A *watch* ties a credential to the devices that it sees. A broker reads them again and again ([`sweep()`]), and writes a row only when
//! something has changed: the present state of each device, and the periods of its states. A device that is no longer listed, and a watch
//! that cannot read, make the state unknown; they never make a device down.

mod alerts;
mod availability;
mod calls;
mod comparing;
mod conditions;
mod covered;
mod decide;
mod facts;
mod held;
mod hours;
mod labels;
mod located;
mod measured;
mod names;
mod outcome;
mod place_reading;
mod places;
mod queue;
mod readings;
mod remembered;
mod restarts;
mod rules;
mod scope_hint;
mod seen;
mod state;
mod statuses;
mod sweep;
mod unit;
mod watch;

use lanyard_operation::{Door, Registry};
use lanyard_store::sql::{Migrations, OwnedSchema, Step};
use lanyard_work::JobContext;

pub use self::alerts::{Acknowledged, Alert, AlertFacts, AlertNumber, AlertNumberError};
pub use self::availability::availability;
pub use self::calls::alert_view::AlertView;
pub use self::calls::alerts::{
    AcknowledgeAlert, AlertDetail, AlertsView, ListAlerts, ShowAlert, SilenceAlerts, SilenceTarget, SilenceView,
    SilencedView,
};
pub use self::calls::approve::ApproveDevices;
pub use self::calls::coverage::{Against, Coverage, CoverageView, ListedDevice, MissingView};
pub use self::calls::coverage_all::{CoverageOfAll, WatchCoverage};
pub use self::calls::device::DeviceView;
pub use self::calls::list::{DevicesView, ListDevices};
pub use self::calls::numbers::{DeviceNumbers, NumbersView, PointView, Slot, SummaryView};
pub use self::calls::report::{DeviceHistory, HistoryView, Report, ReportBy, ReportRow, ReportView};
pub use self::calls::restart::{CancelRestart, ListRestarts, PlanRestart};
pub use self::calls::rules::{ListRules, RemoveRule, RuleChanges, RulesView, SetRule};
pub use self::calls::show::{AvailabilityView, DeviceDetail, PeriodView, ShowDevice};
pub use self::calls::sweep::{Sweep, SweptView};
pub use self::calls::watch::{ListWatches, PauseWatch, RemoveWatch, WatchView};
pub use self::calls::watch_add::{AddWatch, AddWatches, AddedManyView, AddedView, Each, NotAddedView, WatchSettings};
pub use self::calls::watch_set::{SetWatch, ShowWatch, WatchChanges, WatchDetail};
pub use self::calls::watched::{BlindCause, BlindView};
pub use self::calls::xapi::{XapiGet, XapiRanView, XapiRun, XapiStatusView};
pub use self::conditions::{Conditions, Met};
pub use self::decide::Swept;
pub use self::facts::Facts;
pub use self::hours::{BusinessHours, BusinessHoursError, Month, MonthError};
pub use self::labels::WantedLabel;
pub use self::measured::{Measured, measured};
pub use self::names::{RuleName, WatchName};
pub use self::place_reading::PlacesRead;
pub use self::places::{Issue, Place};
pub use self::readings::{QuantityRange, ReadingsView, keep_readings, read_statuses};
pub use self::remembered::Remembered;
pub use self::restarts::{Restart, RestartState, Window, WindowError};
pub use self::rules::{
    AlertRule, AlertSeverity, BLIND_FOR, DEGRADED_FOR, DOWN_FOR, FLAPPING_OVER, Limit, LimitError, Rule, Threshold,
};
pub use self::seen::{Period, Reading, Seen, read_at};
pub use self::state::{Candidate, Change, DeviceState, Tracked};
pub use self::statuses::{Interface, Network, Peripheral, Quantity, QuantityError, Statuses, StatusesView, Tenths};
pub use self::sweep::{Listing, listing, record, sweep};
pub use self::unit::{begin_work, read_watch, work};
pub use self::watch::{
    INTERVAL, LONGEST_INTERVAL, READINGS, SHORTEST_INTERVAL, SHORTEST_READINGS, StoredWatch, Watch, WatchedKinds,
    end_alerts, insert, remove, watch, watches,
};

/// The tables of the job.
pub const MIGRATIONS: Migrations = Migrations {
    owner: "devices",
    steps: &[
        Step::Script(include_str!("migrations/0001_devices.sql")),
        Step::Script(include_str!("migrations/0002_alerts.sql")),
        Step::Script(include_str!("migrations/0003_approval.sql")),
        Step::Script(include_str!("migrations/0004_places.sql")),
        Step::Script(include_str!("migrations/0005_revisions.sql")),
        Step::Script(include_str!("migrations/0006_statuses.sql")),
        Step::Script(include_str!("migrations/0007_rules.sql")),
        Step::Script(include_str!("migrations/0008_conditions.sql")),
        Step::Script(include_str!("migrations/0009_rollups.sql")),
    ],
    schema: OwnedSchema {
        sqlite: include_str!("migrations/schema.txt"),
        postgres: include_str!("migrations/schema.postgres.txt"),
    },
};

/// Adds the operations of the job to a registry.
pub fn register<D: Door>(registry: &mut Registry<D>, job: &JobContext) {
    registry
        .add::<AcknowledgeAlert>(job)
        .add::<AddWatch>(job)
        .add::<AddWatches>(job)
        .add::<ApproveDevices>(job)
        .add::<CancelRestart>(job)
        .add::<Coverage>(job)
        .add::<CoverageOfAll>(job)
        .add::<DeviceHistory>(job)
        .add::<DeviceNumbers>(job)
        .add::<ListAlerts>(job)
        .add::<ListDevices>(job)
        .add::<ListRestarts>(job)
        .add::<ListRules>(job)
        .add::<ListWatches>(job)
        .add::<PauseWatch>(job)
        .add::<PlanRestart>(job)
        .add::<RemoveRule>(job)
        .add::<RemoveWatch>(job)
        .add::<Report>(job)
        .add::<SetRule>(job)
        .add::<SetWatch>(job)
        .add::<ShowAlert>(job)
        .add::<ShowDevice>(job)
        .add::<ShowWatch>(job)
        .add::<SilenceAlerts>(job)
        .add::<Sweep>(job)
        .add::<XapiGet>(job)
        .add::<XapiRun>(job);
}
