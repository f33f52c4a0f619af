//! The tables whose rows have a data key of their own.

/// A table with the columns `id`, `environment`, `wrapped_key` and one for a name, and the statements that a new home key needs.
/// The home key's id is in bytes 2 to 9 of a wrapped key.
pub(super) struct Wrapped {
    pub(super) name: &'static str,
    /// Selects the first `$3` rows after `$1` that are not wrapped under `$2`, with their names.
    pub(super) select: &'static str,
    /// Puts `$2` in place of `$3`.
    pub(super) update: &'static str,
    /// How many rows stand under `$1`.
    pub(super) count: &'static str,
    /// The rows that do not stand under `$1`.
    pub(super) left: &'static str,
}

/// `$version` tells successive data keys of a row apart, as its [`Envelope`](crate::envelope::Envelope) does.
macro_rules! wrapped {
    ($table:literal, $version:literal, $name:literal) => {
        Wrapped {
            name: $table,
            select: concat!(
                "SELECT id, ",
                $name,
                " AS name, environment, CAST(",
                $version,
                " AS BIGINT) AS version, wrapped_key FROM ",
                $table,
                " WHERE id > $1 AND wrapped_key IS NOT NULL AND substr(wrapped_key, 2, 8) <> $2 ORDER BY id LIMIT $3"
            ),
            update: concat!("UPDATE ", $table, " SET wrapped_key = $2 WHERE id = $1 AND wrapped_key = $3"),
            count: concat!(
                "SELECT CAST(COUNT(*) AS BIGINT) AS counted FROM ",
                $table,
                " WHERE wrapped_key IS NOT NULL AND substr(wrapped_key, 2, 8) = $1"
            ),
            left: concat!(
                "SELECT id FROM ",
                $table,
                " WHERE wrapped_key IS NOT NULL AND substr(wrapped_key, 2, 8) <> $1 ORDER BY id LIMIT 1"
            ),
        }
    };
}

/// All of them but `home`, whose one row is the last to change.
pub(super) const WRAPPED: &[Wrapped] = &[
    wrapped!("credentials", "grant_number", "name"),
    wrapped!("apps", "secret_version", "name"),
    wrapped!("revocations", "0", "credential_name"),
];
