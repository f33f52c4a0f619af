//! Texts made of random bytes.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lanyard_time::Entropy;
use uuid::Uuid;

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// A text of 256 random bits in base64url: for nonces, codes and keys.
pub(crate) fn text(entropy: &dyn Entropy) -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>(entropy))
}

/// A token as Webex makes them: a random part, a cluster, the organisation. The random part is of letters and digits, so that
/// an underscore parts the three and no token starts with a dash.
pub(crate) fn token(entropy: &dyn Entropy, organisation: Uuid) -> String {
    let random = URL_SAFE_NO_PAD.encode(bytes::<48>(entropy)).replace(['-', '_'], "0");
    format!("{random}_PF84_{organisation}")
}

/// A random UUID (RFC 9562, version 4).
pub(crate) fn uuid(entropy: &dyn Entropy) -> Uuid {
    uuid::Builder::from_random_bytes(bytes(entropy)).into_uuid()
}

/// A number below `bound`, which is small: the bias of the remainder does not matter for made-up people.
pub(crate) fn below(entropy: &dyn Entropy, bound: usize) -> usize {
    let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
    usize::try_from(u64::from_le_bytes(bytes(entropy)) % bound).unwrap_or(0)
}

/// Lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
