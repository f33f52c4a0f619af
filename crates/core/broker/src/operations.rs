//! The operations of the broker that another process may ask for.

use lanyard_operation::{Door, Registry};
use lanyard_work::{CancelRun, Handlers, ListRuns, Runs, ShowRun, Start, add_run};

use crate::{
    AddApp, AddClient, AddGuest, AddServiceApp, AddToken, AwaitDevice, BeginDeviceSignIn, BeginSignIn, Broker, CallApi,
    ChangeApp, ChangeClient, ChangeLabels, CheckCalls, Clear, Disable, Enable, FindWebex, FinishSignIn, HandOut,
    IssueToken, Keep, KeepAudit, List, ListApps, ListClients, ListNames, ListRefusedClients, ListTokens,
    ListUnreadable, ListUnreadableApps, LookUp, Precheck, ReadAudit, RecordHandOut, Refresh, RemoveApp, RemoveClient,
    Rename, ReplaceSecret, Resume, RetryRevocations, RevokeTokens, Show, ShowApp, ShowAuditRetention, ShowClient,
    TakeToken, Test, TestAll, TrySecret, VerifyAudit,
};

/// Adds the work that the broker's operations start.
pub fn work<D: Door>(handlers: &mut Handlers, door: &D, broker: &Broker) {
    add_run::<TestAll, _>(handlers, door, broker);
}

/// Adds all operations of the broker to a registry.
pub fn register<D: Door>(registry: &mut Registry<D>, broker: &Broker) {
    let runs = Runs::new(&broker.queue);
    registry
        .add::<CancelRun>(&runs)
        .add::<ListRuns>(&runs)
        .add::<ShowRun>(&runs)
        .add::<Start<TestAll>>(broker)
        .add::<AddApp>(broker)
        .add::<AddClient>(broker)
        .add::<AddGuest>(broker)
        .add::<AddServiceApp>(broker)
        .add::<AddToken>(broker)
        .add::<AwaitDevice>(broker)
        .add::<BeginDeviceSignIn>(broker)
        .add::<BeginSignIn>(broker)
        .add::<CallApi>(broker)
        .add::<ChangeApp>(broker)
        .add::<ChangeClient>(broker)
        .add::<ChangeLabels>(broker)
        .add::<CheckCalls>(broker)
        .add::<Clear>(broker)
        .add::<Disable>(broker)
        .add::<Enable>(broker)
        .add::<FindWebex>(broker)
        .add::<FinishSignIn>(broker)
        .add::<HandOut>(broker)
        .add::<IssueToken>(broker)
        .add::<Keep>(broker)
        .add::<KeepAudit>(broker)
        .add::<List>(broker)
        .add::<ListApps>(broker)
        .add::<ListClients>(broker)
        .add::<ListNames>(broker)
        .add::<ListRefusedClients>(broker)
        .add::<ListTokens>(broker)
        .add::<ListUnreadable>(broker)
        .add::<ListUnreadableApps>(broker)
        .add::<LookUp>(broker)
        .add::<Precheck>(broker)
        .add::<ReadAudit>(broker)
        .add::<RecordHandOut>(broker)
        .add::<Refresh>(broker)
        .add::<RemoveApp>(broker)
        .add::<RemoveClient>(broker)
        .add::<Rename>(broker)
        .add::<ReplaceSecret>(broker)
        .add::<Resume>(broker)
        .add::<RetryRevocations>(broker)
        .add::<RevokeTokens>(broker)
        .add::<Show>(broker)
        .add::<ShowApp>(broker)
        .add::<ShowAuditRetention>(broker)
        .add::<ShowClient>(broker)
        .add::<TakeToken>(broker)
        .add::<Test>(broker)
        .add::<TrySecret>(broker)
        .add::<VerifyAudit>(broker);
}

#[cfg(test)]
mod tests;
