//! What a proxied call may ask for: where it goes, and whether it brings a credential.

mod path;
mod yields;

pub use path::{ProxyPath, ProxyPathError, Upstream, proxied};
pub use yields::yields_credential;
