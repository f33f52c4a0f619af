//! Leases: a process's claim, for a bounded time, to do something alone. They save work; the generation is what protects.

use std::time::Duration;

use lanyard_credential::CredentialId;
use lanyard_time::{BootId, BootTime, Moment, Presence, ProcessIdentity};

use crate::engine::{Row, Statement, sql};
use crate::intent::presence;
use crate::record::nanoseconds;
use crate::write::Tx;
use crate::{Store, StoreError};

/// A lease as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) owner: ProcessIdentity,
    pub(crate) length: Duration,
    pub(crate) until: BootTime,
}

impl Store {
    /// The time by which leases end. Machines that share a store have no boot in common, so that their wall clocks must do: a clock that
    /// is wrong makes two of them work where one would do.
    pub(crate) fn lease_time(&self, now: &Moment) -> BootTime {
        if !self.inner.engine.is_shared() {
            return now.boot.clone();
        }
        let elapsed = u64::try_from(now.wall.as_millisecond()).map_or(Duration::ZERO, Duration::from_millis);
        BootTime { boot: BootId::new(SHARED), elapsed }
    }
}

/// What stands for the boot where wall clocks must do.
const SHARED: &str = "wall";

impl Lease {
    /// How long it still keeps `me` out; `None` when it does not: it is my own, it has run out, its owner has surely ended, it is
    /// of another boot, or it ends later than one that begins now would, which no clock that runs on can bring about.
    pub(crate) fn keeps_out(&self, me: &ProcessIdentity, now: &BootTime) -> Option<Duration> {
        if self.owner == *me || !self.until.boot.same_boot(&now.boot) {
            return None;
        }
        let left = self.until.elapsed.checked_sub(now.elapsed)?;
        let live = !left.is_zero()
            && left <= self.length
            && presence(me, &self.owner, now.boot.as_str() == SHARED) != Presence::Gone;
        live.then_some(left)
    }

    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            owner: ProcessIdentity {
                host: row.text("host")?.into(),
                boot: BootId::new(row.text("boot")?),
                pid: row.counter("pid")?,
                started: row.integer("started")?.cast_unsigned(),
            },
            length: row.duration("length")?,
            until: row.boot_time("until_boot", "until_elapsed")?,
        })
    }
}

/// The lease on a credential's rotation, to be read.
pub(crate) fn select_lease(id: CredentialId) -> Statement {
    sql(
        "leases",
        "SELECT name, host, boot, pid, started, length, until_boot, until_elapsed FROM leases WHERE name = $1",
    )
    .bind(name(id))
}

/// All leases, to be read.
pub(crate) const SELECT_ALL: &str =
    "SELECT name, host, boot, pid, started, length, until_boot, until_elapsed FROM leases ORDER BY name";

/// The credential whose rotation a lease of that name is on.
pub(crate) fn credential_of(name: &str) -> Option<CredentialId> {
    name.strip_prefix(ROTATION)?.parse().ok()
}

/// Makes the lease ours, from now on for `length`.
pub(crate) async fn take_lease(
    tx: &mut Tx,
    id: CredentialId,
    me: &ProcessIdentity,
    length: Duration,
    now: &BootTime,
) -> Result<(), StoreError> {
    let until = BootTime { boot: now.boot.clone(), elapsed: now.elapsed.saturating_add(length) };
    drop_lease(tx, id).await?;
    let insert = sql(
        "leases",
        "INSERT INTO leases (name, host, boot, pid, started, length, until_boot, until_elapsed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(name(id))
    .bind(&*me.host)
    .bind(me.boot.as_str())
    .bind(me.pid)
    .bind(me.started)
    .bind(length)
    .bind(until.boot.as_str())
    .bind(nanoseconds(&until));
    tx.run(insert).await?;
    Ok(())
}

/// Gives the lease back if it is ours.
pub(crate) async fn give_lease_back(tx: &mut Tx, id: CredentialId, me: &ProcessIdentity) -> Result<(), StoreError> {
    let delete =
        sql("leases", "DELETE FROM leases WHERE name = $1 AND host = $2 AND boot = $3 AND pid = $4 AND started = $5")
            .bind(name(id))
            .bind(&*me.host)
            .bind(me.boot.as_str())
            .bind(me.pid)
            .bind(me.started);
    tx.run(delete).await?;
    Ok(())
}

/// Ends the lease, whosever it is.
pub(crate) async fn drop_lease(tx: &mut Tx, id: CredentialId) -> Result<(), StoreError> {
    tx.run(sql("leases", "DELETE FROM leases WHERE name = $1").bind(name(id))).await?;
    Ok(())
}

const ROTATION: &str = "rotation/";

fn name(id: CredentialId) -> String {
    format!("{ROTATION}{id}")
}

#[cfg(test)]
mod tests {
    use lanyard_time::{Clock, SystemClock};

    use super::*;

    fn me() -> ProcessIdentity {
        ProcessIdentity::current(SystemClock::new().now().boot.boot)
    }

    fn elsewhere() -> ProcessIdentity {
        ProcessIdentity { host: "elsewhere".into(), ..me() }
    }

    fn at(boot: &str, seconds: u64) -> BootTime {
        BootTime { boot: BootId::new(boot), elapsed: Duration::from_secs(seconds) }
    }

    fn lease(owner: ProcessIdentity) -> Lease {
        Lease { owner, length: Duration::from_secs(30), until: at("a", 130) }
    }

    #[test]
    fn another_hosts_lease_keeps_out_until_it_runs_out() {
        let lease = lease(elsewhere());
        assert_eq!(lease.keeps_out(&me(), &at("a", 100)), Some(Duration::from_secs(30)));
        assert_eq!(lease.keeps_out(&me(), &at("a", 129)), Some(Duration::from_secs(1)));
        assert_eq!(lease.keeps_out(&me(), &at("a", 130)), None);
        assert_eq!(lease.keeps_out(&me(), &at("a", 131)), None);
    }

    #[test]
    fn my_own_lease_keeps_nobody_of_mine_out() {
        assert_eq!(lease(me()).keeps_out(&me(), &at("a", 110)), None);
    }

    #[test]
    fn a_lease_of_a_process_that_ended_is_void_at_once() {
        let ended = ProcessIdentity { started: 1, ..me() };
        assert_eq!(lease(ended).keeps_out(&me(), &at("a", 110)), None);
    }

    #[test]
    fn a_lease_of_another_boot_is_void() {
        assert_eq!(lease(elsewhere()).keeps_out(&me(), &at("b", 110)), None);
        let nameless = Lease { until: at("", 130), ..lease(elsewhere()) };
        assert_eq!(nameless.keeps_out(&me(), &at("", 110)), None);
    }

    #[test]
    fn a_lease_that_ends_later_than_it_could_is_void() {
        assert_eq!(lease(elsewhere()).keeps_out(&me(), &at("a", 99)), None);
    }
}
