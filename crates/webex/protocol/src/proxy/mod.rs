//! What a proxied call may ask for: where it goes, and whether it brings a credential.

mod path;
mod segment;
mod shape;
mod yields;

pub use path::{ProxyPath, ProxyPathError, proxied};
pub use segment::{SegmentError, decode_segment};
pub use shape::shape;
pub use yields::yields_credential;
