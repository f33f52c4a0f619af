//! Use cases that travel: a [`Call`](crate::Call) as bytes, and its reply.
//!
//! The bytes are JSON. A program of the same owner and of the same [`PROTOCOL`] reads what the other wrote; there is no older or
//! newer form to be read.

pub(crate) mod error;
pub(crate) mod headers;
pub(crate) mod shared;
pub(crate) mod status;
pub(crate) mod text;

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::error::Error;

/// The number of this form. It changes with every change to a call, a reply or an error that travels, and to what must come with it.
pub const PROTOCOL: u32 = 8;

/// Bytes that are not what they should be. What is wrong is said without repeating them: they may hold secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {0} of what came over the socket is not as it should be")]
pub struct WireError(pub usize);

impl WireError {
    #[expect(clippy::needless_pass_by_value, reason = "it is what map_err passes")]
    fn of(error: serde_json::Error) -> Self {
        Self(error.column())
    }
}

/// A call or a reply as bytes. The buffer is made as large as it must be, so that it leaves no copy behind by growing.
pub fn encode(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, WireError> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value).map_err(WireError::of)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *bytes, value).map_err(WireError::of)?;
    Ok(bytes)
}

/// Bytes as a call or a reply.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    serde_json::from_slice(bytes).map_err(WireError::of)
}

/// An error as bytes.
pub fn encode_error(error: &Error) -> Result<Zeroizing<Vec<u8>>, WireError> {
    encode(&error::Written(error))
}

/// Bytes as an error that says what the first one said.
pub fn decode_error(bytes: &[u8]) -> Result<Error, WireError> {
    decode::<error::Read>(bytes).map(|read| read.0)
}

/// How much would be written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
