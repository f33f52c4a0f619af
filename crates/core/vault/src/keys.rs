//! The home's key and the keys that it wraps.

use std::fmt;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use hkdf::Hkdf;
use lanyard_secret::SecretBytes;
use lanyard_time::Entropy;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::sealed::{KEY, NONCE, TAG, VERSION};
use crate::{AuditKey, KeyId, OpenError, RowAddress, Sealed};

/// The key of a home: it wraps data keys and seals nothing else. Wiped when dropped.
#[derive(Clone)]
pub struct HomeKey {
    id: KeyId,
    secret: Zeroizing<[u8; KEY]>,
}

impl HomeKey {
    /// A new key under a new id.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self { id: KeyId::random(entropy), secret: random_key(entropy) }
    }

    pub(crate) fn from_parts(id: KeyId, secret: Zeroizing<[u8; KEY]>) -> Self {
        Self { id, secret }
    }

    pub(crate) fn expose_secret(&self) -> &[u8; KEY] {
        &self.secret
    }

    /// Which key this is. Not a secret: every sealed value shows it.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Wraps a data key for the place `at`: its id and the key itself, so that what it sealed opens under any wrapping of it.
    pub fn wrap(&self, key: &DataKey, at: &RowAddress<'_>, entropy: &dyn Entropy) -> Sealed {
        let mut text = Zeroizing::new([0; KeyId::LENGTH + KEY]);
        text[..KeyId::LENGTH].copy_from_slice(key.id.as_bytes());
        text[KeyId::LENGTH..].copy_from_slice(key.secret.as_slice());
        seal(&self.secret, self.id, Purpose::Wrap, text.as_slice(), &associated(at), entropy)
    }

    /// Unwraps a data key that was wrapped for the place `at`.
    pub fn unwrap(&self, wrapped: &Sealed, at: &RowAddress<'_>) -> Result<DataKey, OpenError> {
        let text = open(&self.secret, self.id, Purpose::Wrap, wrapped, &associated(at))?;
        let (id, secret) = match text.expose_secret().split_at_checked(KeyId::LENGTH) {
            Some((id, secret)) if secret.len() == KEY => (KeyId::from_bytes(id).ok_or(OpenError::Damaged)?, secret),
            // Homes of the first version: the key alone. What it sealed shows the id of the home's key of that time.
            _ => (self.id, text.expose_secret()),
        };
        let secret = <[u8; KEY]>::try_from(secret).map_err(|_| OpenError::Damaged)?;
        Ok(DataKey { id, secret: Zeroizing::new(secret) })
    }
}

impl fmt::Debug for HomeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HomeKey({})", self.id)
    }
}

/// The key of one credential, app or queue entry. It keeps its id however often it is wrapped again. Wiped when dropped.
pub struct DataKey {
    id: KeyId,
    secret: Zeroizing<[u8; KEY]>,
}

