//! The types of events.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The type of an event: `lanyard.` and words that are separated by dots. Jobs add types of their own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticeType(Cow<'static, str>);

/// A text cannot be part of a notice. The error does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoticeError {
    /// It is not an id.
    #[error("the id of an event has 1 to {longest} letters, digits, dashes and underscores", longest = 64)]
    Id,
    /// It is not a type.
    #[error(
        "the type of an event is lanyard. and words of lower-case letters, digits and dashes, separated by dots, with up to {LONGEST} characters"
    )]
    Type,
}

impl NoticeType {
    /// A credential works and cannot be renewed: it expires.
    pub const CREDENTIAL_EXPIRING: Self = Self(Cow::Borrowed("lanyard.credential.expiring"));
    /// The renewal of a credential fails, or its outcome is unknown.
    pub const CREDENTIAL_STALLED: Self = Self(Cow::Borrowed("lanyard.credential.stalled"));
    /// The grant of a credential is dead: a person must sign in again.
    pub const CREDENTIAL_NEEDS_LOGIN: Self = Self(Cow::Borrowed("lanyard.credential.needs-login"));
    /// The tokens of a credential were revoked.
    pub const CREDENTIAL_REVOKED: Self = Self(Cow::Borrowed("lanyard.credential.revoked"));
    /// A credential works again.
    pub const CREDENTIAL_RECOVERED: Self = Self(Cow::Borrowed("lanyard.credential.recovered"));
    /// A credential was authorised.
    pub const CREDENTIAL_AUTHORISED: Self = Self(Cow::Borrowed("lanyard.credential.authorised"));
    /// A client was refused.
    pub const CLIENT_REFUSED: Self = Self(Cow::Borrowed("lanyard.client.refused"));
    /// The key of the home was changed.
    pub const KEY_CHANGED: Self = Self(Cow::Borrowed("lanyard.key.changed"));
    /// The latest backup is too old.
    pub const BACKUP_TOO_OLD: Self = Self(Cow::Borrowed("lanyard.backup.too-old"));
    /// Deliveries to a channel fail.
    pub const CHANNEL_FAILING: Self = Self(Cow::Borrowed("lanyard.channel.failing"));
    /// Deliveries to a channel succeed again.
    pub const CHANNEL_RECOVERED: Self = Self(Cow::Borrowed("lanyard.channel.recovered"));
    /// A device is down.
    pub const DEVICE_DOWN: Self = Self(Cow::Borrowed("lanyard.device.down"));
    /// A device is degraded.
    pub const DEVICE_DEGRADED: Self = Self(Cow::Borrowed("lanyard.device.degraded"));
    /// The state of a device changes again and again.
    pub const DEVICE_FLAPPING: Self = Self(Cow::Borrowed("lanyard.device.flapping"));
    /// A number that a device reports is too high or too low.
    pub const DEVICE_THRESHOLD: Self = Self(Cow::Borrowed("lanyard.device.threshold"));
    /// An alert about devices has ended.
    pub const DEVICE_RECOVERED: Self = Self(Cow::Borrowed("lanyard.device.recovered"));
    /// A device was restarted at its planned time, or was not.
    pub const DEVICE_RESTART: Self = Self(Cow::Borrowed("lanyard.device.restart"));
    /// A watch cannot read its devices.
    pub const WATCH_BLIND: Self = Self(Cow::Borrowed("lanyard.watch.blind"));
    /// A watch no longer sees devices that it saw.
    pub const WATCH_COVERAGE_FELL: Self = Self(Cow::Borrowed("lanyard.watch.coverage-fell"));
    /// An alert about a watch has ended.
    pub const WATCH_RECOVERED: Self = Self(Cow::Borrowed("lanyard.watch.recovered"));
    /// A sign of life.
    pub const HEARTBEAT: Self = Self(Cow::Borrowed("lanyard.heartbeat"));
    /// A test of a channel.
    pub const TEST: Self = Self(Cow::Borrowed("lanyard.test"));

