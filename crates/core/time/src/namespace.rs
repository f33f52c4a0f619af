//! The time namespace of this process (`time_namespaces(7)`): by how much its boot clock runs ahead of the machine's.
//!
//! Processes of several namespaces share a home. They compare readings of the boot clock, so these are brought onto the machine's own
//! axis.

/// By how many nanoseconds the boot clock of this process runs ahead of the machine's.
pub(crate) fn boot_clock_ahead() -> i128 {
    std::fs::read_to_string("/proc/self/timens_offsets").map_or(0, |offsets| parse(&offsets))
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
    use super::{SECOND, parse};

    #[test]
    fn the_shift_of_a_time_namespace_is_read() {
        assert_eq!(parse("monotonic           0         0\nboottime          400         7\n"), 400 * SECOND + 7);
        assert_eq!(parse("monotonic           0         0\nboottime           -2 500000000\n"), -3 * SECOND / 2);
        assert_eq!(parse(""), 0);
    }
}
