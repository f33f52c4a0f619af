//! What devices report of themselves through the xAPI, read on a slow cycle with what the limit of calls leaves.

mod answer;
mod budget;
mod cycle;
mod kept;
mod names;
mod numbers;
mod rollups;
mod standing;
mod stored;

pub(crate) use self::cycle::UNIT;
pub use self::cycle::read_statuses;
pub use self::kept::keep_readings;
pub use self::numbers::QuantityRange;
pub(crate) use self::numbers::{Numbers, Spread};
pub(crate) use self::rollups::{DAYS_KEPT, HOURS_KEPT, days, hours};
pub use self::standing::ReadingsView;
pub(crate) use self::standing::{cycles, readings_of};
pub(crate) use self::stored::of_watch;
