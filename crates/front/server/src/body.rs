//! Bodies of replies.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use zeroize::Zeroizing;

/// What a body's failure is to whoever reads it: the connection is cut.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a reply: in one piece, or streamed.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A body in one piece.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body in one piece that is wiped once it was sent.
pub(crate) fn secret(bytes: Zeroizing<Vec<u8>>) -> Body {
    whole(Bytes::from_owner(bytes))
}
