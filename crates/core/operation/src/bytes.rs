//! Operations, replies and problems as bytes: JSON in buffers that are wiped.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// Bytes that cannot be read or written as a value. The message does not repeat them, because they may hold secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSON at column {0}")]
pub struct WireError(pub usize);

impl WireError {
    #[expect(clippy::needless_pass_by_value, reason = "map_err passes it")]
    fn of(error: serde_json::Error) -> Self {
        Self(error.column())
    }
}

/// Writes a value as JSON. The buffer gets its final size first, because a buffer that grows leaves copies behind.
pub fn encode(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, WireError> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value).map_err(WireError::of)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *bytes, value).map_err(WireError::of)?;
    Ok(bytes)
}

/// Reads a value from JSON.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    serde_json::from_slice(bytes).map_err(WireError::of)
}

/// Counts the bytes that are written.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_does_not_grow_while_it_is_written() {
        let bytes = encode(&vec!["some text"; 100]).unwrap();
        assert_eq!(bytes.capacity(), bytes.len());
    }

    #[test]
    fn invalid_bytes_are_not_repeated() {
        let error = decode::<Vec<String>>(b"[\"canary\x07").unwrap_err();
        assert!(matches!(error, WireError(1..)) && !error.to_string().contains("canary"), "{error}");
    }
}
