//! Operations that take long: each is a run.

mod test_all;

pub use self::test_all::{TestAll, TestProgress};
