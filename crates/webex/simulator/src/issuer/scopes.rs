//! The scopes that the simulator's own apps are registered with: all that can be, since people learn with them.

use lanyard_protocol::{Scope, ScopeHolder, ScopeSet, registrable_scopes};

/// What an integration may ask for; `machine` is for what an administrator authorises a service app for.
pub(crate) fn all_scopes(machine: bool) -> ScopeSet {
    registrable_scopes(if machine { ScopeHolder::ServiceApp } else { ScopeHolder::Integration })
}

/// The scopes of `OpenID` Connect: any integration may ask for them, none is registered for them.
pub(crate) const OPENID: [&str; 5] = ["openid", "email", "profile", "phone", "address"];

/// The same as a set.
pub(crate) fn openid_scopes() -> ScopeSet {
    OPENID.iter().map(|name| name.parse::<Scope>().expect("a constant scope is well formed")).collect()
}