    /// The types about devices and their watches.
    pub const OF_DEVICES: [Self; 9] = [
        Self::DEVICE_DOWN,
        Self::DEVICE_DEGRADED,
        Self::DEVICE_FLAPPING,
        Self::DEVICE_THRESHOLD,
        Self::DEVICE_RECOVERED,
        Self::DEVICE_RESTART,
        Self::WATCH_BLIND,
        Self::WATCH_COVERAGE_FELL,
        Self::WATCH_RECOVERED,
    ];

    /// All types.
    pub const ALL: [Self; 22] = [
        Self::CREDENTIAL_EXPIRING,
        Self::CREDENTIAL_STALLED,
        Self::CREDENTIAL_NEEDS_LOGIN,
        Self::CREDENTIAL_RECOVERED,
        Self::CREDENTIAL_AUTHORISED,
        Self::CREDENTIAL_REVOKED,
        Self::CLIENT_REFUSED,
        Self::KEY_CHANGED,
        Self::BACKUP_TOO_OLD,
        Self::CHANNEL_FAILING,
        Self::CHANNEL_RECOVERED,
        Self::DEVICE_DOWN,
        Self::DEVICE_DEGRADED,
        Self::DEVICE_FLAPPING,
        Self::DEVICE_THRESHOLD,
        Self::DEVICE_RECOVERED,
        Self::DEVICE_RESTART,
        Self::WATCH_BLIND,
        Self::WATCH_COVERAGE_FELL,
        Self::WATCH_RECOVERED,
        Self::HEARTBEAT,
        Self::TEST,
    ];

    /// The type as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The type without `lanyard.`, as people write it.
    pub fn short(&self) -> &str {
        self.0.strip_prefix(PREFIX).unwrap_or(&self.0)
    }

    /// The types whose alerts end with a resolved notice of this type. Apart from the types that report a recovery, a type ends its own
    /// alerts.
    pub fn resolves(&self) -> Vec<Self> {
        if *self == Self::CREDENTIAL_RECOVERED {
            vec![
                Self::CREDENTIAL_EXPIRING,
                Self::CREDENTIAL_STALLED,
                Self::CREDENTIAL_NEEDS_LOGIN,
                Self::CREDENTIAL_REVOKED,
            ]
        } else if *self == Self::CHANNEL_RECOVERED {
            vec![Self::CHANNEL_FAILING]
        } else if *self == Self::DEVICE_RECOVERED {
            vec![Self::DEVICE_DOWN, Self::DEVICE_DEGRADED, Self::DEVICE_FLAPPING, Self::DEVICE_THRESHOLD]
        } else if *self == Self::WATCH_RECOVERED {
            vec![Self::WATCH_BLIND, Self::WATCH_COVERAGE_FELL]
        } else {
            vec![self.clone()]
        }
    }
}

impl FromStr for NoticeType {
    type Err = NoticeError;

    fn from_str(text: &str) -> Result<Self, NoticeError> {
        let words = text.strip_prefix(PREFIX).ok_or(NoticeError::Type)?;
        if text.len() <= LONGEST && words.split('.').all(is_word) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(NoticeError::Type)
        }
    }
}

/// Whether a text is one word of a type.
pub(crate) fn is_word(word: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    word.bytes().all(fits) && word.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
}

impl fmt::Display for NoticeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for NoticeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

lanyard_protocol::serde_as_text!(NoticeType);

/// The beginning of every type.
pub(crate) const PREFIX: &str = "lanyard.";
const LONGEST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_lanyard_and_words() {
        for good in ["lanyard.test", "lanyard.devices.alert.down", "lanyard.backup.too-old", "lanyard.a1"] {
            assert_eq!(good.parse::<NoticeType>().unwrap().as_str(), good);
        }
        let long = format!("lanyard.{}", "x".repeat(93));
        for bad in ["", "test", "lanyard", "lanyard.", "lanyard..a", "lanyard.A", "lanyard.a\nb", "lanyard.-a", &long] {
            assert_eq!(bad.parse::<NoticeType>(), Err(NoticeError::Type), "{bad:?}");
        }
    }

    #[test]
    fn every_constant_is_a_type() {
        for constant in NoticeType::ALL {
            assert_eq!(constant.as_str().parse().as_ref(), Ok(&constant));
        }
    }
}
