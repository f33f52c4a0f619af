//! The key by which a client proves its identity.

use std::fmt;

use lanyard_secret::SecretText;
use lanyard_time::Entropy;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::ClientId;

/// A client's key, as only the client has it: `lyk_`, the client's id, 256 random bits and a checksum, the last three as letters
/// and digits with underscores between them, 77 characters in all.
///
/// The beginning lets programs that look for secrets in files find it, and the checksum tells a key that was mistyped from one
/// that was removed, without asking anybody; it protects nothing. The store has the [hash](Self::hash) alone.
#[derive(Clone)]
pub struct ClientKey {
    client: ClientId,
    text: SecretText,
}

/// Why a text is no client's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClientKeyError {
    /// It does not begin as keys do: a token of Webex, perhaps.
    #[error("this is not a client key: those begin with {PREFIX}")]
    NotAKey,
    /// It does, and the rest does not fit.
    #[error("this client key is mistyped, or cut off")]
    Mistyped,
}

/// SHA-256 of a key. Nobody guesses 256 random bits, so that nothing slower is needed.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

const PREFIX: &str = "lyk_";
/// 62 to the power of 22 is more than 2 to the power of 128.
const ID: usize = 22;
/// 62 to the power of 43 is more than 2 to the power of 256.
const RANDOM: usize = 43;
/// 62 to the power of 6 is more than 2 to the power of 32.
const CHECKSUM: usize = 6;
const LENGTH: usize = PREFIX.len() + ID + 1 + RANDOM + 1 + CHECKSUM;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl ClientKey {
    /// A new key for a client.
    pub fn random(client: ClientId, entropy: &dyn Entropy) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(LENGTH));
        text.push_str(PREFIX);
        push_number(&mut text, client.number(), ID);
        text.push('_');
        push_random(&mut text, entropy);
        let checksum = checksum(text.as_bytes());
        text.push('_');
        push_number(&mut text, checksum.into(), CHECKSUM);
        Self { client, text: SecretText::new(text.as_str()) }
    }

    /// Reads a key. That its checksum fits says nothing about whether there is such a client.
    pub fn parse(text: &str) -> Result<Self, ClientKeyError> {
        let rest = text.strip_prefix(PREFIX).ok_or(ClientKeyError::NotAKey)?;
        let mut parts = rest.split('_');
        let (Some(id), Some(random), Some(check), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ClientKeyError::Mistyped);
        };
        let covered = text.len() - check.len() - 1;
        let fits = random.len() == RANDOM
            && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && number(check, CHECKSUM) == Some(checksum(&text.as_bytes()[..covered]).into());
        match number(id, ID) {
            Some(number) if fits => Ok(Self { client: ClientId::from_number(number), text: SecretText::new(text) }),
            _ => Err(ClientKeyError::Mistyped),
        }
    }

    /// Whose key it says it is.
    pub fn client(&self) -> ClientId {
        self.client
    }

    /// The hash of the key, which is all that the store keeps.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.text.expose_secret()).into())
    }

    /// The key as a secret like any other.
    pub fn text(&self) -> &SecretText {
        &self.text
    }

    /// The key itself. Every use of this is a place to review.
    pub fn expose_secret(&self) -> &str {
        self.text.expose_secret()
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey")
    }
}

impl KeyHash {
    /// A hash as it was stored; `None` where it is not as long as one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The hash, to be stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Compares in a time that does not depend on what is in them. There is no other way to compare.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash")
    }
}

/// Appends a number as so many letters and digits.
fn push_number(text: &mut String, mut number: u128, length: usize) {
    let mut digits = [b'0'; ID];
    for digit in digits[..length].iter_mut().rev() {
        *digit = LETTERS[usize::try_from(number % 62).unwrap_or_default()];
        number /= 62;
    }
    text.extend(digits[..length].iter().map(|digit| char::from(*digit)));
}

/// The number that is written so; `None` where it is none, or too large.
fn number(text: &str, length: usize) -> Option<u128> {
    if text.len() != length {
        return None;
    }
    text.bytes().try_fold(0_u128, |number, byte| {
        let digit = LETTERS.iter().position(|letter| *letter == byte)?;
        number.checked_mul(62)?.checked_add(u128::try_from(digit).ok()?)
    })
}

