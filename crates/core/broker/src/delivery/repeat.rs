//! Alerts that last.
//!
//! Alertmanager forgets an alert that is not repeated. Each alert has an end there some days ahead, and a repetition moves that end.

use std::collections::HashMap;
use std::time::Duration;

use lanyard_channel::{AlertState, Notice, NoticeType, Target};
use lanyard_store::{JournalEntry, StoreError};
use lanyard_work::Halt;

use super::deliver::{Delivery, Progress, due_in};
use crate::events::Notices;

/// How often the alerts that last are repeated.
const EVERY: Duration = Duration::from_hours(24);
/// How many entries are read at once.
const PAGE: u32 = 500;
/// How many alerts are repeated at most.
const MOST: usize = 10_000;

impl Delivery<'_> {
    /// Repeats the alerts that were delivered and have not ended, if that is due.
    pub(super) async fn repeat(&self, progress: &mut Progress) -> Result<(), Halt> {
        if !matches!(self.channel.target, Target::Alertmanager(_)) {
            return Ok(());
        }
        let now = self.broker.clock.now();
        if progress.repeated.is_some() {
            if !due_in(progress.repeated.as_ref(), EVERY, &now).is_zero() {
                return Ok(());
            }
            for notice in self.lasting(progress.number).await? {
                self.until_delivered(progress, &notice).await?;
            }
        }
        progress.repeated = Some(now);
        self.claim.progress(progress).await
    }

    /// The alerts up to an entry that have not ended, oldest first.
    async fn lasting(&self, end: u64) -> Result<Vec<Notice>, StoreError> {
        let store = &self.broker.store;
        let mut notices = Notices::new(store, self.broker.channels.link.as_deref()).await?;
        let (mut number, mut open) = (0, Open::default());
        loop {
            let entries = store.told_after(number, None, PAGE).await?;
            for entry in entries.iter().filter(|entry| entry.number <= end) {
                if let Some(notice) = self.notice_of(entry, &mut notices).await? {
                    open.take(entry.number, notice);
                }
            }
            match entries.last() {
                Some(JournalEntry { number: last, .. }) if *last < end => number = *last,
                _ => return Ok(open.notices()),
            }
        }
    }
}

/// Alerts that have not ended, with the numbers of their entries.
#[derive(Default)]
struct Open(HashMap<(NoticeType, String), (u64, Notice)>);

impl Open {
    fn take(&mut self, number: u64, notice: Notice) {
        let subject = subject(&notice);
        match notice.data.state {
            AlertState::Firing if self.0.len() < MOST => {
                self.0.insert((notice.kind.clone(), subject), (number, notice));
            }
            AlertState::Resolved => {
                for kind in notice.kind.resolves() {
                    self.0.remove(&(kind, subject.clone()));
                }
            }
            AlertState::Firing | AlertState::None => {}
        }
    }

    fn notices(self) -> Vec<Notice> {
        let mut open: Vec<_> = self.0.into_values().collect();
        open.sort_by_key(|(number, _)| *number);
        open.into_iter().map(|(_, notice)| notice).collect()
    }
}

/// What an alert is about. A credential may have been renamed meanwhile.
fn subject(notice: &Notice) -> String {
    // Devices of one credential have alerts of the same type.
    if let Some(alert) = notice.data.details.get("alert").and_then(|alert| alert.as_str()) {
        return alert.to_owned();
    }
    if let Some(credential) = &notice.data.credential {
        return credential.id.to_string();
    }
    let channel = notice.data.details.get("channel").and_then(|name| name.as_str());
    notice.subject.as_deref().or(channel).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use lanyard_channel::{NoticeData, Severity};

    use super::*;

    fn notice(kind: NoticeType, state: AlertState, channel: &str) -> Notice {
        let mut data = NoticeData::new("A test.", Severity::Warning);
        data.state = state;
        data.details.insert("channel".to_owned(), channel.into());
        Notice::new("1".parse().unwrap(), "urn:test", kind, Timestamp::UNIX_EPOCH, data)
    }

    #[test]
    fn an_alert_lasts_until_its_own_end() {
        let mut open = Open::default();
        let all = [
            notice(NoticeType::CHANNEL_FAILING, AlertState::Firing, "a"),
            notice(NoticeType::CHANNEL_FAILING, AlertState::Firing, "b"),
            notice(NoticeType::KEY_CHANGED, AlertState::None, ""),
            notice(NoticeType::CHANNEL_RECOVERED, AlertState::Resolved, "a"),
            notice(NoticeType::BACKUP_TOO_OLD, AlertState::Firing, ""),
            notice(NoticeType::BACKUP_TOO_OLD, AlertState::Resolved, ""),
            notice(NoticeType::CHANNEL_FAILING, AlertState::Firing, "c"),
        ];
        for (number, notice) in (1..).zip(all) {
            open.take(number, notice);
        }
        let left: Vec<_> = open.notices().iter().map(subject).collect();
        assert_eq!(left, ["b", "c"]);
    }

    #[test]
    fn alerts_of_two_devices_last_apart() {
        let mut open = Open::default();
        let numbered = |kind, state, number: &str| {
            let mut notice = notice(kind, state, "");
            notice.data.details.insert("alert".to_owned(), number.into());
            notice
        };
        let all = [
            numbered(NoticeType::DEVICE_DOWN, AlertState::Firing, "A-1"),
            numbered(NoticeType::DEVICE_DOWN, AlertState::Firing, "A-2"),
            numbered(NoticeType::DEVICE_RECOVERED, AlertState::Resolved, "A-1"),
        ];
        for (number, notice) in (1..).zip(all) {
            open.take(number, notice);
        }
        let left: Vec<_> = open.notices().iter().map(subject).collect();
        assert_eq!(left, ["A-2"]);
    }
}
