//! The existing names that are most like a name that does not exist.

use strsim::osa_distance;

/// The names that differ from `wanted` by two letters at most, or begin alike. The nearest comes first; of two that are equally near, the
/// earlier one. Two letters that changed places differ as one.
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut near: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let distance = osa_distance(wanted, name);
            // Names of two letters are all two letters apart.
            let alike = distance <= DISTANCE && distance < wanted.len().min(name.len());
            (alike || begins_alike(wanted, name)).then_some((distance, name))
        })
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().take(MOST).map(|(_, name)| name.to_owned()).collect()
}

/// At least three letters, and half of the shorter name.
fn begins_alike(a: &str, b: &str) -> bool {
    let common = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    common >= BEGINNING && 2 * common >= a.len().min(b.len())
}

/// The most names that are suggested.
const MOST: usize = 3;
/// The most letters that may differ.
const DISTANCE: usize = 2;
/// The letters that make a common beginning.
const BEGINNING: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_seen() {
        let names = ["acme", "lobby-east", "lobby-west", "x1", "zebra"];
        for (wanted, expected) in [
            ("acm", &["acme"][..]),
            ("amce", &["acme"]),
            ("acme2", &["acme"]),
            ("lobby", &["lobby-east", "lobby-west"]),
            ("loby-west", &["lobby-west"]),
            ("y2", &[]),
            ("quite-another", &[]),
            ("x2", &["x1"]),
            ("zerba", &["zebra"]),
            ("lobby-est", &["lobby-east", "lobby-west"]),
            ("lobby-wset", &["lobby-west", "lobby-east"]),
        ] {
            assert_eq!(nearest(wanted, names.into_iter()), expected, "{wanted}");
        }
    }
}
