//! A point in time, read from two clocks at once.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One boot of one machine. Readings of the boot clock compare only within the same boot. A clone shares the text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BootId(Arc<str>);

impl BootId {
    /// The id as the operating system prints it.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// A boot that cannot be told from any other: never equal to a boot that is known.
    pub fn unknown() -> Self {
        Self("".into())
    }

    /// Whether both readings are surely of the same boot.
    pub fn same_boot(&self, other: &Self) -> bool {
        !self.0.is_empty() && self.0 == other.0
    }

    /// The text form, for storing.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Found in sets by its text.
impl Borrow<str> for BootId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Written as its text.
impl Serialize for BootId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for BootId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(Cow::<'de, str>::deserialize(deserializer)?))
    }
}

impl fmt::Debug for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootId({})", &self.0)
    }
}

/// A reading of the boot-time clock: it runs on while the machine sleeps and no one can set it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootTime {
    /// The boot that the reading belongs to.
    pub boot: BootId,
    /// Time since that boot, suspends included.
    pub elapsed: Duration,
}

impl BootTime {
    /// The time from `earlier` to this reading; `None` when they are of different boots.
    pub fn since(&self, earlier: &Self) -> Option<Duration> {
        self.boot.same_boot(&earlier.boot).then(|| self.elapsed.saturating_sub(earlier.elapsed))
    }
}

/// A point in time as the wall clock and the boot-time clock show it together.
///
/// Within one boot the boot clock says how much time has passed: nobody can set it. But it stands still where a virtual machine does,
/// and then only the wall clock knows: see [`oldest_since`](Self::oldest_since). Across boots there is only the wall clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The wall clock's reading.
    pub wall: Timestamp,
    /// The boot-time clock's reading.
    pub boot: BootTime,
}

impl Moment {
    /// The time from `earlier` to this moment. Zero when `earlier` lies in the future.
    pub fn since(&self, earlier: &Self) -> Duration {
        self.boot
            .since(&earlier.boot)
            .unwrap_or_else(|| Duration::try_from(self.wall.duration_since(earlier.wall)).unwrap_or(Duration::ZERO))
    }

    /// The time from `earlier` to this moment by whichever clock shows more of it. Clocks that differ by a minute or less agree.
    pub fn oldest_since(&self, earlier: &Self) -> Duration {
        let ahead = self.wall_jump_since(earlier).and_then(|jump| Duration::try_from(jump).ok());
        self.since(earlier) + ahead.filter(|ahead| *ahead > AGREEING).unwrap_or_default()
    }

    /// This moment with a wall clock that agrees with the boot clock about how long ago `earlier` was.
    #[must_use]
    pub fn by_boot_clock_since(&self, earlier: &Self) -> Self {
        let agreeing = self.boot.since(&earlier.boot).and_then(|real| earlier.wall.checked_add(real).ok());
        Self { wall: agreeing.unwrap_or(self.wall), boot: self.boot.clone() }
    }

    /// How far the wall clock has moved against the boot clock since `earlier`, and whether it went forward.
    /// `None` across boots, where nothing can be said.
    pub fn wall_jump_since(&self, earlier: &Self) -> Option<jiff::SignedDuration> {
        let real = self.boot.since(&earlier.boot)?;
        let shown = self.wall.duration_since(earlier.wall);
        let real = jiff::SignedDuration::try_from(real).ok()?;
        Some(shown - real)
    }
}

/// So far apart the two clocks may be and still agree: a wall clock is corrected by seconds now and then.
const AGREEING: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(wall: i64, boot: &str, elapsed: u64) -> Moment {
        Moment {
            wall: Timestamp::from_second(wall).unwrap(),
            boot: BootTime { boot: BootId::new(boot), elapsed: Duration::from_secs(elapsed) },
        }
    }

    #[test]
    fn a_wall_clock_set_back_does_not_stop_time_within_a_boot() {
        let before = moment(100_000, "a", 50);
        let after = moment(100_000 - 86_400, "a", 60);
        assert_eq!(after.since(&before), Duration::from_secs(10));
        assert_eq!(after.wall_jump_since(&before), Some(jiff::SignedDuration::from_secs(-86_410)));
    }

    #[test]
    fn across_boots_the_wall_clock_decides_and_never_runs_backwards() {
        let before = moment(100_000, "a", 50);
        assert_eq!(moment(100_020, "b", 1).since(&before), Duration::from_secs(20));
        assert_eq!(moment(99_000, "b", 1).since(&before), Duration::ZERO);
    }

    #[test]
    fn the_older_age_counts_where_the_clocks_disagree_by_more_than_a_minute() {
        let before = moment(100_000, "a", 50);
        // How far each clock moved, and the age.
        for (wall, boot, age) in [(10, 10, 10), (70, 10, 10), (71, 10, 71), (-500, 10, 10), (86_400, 0, 86_400)] {
            let after = moment(100_000 + wall, "a", 50 + boot);
            assert_eq!(after.oldest_since(&before), Duration::from_secs(age), "{wall} {boot}");
            let agreeing = after.by_boot_clock_since(&before);
            assert_eq!(agreeing.oldest_since(&before), Duration::from_secs(boot), "{wall} {boot}");
        }
        let other_boot = moment(100_500, "b", 1);
        assert_eq!(other_boot.oldest_since(&before), Duration::from_secs(500));
        assert_eq!(other_boot.by_boot_clock_since(&before), other_boot);
    }

    #[test]
    fn an_unknown_boot_equals_no_boot() {
        assert!(!BootId::unknown().same_boot(&BootId::unknown()));
    }
}
