//! The format of sealed values, and the reasons why one does not open.

use std::fmt;
use std::str::FromStr;

use lanyard_time::Entropy;
use thiserror::Error;

/// Which key a value stands under: a home's, or a row's data key. Not a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; Self::LENGTH]);

/// A text that is no key id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a key id: 16 lower-case hexadecimal digits are expected")]
pub struct KeyIdError;

impl KeyId {
    pub(crate) const LENGTH: usize = 8;

    /// The bytes, as sealed values show them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The key that the bytes of a [`Sealed`] value say they stand under; nothing of it is checked. `None` when they are too few to
    /// say.
    pub fn shown_by(sealed: &[u8]) -> Option<Self> {
        sealed.get(1..=Self::LENGTH).and_then(Self::from_bytes)
    }

    pub(crate) fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; Self::LENGTH];
        entropy.fill(&mut bytes);
        Self(bytes)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != 2 * Self::LENGTH || !digits {
            return Err(KeyIdError);
        }
        u64::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| KeyIdError)
    }
}

/// A value that only the right key at the right place opens.
///
/// Version byte, key id (8), nonce (24), `XChaCha20` ciphertext, `Poly1305` tag (16). In a wrapped key the id is the home key's: it
/// tells which home's key opens it, and which of two while one replaces the other. In anything else it is the data key's.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// Why a sealed value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// It stands under the key of another home.
    #[error("it is sealed under the key {found}, and this home's key is {expected}")]
    ForeignKey {
        /// The key that sealed it.
        found: KeyId,
        /// The key that was tried.
        expected: KeyId,
    },
    /// It was altered, cut, moved from another place, or is of a version that is not known here.
    #[error("a sealed value is damaged, or was moved from another row")]
    Damaged,
}

pub(crate) const VERSION: u8 = 1;
pub(crate) const KEY: usize = 32;
pub(crate) const NONCE: usize = 24;
pub(crate) const TAG: usize = 16;

/// The parts of a well-formed sealed value.
pub(crate) struct Parts<'a> {
    pub(crate) nonce: &'a [u8; NONCE],
    pub(crate) ciphertext: &'a [u8],
    pub(crate) tag: &'a [u8; TAG],
}

impl Sealed {
    /// The length of all that precedes the ciphertext.
    pub(crate) const HEADER: usize = 1 + KeyId::LENGTH + NONCE;

    /// The bytes, for storing.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes stored bytes back. Nothing is checked before the value is opened.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The key that it says it stands under; nothing of it is checked. `None` when it is too short to say.
    pub fn key_id(&self) -> Option<KeyId> {
        KeyId::shown_by(&self.0)
    }

    /// The head of a new value; what follows is appended to it.
    pub(crate) fn header(key: KeyId, nonce: &[u8; NONCE]) -> [u8; Self::HEADER] {
        let mut header = [0; Self::HEADER];
        header[0] = VERSION;
        header[1..=KeyId::LENGTH].copy_from_slice(&key.0);
        header[1 + KeyId::LENGTH..].copy_from_slice(nonce);
        header
    }

    /// Takes the value apart, provided that it stands under `expected`.
    pub(crate) fn parts(&self, expected: KeyId) -> Result<Parts<'_>, OpenError> {
        let (&version, rest) = self.0.split_first().ok_or(OpenError::Damaged)?;
        let (key, rest) = rest.split_first_chunk().ok_or(OpenError::Damaged)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or(OpenError::Damaged)?;
        let (ciphertext, tag) = rest.split_last_chunk().ok_or(OpenError::Damaged)?;
        if version != VERSION {
            return Err(OpenError::Damaged);
        }
        let found = KeyId(*key);
        if found != expected {
            return Err(OpenError::ForeignKey { found, expected });
        }
        Ok(Parts { nonce, ciphertext, tag })
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_id_survives_its_text() {
        let id = KeyId([0, 1, 0xab, 3, 4, 5, 6, 0xff]);
        assert_eq!(id.to_string(), "0001ab03040506ff");
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "0001ab03040506f", "0001AB03040506ff", "+001ab03040506ff"] {
            assert_eq!(bad.parse::<KeyId>(), Err(KeyIdError), "{bad}");
        }
    }

    #[test]
    fn debug_shows_a_length_only() {
        assert_eq!(format!("{:?}", Sealed::from_bytes(vec![7; 3])), "Sealed(3 bytes)");
    }
}
