//! The two counters of a credential.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares a counter that only grows.
macro_rules! counter {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(u32);

        impl $name {
            /// The number `n`.
            pub const fn new(n: u32) -> Self {
                Self(n)
            }

            /// The number itself.
            pub const fn number(self) -> u32 {
                self.0
            }

            /// The next one.
            ///
            /// # Panics
            /// After four thousand million: once a second for 136 years.
            pub const fn next(self) -> Self {
                Self(self.0.checked_add(1).expect("a counter does not outlive its machine"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

counter! {
    /// The number of a credential's token set. 0 before there is one. It is the fence: a write says which generation it
    /// replaces, and fails when another was faster.
    Generation;
    /// The number of the grant behind a token set: it grows with each sign-in, not with rotations. A refresh token of an
    /// earlier grant may act as someone else and is never used for a later one.
    Grant;
}
