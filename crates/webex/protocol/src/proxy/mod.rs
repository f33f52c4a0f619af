//! The target of a proxied call: its path and its upstream, and whether the answer is a credential.

mod path;
mod segment;
mod shape;
mod yields;

pub use path::{ProxyPath, ProxyPathError, proxied};
pub use segment::{SegmentError, decode_segment};
pub use shape::shape;
pub use yields::yields_credential;
