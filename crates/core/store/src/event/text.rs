//! An event in words, for people.

use std::fmt;

use lanyard_credential::Generation;

use super::{ClientPolicy, Event, StandingNote};

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HomeCreated { key, kept_in } => write!(f, "key {key}, kept in: {kept_in}"),
            Self::JournalBegun { chains } => write!(f, "after the chains of an earlier version: {}", chains.len()),
            Self::JournalPruned { up_to, entries, first, last, .. } => {
                let count: u64 = entries.values().sum();
                write!(f, "{count} entries up to {up_to}, from {first:.0} to {last:.0}")
            }
            Self::RetentionChanged { keep_seconds, before_seconds, from } => {
                let (keep, before) = (kept(*keep_seconds), kept(*before_seconds));
                write!(f, "entries are kept {keep} from {from:.0}, instead of {before}")
            }
            Self::KeyOfferWithdrawn { key, next } => write!(f, "key {next}; key {key} is still active"),
            Self::KeyOffered { key, next, kept_in } | Self::KeyRotationBegun { key, next, kept_in } => {
                write!(f, "key {key} by key {next}, kept in: {kept_in}")
            }
            Self::KeyRotated { key, next, kept_in, rows } => {
                write!(f, "key {key} by key {next}, kept in: {kept_in}; rows: {rows}")
            }
            Self::DataKeysRenewed { rows, not_opened } => write!(f, "rows: {rows}; not opened: {not_opened}"),
            Self::BackedUp { to } => write!(f, "to {to}"),
            Self::Restored { from } => write!(f, "from {from}"),
            Self::StoreMoved { from, to } => write!(f, "from {from} to {to}"),
            Self::AppAdded { name, kind, environment } => write!(f, "{name} ({kind}) in {environment}"),
            Self::AppChanged { name, changed } => write!(f, "{name}, {changed}"),
            Self::AppRemoved { name } | Self::AppSecretReplaced { name } | Self::ClientRemoved { name } => {
                f.write_str(name)
            }
            Self::ClientAdded { policy } | Self::ClientChanged { policy } => policy.fmt(f),
            Self::ClientsAdopted { names } | Self::RowsSealed { names } => f.write_str(&names.join(", ")),
            Self::Added { kind, environment } => write!(f, "{kind} in {environment}"),
            Self::SignedIn { grant, generation }
            | Self::RefreshTokenStored { grant, generation }
            | Self::TokensPutBack { grant, generation }
            | Self::Minted { grant, generation } => write!(f, "grant {grant}, generation {generation}"),
            Self::Renamed { was } => write!(f, "was {was}"),
            Self::Labelled { set, removed } => {
                let set = set.iter().map(|(key, value)| format!("{key}={value}"));
                let removed = removed.iter().map(|key| format!("without {key}"));
                f.write_str(&set.chain(removed).collect::<Vec<_>>().join(", "))
            }
            Self::Disabled { standing }
            | Self::Enabled { standing }
            | Self::StandingChanged { standing }
            | Self::Checked { standing } => standing.fmt(f),
            Self::AccessEnded { generation, lasted_seconds } => {
                write!(f, "generation {generation}, after {lasted_seconds} s")
            }
            Self::ClockTrusted { generation } | Self::TokenRefused { generation } => {
                write!(f, "generation {generation}")
            }
            Self::HandedOut { means, generation, times } => {
                write!(f, "{means}, generation {generation}")?;
                repeated(f, *times)
            }
            Self::Refused { means, why, times } => {
                write!(f, "{means}: {why}")?;
                repeated(f, *times)
            }
            Self::Answered { means, times } => {
                f.write_str(means)?;
                repeated(f, *times)
            }
            Self::Intent { generation, attempt, spare } => exchange(f, *generation, *attempt, *spare),
            Self::Recovered { generation, attempt, spare, process, writer } => {
                exchange(f, *generation, *attempt, *spare)?;
                let (Some(process), Some(writer)) = (process, writer) else { return Ok(()) };
                let how = match writer.as_str() {
                    "gone" => "has ended or given up",
                    "presumed-gone" => "cannot be seen and is presumed to have ended",
                    "taken-over" => "was not waited for: a person took over",
                    other => other,
                };
                write!(f, "; process {process}, which began the one before, {how}")
            }
            Self::Rotated { generation, next, spare } => {
                write!(f, "generation {generation} replaced by {next}")?;
                let with = ", with the spare refresh token: Webex refused the stored one";
                f.write_str(if *spare { with } else { "" })
            }
            Self::Overtaken { generation, by } => write!(f, "generation {generation} was already replaced by {by}"),
            Self::SpareKept { generation } => write!(f, "beside generation {generation}"),
            Self::Failed { generation, attempt, standing } => {
                write!(f, "generation {generation}, attempt {attempt}: {standing}")
            }
            Self::Clearing { tokens, unreadable: 0 } => write!(f, "tokens to revoke: {tokens}"),
            Self::Clearing { tokens, unreadable } => {
                write!(f, "tokens to revoke: {tokens}; {unreadable} of them do not open and cannot be")
            }
            Self::Revoked { token, through: None } => write!(f, "{token} token"),
            Self::Revoked { token, through: Some(through) } => write!(f, "{token} token, through {through}"),
            Self::NotRevoked { token, why } => write!(f, "{token} token: {why}"),
            Self::Resumed {} | Self::RetryAllowed {} | Self::Cleared { .. } | Self::Removed { .. } => Ok(()),
            Self::Earlier { detail, .. } => f.write_str(detail),
            _ => self.about_work(f),
        }
    }
}