impl DataKey {
    /// A new key under a new id, to be stored [wrapped](HomeKey::wrap).
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self { id: KeyId::random(entropy), secret: random_key(entropy) }
    }

    /// Seals `plaintext` for the place `at`.
    pub fn seal(&self, plaintext: &[u8], at: &RowAddress<'_>, entropy: &dyn Entropy) -> Sealed {
        seal(&self.secret, self.id, Purpose::Seal, plaintext, &associated(at), entropy)
    }

    /// Opens what was sealed for the place `at`. A value of another row's key is damaged: it was moved.
    pub fn open(&self, sealed: &Sealed, at: &RowAddress<'_>) -> Result<SecretBytes, OpenError> {
        open(&self.secret, self.id, Purpose::Seal, sealed, &associated(at)).map_err(|_| OpenError::Damaged)
    }

    /// The key of the audit chains, derived from this one (RFC 5869). Only the home's own data key is asked for it: so the
    /// chains stay verifiable when the home's key is replaced and its data keys are wrapped again.
    pub fn audit_key(&self) -> AuditKey {
        AuditKey::derive(&self.secret, b"lanyard audit chain 1")
    }

    /// The key of the list of clients, derived in the same way.
    pub fn clients_key(&self) -> AuditKey {
        AuditKey::derive(&self.secret, b"lanyard client list 1")
    }

    /// The key of sealed documents, derived in the same way.
    #[expect(clippy::missing_panics_doc, reason = "the length is a constant within HKDF's limit")]
    pub fn documents_key(&self) -> Self {
        let mut secret = Zeroizing::new([0; KEY]);
        Hkdf::<Sha256>::new(None, &*self.secret)
            .expand(b"lanyard documents 1", secret.as_mut_slice())
            .expect("32 bytes are within the limit of HKDF");
        Self { id: self.id, secret }
    }

    /// The key of the seals over rows, derived in the same way.
    pub fn seals_key(&self) -> AuditKey {
        AuditKey::derive(&self.secret, b"lanyard row seals 1")
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

/// The purpose of a key. It is authenticated, so that a wrapped key never passes for a sealed value.
#[derive(Clone, Copy)]
enum Purpose {
    Wrap = 1,
    Seal = 2,
    Lock = 3,
}

/// Seals a home's key under one that was derived from a passphrase.
pub(crate) fn seal_locked(
    derived: &[u8; KEY],
    id: KeyId,
    key: &[u8; KEY],
    context: &[u8],
    entropy: &dyn Entropy,
) -> Sealed {
    seal(derived, id, Purpose::Lock, key, context, entropy)
}

/// Opens what [`seal_locked`] sealed.
pub(crate) fn unseal_locked(
    derived: &[u8; KEY],
    id: KeyId,
    sealed: &Sealed,
    context: &[u8],
) -> Result<SecretBytes, OpenError> {
    open(derived, id, Purpose::Lock, sealed, context)
}

fn random_key(entropy: &dyn Entropy) -> Zeroizing<[u8; KEY]> {
    let mut secret = Zeroizing::new([0; KEY]);
    entropy.fill(secret.as_mut_slice());
    secret
}

fn seal(
    key: &[u8; KEY],
    id: KeyId,
    purpose: Purpose,
    plaintext: &[u8],
    context: &[u8],
    entropy: &dyn Entropy,
) -> Sealed {
    // 192 random bits: no nonce repeats, however many values one key seals.
    let mut nonce = [0; NONCE];
    entropy.fill(&mut nonce);
    // The whole length at once: a growing vector would leave copies of the plaintext behind.
    let mut out = Vec::with_capacity(Sealed::HEADER + plaintext.len() + TAG);
    out.extend_from_slice(&Sealed::header(id, &nonce));
    out.extend_from_slice(plaintext);
    let tag = XChaCha20Poly1305::new(key.into())
        .encrypt_inout_detached(
            &nonce.into(),
            &associated_data(id, purpose, context),
            out[Sealed::HEADER..].as_mut().into(),
        )
        .expect("a plaintext in memory is shorter than the cipher's limit of 256 GiB");
    out.extend_from_slice(&tag);
    Sealed::from_bytes(out)
}

fn open(
    key: &[u8; KEY],
    id: KeyId,
    purpose: Purpose,
    sealed: &Sealed,
    context: &[u8],
) -> Result<SecretBytes, OpenError> {
    let parts = sealed.parts(id)?;
    let mut text = Zeroizing::new(parts.ciphertext.to_vec());
    XChaCha20Poly1305::new(key.into())
        .decrypt_inout_detached(
            parts.nonce.into(),
            &associated_data(id, purpose, context),
            text.as_mut_slice().into(),
            parts.tag.into(),
        )
        .map_err(|_| OpenError::Damaged)?;
    Ok(SecretBytes::new(std::mem::take(&mut *text)))
}

fn associated(at: &RowAddress<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    at.encode(&mut out);
    out
}

/// The header (its nonce is authenticated by the cipher itself), the purpose and the place or whatever else belongs to it.
fn associated_data(id: KeyId, purpose: Purpose, context: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    out.push(VERSION);
    out.extend_from_slice(&Sealed::header(id, &[0; NONCE])[1..Sealed::HEADER - NONCE]);
    out.push(purpose as u8);
    out.extend_from_slice(context);
    out
}

#[cfg(test)]
mod tests {
    use lanyard_time::SeededEntropy;
    use proptest::prelude::*;

    use super::*;

    const PLACE: RowAddress<'static> = RowAddress {
        table: "credentials",
        row: "7",
        column: "access_token",
        generation: 3,
        environment: "https://webexapis.com/v1",
    };

    fn keys(seed: u64) -> (HomeKey, DataKey, SeededEntropy) {
        let entropy = SeededEntropy::new(seed);
        let home = HomeKey::generate(&entropy);
        let data = DataKey::generate(&entropy);
        (home, data, entropy)
    }

    #[test]
    fn a_value_sealed_under_a_wrapped_key_opens_again() {
        let (home, data, entropy) = keys(1);
        let sealed = data.seal(b"canary", &PLACE, &entropy);
        let wrapped = home.wrap(&data, &PLACE, &entropy);
        let opened = home.unwrap(&wrapped, &PLACE).unwrap().open(&sealed, &PLACE).unwrap();
        assert_eq!(opened.expose_secret(), b"canary");
    }

    #[test]
    fn nothing_of_the_plaintext_shows_and_no_two_sealings_are_alike() {
        let (_, data, entropy) = keys(1);
        let first = data.seal(b"canary-canary", &PLACE, &entropy);
        assert!(!first.as_bytes().windows(6).any(|window| window == b"canary"));
        assert_ne!(first, data.seal(b"canary-canary", &PLACE, &entropy));
    }

    #[test]
    fn a_value_opens_at_its_own_place_alone() {
        let (home, data, entropy) = keys(1);
        let sealed = data.seal(b"canary", &PLACE, &entropy);
        let wrapped = home.wrap(&data, &PLACE, &entropy);
        for elsewhere in [
            RowAddress { table: "apps", ..PLACE },
            RowAddress { row: "8", ..PLACE },
            RowAddress { column: "refresh_token", ..PLACE },
            RowAddress { generation: 4, ..PLACE },
            RowAddress { environment: "https://api-usgov.webex.com/v1", ..PLACE },
        ] {
            assert_eq!(data.open(&sealed, &elsewhere).unwrap_err(), OpenError::Damaged);
            assert_eq!(home.unwrap(&wrapped, &elsewhere).unwrap_err(), OpenError::Damaged);
        }
    }

    #[test]
    fn another_homes_value_is_told_from_a_damaged_one() {
        let (home, data, entropy) = keys(1);
        let (other, _, _) = keys(2);
        let wrapped = home.wrap(&data, &PLACE, &entropy);
        let expected = OpenError::ForeignKey { found: home.id(), expected: other.id() };
        assert_eq!(other.unwrap(&wrapped, &PLACE).unwrap_err(), expected);
    }

    #[test]
    fn another_data_key_of_the_same_home_opens_nothing() {
        let (_, data, entropy) = keys(1);
        let sealed = data.seal(b"canary", &PLACE, &entropy);
        let other = DataKey::generate(&entropy);
        assert_eq!(other.open(&sealed, &PLACE).unwrap_err(), OpenError::Damaged);
    }

    #[test]
    fn a_wrapped_key_is_no_sealed_value() {
        let (home, data, entropy) = keys(1);
        let wrapped = home.wrap(&data, &PLACE, &entropy);
        let as_data = DataKey { id: home.id, secret: home.secret.clone() };
        assert_eq!(as_data.open(&wrapped, &PLACE).unwrap_err(), OpenError::Damaged);
    }

    #[test]
    fn a_data_key_survives_being_wrapped_anew() {
        let (home, data, entropy) = keys(1);
        let sealed = data.seal(b"canary", &PLACE, &entropy);
        let next = HomeKey::generate(&entropy);
        let wrapped = next.wrap(&home.unwrap(&home.wrap(&data, &PLACE, &entropy), &PLACE).unwrap(), &PLACE, &entropy);
        let opened = next.unwrap(&wrapped, &PLACE).unwrap().open(&sealed, &PLACE).unwrap();
        assert_eq!(opened.expose_secret(), b"canary");
        assert!(matches!(home.unwrap(&wrapped, &PLACE).unwrap_err(), OpenError::ForeignKey { .. }));
        assert_eq!((wrapped.key_id(), sealed.key_id()), (Some(next.id()), Some(data.id)));
    }

    /// Homes of the first version wrapped the key alone, and showed the home key's id in what the data key sealed.
    #[test]
    fn what_the_first_version_sealed_opens_and_survives_a_new_home_key() {
        let (home, _, entropy) = keys(1);
        let old = DataKey { id: home.id, secret: random_key(&entropy) };
        let sealed = old.seal(b"canary", &PLACE, &entropy);
        let wrapped = seal(&home.secret, home.id, Purpose::Wrap, old.secret.as_slice(), &associated(&PLACE), &entropy);
        let unwrapped = home.unwrap(&wrapped, &PLACE).unwrap();
        assert_eq!(unwrapped.open(&sealed, &PLACE).unwrap().expose_secret(), b"canary");
        let next = HomeKey::generate(&entropy);
        let again = next.unwrap(&next.wrap(&unwrapped, &PLACE, &entropy), &PLACE).unwrap();
        assert_eq!(again.open(&sealed, &PLACE).unwrap().expose_secret(), b"canary");
    }

    #[test]
    fn debug_shows_no_key() {
        let (home, data, _) = keys(1);
        assert_eq!(format!("{home:?}"), format!("HomeKey({})", home.id()));
        assert_eq!(format!("{data:?}"), "DataKey");
    }

    proptest! {
        #[test]
        fn every_altered_bit_is_refused(text in proptest::collection::vec(any::<u8>(), 0..80), at in any::<prop::sample::Index>()) {
            let (_, data, entropy) = keys(3);
            let mut bytes = data.seal(&text, &PLACE, &entropy).as_bytes().to_vec();
            let bit = at.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(data.open(&Sealed::from_bytes(bytes), &PLACE).is_err());
        }

        // Few words, so that places that differ in one part alone are common.
        #[test]
        fn a_value_opens_where_it_was_sealed_and_nowhere_else_under_whichever_home_key(
            a in ("[ab]", "[ab]", "[ab]", 0_u64..2, "[ab]"),
            b in ("[ab]", "[ab]", "[ab]", 0_u64..2, "[ab]"),
        ) {
            fn place(parts: &(String, String, String, u64, String)) -> RowAddress<'_> {
                let (table, row, column, generation, environment) = parts;
                RowAddress { table, row, column, generation: *generation, environment }
            }
            let (home, data, entropy) = keys(7);
            let (sealed, wrapped) = (data.seal(b"canary", &place(&a), &entropy), home.wrap(&data, &place(&a), &entropy));
            let next = HomeKey::generate(&entropy);
            let anew = next.wrap(&home.unwrap(&wrapped, &place(&a)).unwrap(), &place(&a), &entropy);
            prop_assert_eq!(a == b, data.open(&sealed, &place(&b)).is_ok());
            prop_assert_eq!(a == b, home.unwrap(&wrapped, &place(&b)).is_ok());
            prop_assert_eq!(a == b, next.unwrap(&anew, &place(&b)).is_ok());
            prop_assert!(home.unwrap(&anew, &place(&a)).is_err());
        }

        #[test]
        fn every_altered_bit_of_a_wrapped_key_is_refused(at in any::<prop::sample::Index>()) {
            let (home, data, entropy) = keys(6);
            let mut bytes = home.wrap(&data, &PLACE, &entropy).as_bytes().to_vec();
            let bit = at.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(home.unwrap(&Sealed::from_bytes(bytes), &PLACE).is_err());
        }

        #[test]
        fn every_shortened_value_is_refused(text in proptest::collection::vec(any::<u8>(), 0..80), at in any::<prop::sample::Index>()) {
            let (_, data, entropy) = keys(4);
            let mut bytes = data.seal(&text, &PLACE, &entropy).as_bytes().to_vec();
            bytes.truncate(at.index(bytes.len()));
            prop_assert_eq!(data.open(&Sealed::from_bytes(bytes), &PLACE).unwrap_err(), OpenError::Damaged);
        }

        #[test]
        fn every_text_opens_as_it_was(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (_, data, entropy) = keys(5);
            let sealed = data.seal(&text, &PLACE, &entropy);
            let opened = data.open(&sealed, &PLACE).unwrap();
            prop_assert_eq!(opened.expose_secret(), text.as_slice());
        }
    }
}