/// Appends random letters and digits, each as likely as any other.
fn push_random(text: &mut String, entropy: &dyn Entropy) {
    let mut bytes = Zeroizing::new([0_u8; RANDOM]);
    let mut missing = RANDOM;
    while missing > 0 {
        entropy.fill(&mut *bytes);
        // Four times 62; the bytes above would favour the first letters.
        for byte in bytes.iter().filter(|byte| **byte < 248).take(missing) {
            text.push(char::from(LETTERS[usize::from(byte % 62)]));
            missing -= 1;
        }
    }
}

/// CRC-32 as zlib has it: it sees any change within four characters that follow each other.
fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use lanyard_time::{SeededEntropy, SystemEntropy};
    use proptest::prelude::*;

    use super::*;

    fn key(seed: u64) -> ClientKey {
        let entropy = SeededEntropy::new(seed);
        ClientKey::random(ClientId::random(&entropy), &entropy)
    }

    #[test]
    fn a_key_is_read_as_it_was_made() {
        let client = ClientId::random(&SystemEntropy);
        let made = ClientKey::random(client, &SystemEntropy);
        let text = made.expose_secret();
        assert_eq!((text.len(), &text[..4]), (LENGTH, "lyk_"));
        let read = ClientKey::parse(text).unwrap();
        assert_eq!((read.client(), read.expose_secret()), (client, text));
        assert!(read.hash().matches(&made.hash()));
    }

    #[test]
    fn two_keys_of_one_client_are_told_apart_by_their_hashes() {
        let client = ClientId::random(&SystemEntropy);
        let (one, other) = (ClientKey::random(client, &SystemEntropy), ClientKey::random(client, &SystemEntropy));
        assert!(!one.hash().matches(&other.hash()));
        let mut bytes = one.hash().as_bytes().to_vec();
        assert!(KeyHash::from_bytes(&bytes).unwrap().matches(&one.hash()));
        bytes[31] ^= 1;
        assert!(!KeyHash::from_bytes(&bytes).unwrap().matches(&one.hash()));
        assert!(KeyHash::from_bytes(&bytes[..31]).is_none());
    }

    #[test]
    fn neither_a_key_nor_its_hash_is_shown() {
        let key = key(1);
        assert_eq!(format!("{key:?} {:?}", key.hash()), "ClientKey KeyHash");
    }

    #[test]
    fn what_is_no_key_is_told_from_one_that_is_mistyped() {
        let good = key(1).expose_secret().to_owned();
        for text in ["", "lyk", "LYK_", "ZDI3MGEyYzQtNmFlNS00NDNhLWFlNzAtZGVjNjE0MGU1OGZmZWNmZDEwN2ItYTU3", &good[1..]]
        {
            assert_eq!(ClientKey::parse(text).err(), Some(ClientKeyError::NotAKey), "{text}");
        }
        let cut = &good[..LENGTH - 1];
        for text in [
            "lyk_",
            "lyk___",
            cut,
            &format!("{good}x"),
            &format!("{good}_"),
            &format!("{good}\n"),
            &good.replace('_', "-").replacen('-', "_", 1),
        ] {
            assert_eq!(ClientKey::parse(text).err(), Some(ClientKeyError::Mistyped), "{text}");
        }
    }

    #[test]
    fn an_id_that_no_client_can_have_is_no_key() {
        let covered = format!("lyk_{}_{}", "z".repeat(ID), "0".repeat(RANDOM));
        let mut text = format!("{covered}_");
        push_number(&mut text, checksum(covered.as_bytes()).into(), CHECKSUM);
        assert_eq!(ClientKey::parse(&text).err(), Some(ClientKeyError::Mistyped));
    }

    #[test]
    fn the_checksum_is_the_one_that_everybody_has() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    }

    proptest! {
        #[test]
        fn a_slip_of_one_character_is_found(seed: u64, at in 4..LENGTH, to in proptest::char::range(' ', '~')) {
            let good = key(seed).expose_secret().to_owned();
            let mut bytes = good.clone().into_bytes();
            bytes[at] = u8::try_from(to).unwrap();
            let typed = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(ClientKey::parse(&typed).is_ok(), typed == good);
        }

        #[test]
        fn two_characters_in_the_wrong_order_are_found(seed: u64, at in 4..LENGTH - 1) {
            let good = key(seed).expose_secret().to_owned();
            let mut bytes = good.clone().into_bytes();
            bytes.swap(at, at + 1);
            let typed = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(ClientKey::parse(&typed).is_ok(), typed == good);
        }

        #[test]
        fn nothing_that_is_read_makes_it_panic(text in "(lyk_)?\\PC*") {
            let _ = ClientKey::parse(&text);
        }
    }
}