impl Event {
    /// Events of alerts, channels and runs.
    fn about_work(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alert { state, was, expires_at, why } => {
                f.write_str(state)?;
                was.as_ref().map_or(Ok(()), |was| write!(f, ", was {was}"))?;
                expires_at.map_or(Ok(()), |at| write!(f, ", expires at {at:.0}"))?;
                why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
            }
            Self::ChannelAdded { name, target } => write!(f, "{name} ({target})"),
            Self::ChannelChanged { name, changed } => write!(f, "{name}, {changed}"),
            Self::ChannelRemoved { name } | Self::ChannelRecovered { name } => f.write_str(name),
            Self::ChannelFailing { name, why } => write!(f, "{name}: {why}"),
            Self::JobAlert { news, summary, .. } => write!(f, "{news}: {summary}"),
            Self::JobChanged { job, what } => write!(f, "{job}: {what}"),
            Self::RunStarted { run, operation } => write!(f, "{operation}, run {run}"),
            Self::RunEnded { run, operation, how, why } => {
                write!(f, "{operation}, run {run}: {how}")?;
                why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
            }
            _ => Ok(()),
        }
    }
}

fn exchange(f: &mut fmt::Formatter<'_>, generation: Generation, attempt: u32, spare: bool) -> fmt::Result {
    let which = if spare { "the spare" } else { "the stored" };
    write!(f, "exchange of generation {generation} begun: attempt {attempt}, with {which} refresh token")
}

/// "for 400 days".
fn kept(seconds: Option<u64>) -> String {
    match seconds {
        None => "forever".to_owned(),
        Some(seconds) if seconds % DAY == 0 => format!("for {} days", seconds / DAY),
        Some(seconds) => format!("for {} hours", seconds / HOUR),
    }
}

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

fn repeated(f: &mut fmt::Formatter<'_>, times: u32) -> fmt::Result {
    if times > 1 { write!(f, ", {times} times") } else { Ok(()) }
}

impl fmt::Display for StandingNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.standing)?;
        self.trouble.as_ref().map_or(Ok(()), |trouble| write!(f, ": {trouble}"))
    }
}

impl fmt::Display for ClientPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = self.credentials.as_ref().map_or("all credentials".to_owned(), |names| names.join(", "));
        write!(f, "{}: {} with {with}", self.name, self.capabilities)?;
        let limits = [
            ("methods", self.methods.clone()),
            ("paths", self.paths.as_ref().map(|paths| paths.join(","))),
            ("organisation", self.organisation.clone()),
            ("until", self.until.map(|at| format!("{at:.0}"))),
            ("uid", self.uid.map(|uid| uid.to_string())),
        ];
        limits.iter().try_for_each(|(what, value)| value.as_ref().map_or(Ok(()), |value| write!(f, "; {what} {value}")))
    }
}
