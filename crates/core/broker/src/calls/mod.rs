//! The use cases, one file each. A file lists its operations with [`operations!`].

/// Lists the operations of a file. A new one also has the values that the test of bytes sends: `operations![Count; |tried| { tried.trip(…) }]`.
macro_rules! operations {
    ($($operation:ident),* $(,)?) => {
        operations![$($operation),*; |_tried| {}];
    };
    ($($operation:ident),* ; |$tried:ident| $values:block) => {
        /// Adds the operations of this file.
        pub(super) fn register<D: lanyard_operation::Door>(
            _registry: &mut lanyard_operation::Registry<D>,
            _broker: &crate::Broker,
        ) {
            $(_registry.add::<$operation>(_broker);)*
        }

        /// Sends values of the operations of this file.
        #[cfg(test)]
        pub(super) fn trips($tried: &mut crate::trips::Trips) $values
    };
}

/// Exports the items of the files, and collects their operations.
macro_rules! calls {
    ($($file:ident)+) => {
        $(pub use self::$file::*;)+

        /// Adds the operations of all files to a registry.
        pub(crate) fn register<D: lanyard_operation::Door>(
            registry: &mut lanyard_operation::Registry<D>,
            broker: &crate::Broker,
        ) {
            $($file::register(registry, broker);)+
        }

        /// Sends the values that the files have of their operations.
        #[cfg(test)]
        pub(crate) fn trips(tried: &mut crate::trips::Trips) {
            $($file::trips(tried);)+
        }
    };
}

pub(crate) mod api;
pub(crate) mod app;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod channel;
pub(crate) mod check_calls;
pub(crate) mod clear;
pub(crate) mod client;
pub(crate) mod client_policy;
pub(crate) mod device_sign_in;
pub(crate) mod events;
pub(crate) mod holders;
pub(crate) mod import;
pub(crate) mod issue_token;
mod key;
pub(crate) mod minted;
pub(crate) mod names;
pub(crate) mod paste;
pub(crate) mod precheck;
pub(crate) mod refresh;
pub(crate) mod rename;
pub(crate) mod show;
pub(crate) mod sign_in;
pub(crate) mod switch;
pub(crate) mod take_token;
pub(crate) mod test;
pub(crate) mod tokens;
pub(crate) mod workspace_integration;

calls! {
    api
    app
    audit
    backup
    channel
    check_calls
    clear
    client
    client_policy
    device_sign_in
    events
    holders
    import
    issue_token
    minted
    names
    paste
    precheck
    refresh
    rename
    show
    sign_in
    switch
    take_token
    test
    tokens
    workspace_integration
}
