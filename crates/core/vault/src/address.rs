//! Where a sealed value belongs.

/// The place of one sealed value. It is authenticated with the value: moved to another row, column, table, generation or
/// environment, the value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowAddress<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The row's immutable id.
    pub row: &'a str,
    /// The column's name.
    pub column: &'a str,
    /// The counter that tells successive values of one column apart; 0 where there is none.
    pub generation: u64,
    /// The id of the Webex that the value belongs to; empty where it belongs to none.
    pub environment: &'a str,
}

impl RowAddress<'_> {
    /// Adds an encoding to `out` that differs for any two addresses: each text is preceded by its length.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for text in [self.table, self.row, self.column, self.environment] {
            out.extend_from_slice(&(text.len() as u64).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(&self.generation.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(parts: &(String, String, String, u64, String)) -> Vec<u8> {
        let mut out = Vec::new();
        RowAddress { table: &parts.0, row: &parts.1, column: &parts.2, generation: parts.3, environment: &parts.4 }
            .encode(&mut out);
        out
    }

    proptest! {
        // Few letters and short texts, so that the cases where a border could move are common.
        #[test]
        fn different_addresses_are_encoded_differently(
            a in ("[ab]{0,3}", "[ab]{0,3}", "[ab]{0,3}", 0_u64..3, "[ab]{0,3}"),
            b in ("[ab]{0,3}", "[ab]{0,3}", "[ab]{0,3}", 0_u64..3, "[ab]{0,3}"),
        ) {
            prop_assert_eq!(a == b, encoded(&a) == encoded(&b));
        }
    }

    #[test]
    fn a_border_between_two_texts_cannot_move() {
        let parts = |table: &str, row: &str| (table.to_owned(), row.to_owned(), String::new(), 0, String::new());
        assert_ne!(encoded(&parts("ab", "c")), encoded(&parts("a", "bc")));
    }
}
