//! PostgreSQL's errors as errors of the store (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).

use super::StoreAddress;
use crate::StoreError;

/// Why a server cannot be used. Its own message names the user and the database, never the password.
pub(super) fn unreachable(address: &StoreAddress, reason: &(impl ToString + ?Sized)) -> StoreError {
    StoreError::Unreachable { server: address.server().into(), reason: reason.to_string() }
}

/// Why a connection was not made. Whatever the server says, nothing was asked of it yet.
pub(super) fn connect_error(address: &StoreAddress, error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(error) => unreachable(address, error.message()),
        sqlx::Error::Io(error) => unreachable(address, &error),
        error => unreachable(address, &error),
    }
}

/// Why a statement failed. Its transaction did not happen.
pub(super) fn statement_error(address: &StoreAddress, error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default().into_owned();
    match (code.as_str(), error) {
        // Serialisation failure, deadlock.
        ("40001" | "40P01", _) => StoreError::Conflict,
        // Lock not available, cancelled for its time limit, idle for too long within a transaction.
        ("55P03" | "57014" | "25P03", _) => StoreError::Busy,
        ("53100", _) => StoreError::Full,
        ("42501", sqlx::Error::Database(error)) => denied(address, error.message()),
        // A schema that the role may not use is searched for nothing: its tables seem to be missing.
        ("42P01" | "3F000", sqlx::Error::Database(error)) => denied(
            address,
            &format!("it has no USAGE on the schema lanyard, or the schema is damaged ({})", error.message()),
        ),
        ("25006", _) => StoreError::ReadOnly,
        ("XX001" | "XX002", error) => StoreError::Damaged(error.to_string()),
        (code, sqlx::Error::Database(error)) if is_of_connection(code) => unreachable(address, error.message()),
        (_, sqlx::Error::Io(error)) => unreachable(address, &error),
        (_, error @ (sqlx::Error::Protocol(_) | sqlx::Error::Tls(_))) => unreachable(address, &error),
        (_, error) => StoreError::Sqlx(error),
    }
}

/// The role lacks a right to what is there. Its message is in the server's language, so the statement to run grants everything.
fn denied(address: &StoreAddress, reason: &str) -> StoreError {
    let role = quoted(&address.role().unwrap_or_else(|| "ROLE".to_owned()));
    let hint = format!(
        "run as the owner of the schema: GRANT USAGE ON SCHEMA lanyard TO {role}; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA lanyard TO {role}"
    );
    StoreError::Denied { server: address.server(), reason: reason.to_owned(), hint }
}

/// The role may not create the schema.
pub(super) fn may_not_create(address: &StoreAddress, error: StoreError) -> StoreError {
    let role = quoted(&address.role().unwrap_or_else(|| "ROLE".to_owned()));
    let hint =
        format!("run as the owner of the database: GRANT CREATE ON DATABASE {} TO {role}", quoted(&address.database()));
    with_hint(error, hint)
}

/// The schema, or something in it, belongs to a role that this one has no reason to trust: `what` says which.
pub(super) fn anothers_schema(address: &StoreAddress, what: &str) -> StoreError {
    StoreError::Denied {
        server: address.server(),
        reason: format!("{what}; reading it could run that role's code with the rights of Lanyard's role"),
        hint: "use another database, or inspect the schema as a superuser; if it contains nothing of yours, run: DROP SCHEMA lanyard CASCADE"
            .to_owned(),
    }
}

/// The role may not alter the schema.
pub(super) fn may_not_alter(error: StoreError) -> StoreError {
    with_hint(error, "upgrade the store once with the role that owns the schema lanyard".to_owned())
}

fn with_hint(error: StoreError, hint: String) -> StoreError {
    match error {
        StoreError::Denied { server, reason, .. } => StoreError::Denied { server, reason, hint },
        error => error,
    }
}

/// An identifier, as SQL and `psql` take it.
fn quoted(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Why COMMIT failed. An error that the server reports undid the transaction; without its answer nothing is known.
pub(super) fn commit_error(address: &StoreAddress, error: sqlx::Error) -> StoreError {
    match statement_error(address, error) {
        StoreError::Unreachable { server, .. } => StoreError::Undecided(server),
        error => error,
    }
}

/// Whether the connection is of no use any more.
pub(super) fn is_lost(error: &StoreError) -> bool {
    matches!(error, StoreError::Unreachable { .. })
}

/// Connection exceptions, too many connections, and a server that is shutting down, has crashed or is starting.
fn is_of_connection(code: &str) -> bool {
    code.starts_with("08") || matches!(code, "53300" | "57P01" | "57P02" | "57P03" | "57P05")
}
