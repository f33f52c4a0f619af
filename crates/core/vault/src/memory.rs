//! Sealing what stays in the memory of this process.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use lanyard_time::Entropy;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, Tag, UnboundKey};
use zeroize::Zeroizing;

use crate::OpenError;
use crate::sealed::KEY;

/// A key that is made when a process starts and ends with it: what it sealed is of no use in a file, a backup or another process.
///
/// AES-256-GCM (NIST SP 800-38D), since the processor itself does it: what is kept in memory is opened again and again, and
/// nothing of it is ever written down. Its nonces are counted, which they can be because no two processes have the same key.
pub struct MemoryKey {
    key: LessSafeKey,
    sealed: AtomicU64,
}

impl MemoryKey {
    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut secret = Zeroizing::new([0; KEY]);
        entropy.fill(secret.as_mut_slice());
        Self { key: cipher(&secret), sealed: AtomicU64::new(0) }
    }

    /// Seals a secret text for whoever names the same `context`.
    pub fn seal(&self, text: &str, context: &[u8]) -> KeptSealed {
        let number = self.sealed.fetch_add(1, Ordering::Relaxed);
        let mut text = Box::<[u8]>::from(text.as_bytes());
        let tag = seal(&self.key, number, context, &mut text);
        KeptSealed { number, tag, text }
    }

    /// Opens what was sealed in this process with the same context, and hands it to the type that keeps it.
    pub fn open<T>(&self, sealed: &KeptSealed, context: &[u8], keep: impl FnOnce(String) -> T) -> Result<T, OpenError> {
        let mut text = Zeroizing::new(sealed.text.to_vec());
        self.key
            .open_in_place_separate_tag(nonce(sealed.number), Aad::from(context), sealed.tag, &mut text, 0..)
            .map_err(|_| OpenError::Damaged)?;
        // The only copy is what is kept.
        String::from_utf8(std::mem::take(&mut *text)).map(keep).map_err(|_| OpenError::Damaged)
    }
}

impl fmt::Debug for MemoryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryKey")
    }
}

/// A value that only the process that sealed it opens. It cannot be stored.
pub struct KeptSealed {
    number: u64,
    tag: Tag,
    text: Box<[u8]>,
}

impl fmt::Debug for KeptSealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeptSealed({} bytes)", self.text.len())
    }
}

fn cipher(secret: &[u8; KEY]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, secret).expect("AES-256 has keys of 32 bytes"))
}

fn seal(key: &LessSafeKey, number: u64, context: &[u8], text: &mut [u8]) -> Tag {
    key.seal_in_place_separate_tag(nonce(number), Aad::from(context), text)
        .expect("a text in memory is shorter than the cipher's limit of 64 GiB")
}

fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[..8].copy_from_slice(&number.to_le_bytes());
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use lanyard_time::SeededEntropy;
    use proptest::prelude::*;

    use super::*;

    fn opened(key: &MemoryKey, sealed: &KeptSealed, context: &[u8]) -> Result<String, OpenError> {
        key.open(sealed, context, |text| text)
    }

    #[test]
    fn what_is_kept_opens_in_its_own_context_and_process_alone() {
        let key = MemoryKey::generate(&SeededEntropy::new(1));
        let sealed = key.seal("canary", b"7");
        assert_eq!(opened(&key, &sealed, b"7").unwrap(), "canary");
        assert_eq!(opened(&key, &sealed, b"8"), Err(OpenError::Damaged));
        let another = MemoryKey::generate(&SeededEntropy::new(2));
        assert_eq!(opened(&another, &sealed, b"7"), Err(OpenError::Damaged));
    }

    #[test]
    fn no_two_sealings_are_alike() {
        let key = MemoryKey::generate(&SeededEntropy::new(1));
        let (first, second) = (key.seal("canary-canary", b""), key.seal("canary-canary", b""));
        assert_ne!(first.number, second.number);
        assert_ne!(first.text, second.text);
    }

    #[test]
    fn debug_shows_neither_key_nor_text() {
        let key = MemoryKey::generate(&SeededEntropy::new(1));
        assert_eq!(format!("{key:?} {:?}", key.seal("canary", b"")), "MemoryKey KeptSealed(6 bytes)");
    }

    proptest! {
        #[test]
        fn every_text_is_kept_as_it_was_and_shows_nothing_of_itself(text in ".{0,200}", long in "[a-z]{8,200}") {
            let key = MemoryKey::generate(&SeededEntropy::new(3));
            let sealed = key.seal(&text, b"place");
            prop_assert_eq!(opened(&key, &sealed, b"place").unwrap(), text.as_str());
            let sealed = key.seal(&long, b"place");
            prop_assert!(!sealed.text.windows(8).any(|window| long.as_bytes().windows(8).any(|part| part == window)));
        }

        #[test]
        fn every_altered_bit_is_refused(text in ".{1,60}", at in any::<prop::sample::Index>()) {
            let key = MemoryKey::generate(&SeededEntropy::new(4));
            let mut sealed = key.seal(&text, b"place");
            let bit = at.index(sealed.text.len() * 8);
            sealed.text[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(opened(&key, &sealed, b"place").is_err());
        }
    }
}
