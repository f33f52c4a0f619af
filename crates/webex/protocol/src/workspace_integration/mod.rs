//! Workspace integrations: the activation code, the address of an integration, and the queue of messages
//! (Cisco's workspace-integrations-nodejs, and developer.webex.com/docs/workspace-integrations).

mod activation;
mod queue;
mod signature;

pub use activation::{Activation, ActivationCode, ActivationError};
pub use queue::{PolledQueue, Push, complete_activation, poll, report_operational};
pub use signature::{KeySet, SignatureError};
