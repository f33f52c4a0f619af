//! The time namespace of this process (`time_namespaces(7)`): by how much its boot clock runs ahead of the machine's.
//!
//! Processes of several namespaces share a home. They compare start times and readings of the boot clock, so both are brought onto
//! the machine's own axis.

/// By how many nanoseconds the boot clock of this process runs ahead of the machine's.
pub(crate) fn boot_clock_ahead() -> i128 {
    std::fs::read_to_string("/proc/self/timens_offsets").map_or(0, |offsets| parse(&offsets))
}

/// The offset in clock ticks, wrapped as start times are.
pub(crate) fn in_ticks(nanoseconds: i128, per_second: u64) -> u64 {
    let ticks = (nanoseconds * i128::from(per_second)).div_euclid(SECOND);
    i64::try_from(ticks).unwrap_or(0).cast_unsigned()
}

fn parse(offsets: &str) -> i128 {
    let boot = offsets.lines().find_map(|line| line.trim_start().strip_prefix("boottime"));
    let mut numbers = boot.unwrap_or_default().split_ascii_whitespace().map(str::parse::<i64>);
    let (Some(Ok(seconds)), Some(Ok(nanoseconds))) = (numbers.next(), numbers.next()) else { return 0 };
    i128::from(seconds) * SECOND + i128::from(nanoseconds)
}

const SECOND: i128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::{SECOND, in_ticks, parse};

    #[test]
    fn the_shift_of_a_time_namespace_is_read_in_ticks() {
        let ahead = |offsets: &str| in_ticks(parse(offsets), 100).cast_signed();
        assert_eq!(parse("monotonic           0         0\nboottime          400         7\n"), 400 * SECOND + 7);
        assert_eq!(ahead("monotonic           0         0\nboottime          400         0\n"), 40_000);
        assert_eq!(ahead("monotonic           0         0\nboottime           -2 500000000\n"), -150);
        assert_eq!(ahead(""), 0);
    }
}
