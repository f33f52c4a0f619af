//! Events as people and systems are told of them.

mod compare;
mod notices;
mod watch;

pub(crate) use self::notices::{Notices, source};
pub(crate) use self::watch::{WATCH, WATCH_KEY, watch};
