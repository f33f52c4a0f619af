//! Bodies in one piece, in memory that is wiped.

use bytes::Buf as _;
use http_body_util::BodyExt as _;
use hyper::body::Body;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::body::BoxError;

/// The longest body that is read, in bytes: the longest answer of Webex that the broker takes, in base64, and what is around it.
const LONGEST: u64 = 400 * 1024 * 1024;

/// Why a body was not read.
#[derive(Debug, Error)]
pub enum BodyError {
    /// It is too long, or does not say how long it is.
    #[error("expected a body with a Content-Length of at most {LONGEST} bytes")]
    Length,
    /// It did not come whole.
    #[error("the body is incomplete")]
    Cut(#[source] BoxError),
}

/// Reads a body whose length was stated into a buffer of that length.
pub async fn whole<B>(body: B) -> Result<Zeroizing<Vec<u8>>, BodyError>
where
    B: Body<Error: Into<BoxError>> + Unpin,
{
    let length = body.size_hint().exact().filter(|length| *length <= LONGEST).ok_or(BodyError::Length)?;
    let length = usize::try_from(length).map_err(|_| BodyError::Length)?;
    let mut body = body;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    while let Some(frame) = body.frame().await {
        let Ok(mut piece) = frame.map_err(|error| BodyError::Cut(error.into()))?.into_data() else { continue };
        while piece.has_remaining() {
            let chunk = piece.chunk();
            let count = chunk.len();
            bytes.extend_from_slice(chunk);
            piece.advance(count);
        }
    }
    Ok(bytes)
}
