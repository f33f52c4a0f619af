//! Home keys as text: what key files hold, what key commands print and what a keyring keeps. One key a line.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::passphrase::Work;
use crate::sealed::KEY;
use crate::{HomeKey, KeyId, LockedKey, Sealed};

/// One line: a key, or a key under a passphrase.
#[derive(Clone, Debug)]
pub enum KeyLine {
    /// `lanyard-home-key-1`, the key's id, the key, a checksum.
    Open(HomeKey),
    /// `lanyard-locked-key-1`, the key's id, Argon2id's parameters, the salt, the sealed key, a checksum.
    Locked(LockedKey),
}

/// A text that holds no home key, or a line that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no key in it, or a line of it is damaged")]
pub struct KeyTextError;

/// A key text is not longer than this, in bytes.
pub const LONGEST_KEY_TEXT: usize = 16 * 1024;

impl KeyLine {
    /// Which key it is.
    pub fn id(&self) -> KeyId {
        match self {
            Self::Open(key) => key.id(),
            Self::Locked(key) => key.id(),
        }
    }

    /// The line, with its end.
    pub fn to_text(&self) -> Zeroizing<String> {
        // The whole length at once: a growing text would leave copies of the key behind.
        let mut text = Zeroizing::new(String::with_capacity(LONGEST_LINE));
        let (format, id) = match self {
            Self::Open(key) => (OPEN, key.id()),
            Self::Locked(key) => (LOCKED, key.id()),
        };
        text.push_str(format);
        text.push(' ');
        text.push_str(&id.to_string());
        text.push(' ');
        match self {
            Self::Open(key) => URL_SAFE_NO_PAD.encode_string(key.expose_secret(), &mut text),
            Self::Locked(key) => {
                text.push_str(&key.work.to_string());
                text.push(' ');
                URL_SAFE_NO_PAD.encode_string(key.salt, &mut text);
                text.push(' ');
                URL_SAFE_NO_PAD.encode_string(key.sealed.as_bytes(), &mut text);
            }
        }
        let checksum = checksum(&text);
        text.push(' ');
        text.push_str(&checksum);
        text.push('\n');
        text
    }

    /// Reads a text of one or more lines. Empty lines are passed over.
    pub fn parse_all(text: &[u8]) -> Result<Vec<Self>, KeyTextError> {
        let text = str::from_utf8(text).map_err(|_| KeyTextError)?;
        let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let keys: Vec<Self> =
            lines.filter(|line| !line.is_empty()).map(parse).collect::<Option<_>>().ok_or(KeyTextError)?;
        if keys.is_empty() { Err(KeyTextError) } else { Ok(keys) }
    }
}

const OPEN: &str = "lanyard-home-key-1";
const LOCKED: &str = "lanyard-locked-key-1";
const LONGEST_LINE: usize = 320;

fn parse(line: &str) -> Option<KeyLine> {
    let (covered, sum) = line.rsplit_once(' ')?;
    if checksum(covered) != sum {
        return None;
    }
    let (format, rest) = covered.split_once(' ')?;
    let (id, rest) = rest.split_once(' ')?;
    let id = id.parse().ok()?;
    match format {
        OPEN => {
            let mut key = Zeroizing::new([0; KEY]);
            let length = URL_SAFE_NO_PAD.decode_slice(rest, key.as_mut_slice()).ok()?;
            (length == KEY).then_some(KeyLine::Open(HomeKey::from_parts(id, key)))
        }
        LOCKED => {
            let mut words = rest.split(' ');
            let (work, salt, sealed) = (words.next()?, words.next()?, words.next()?);
            let salt = URL_SAFE_NO_PAD.decode(salt).ok()?.try_into().ok()?;
            let sealed = Sealed::from_bytes(URL_SAFE_NO_PAD.decode(sealed).ok()?);
            let locked = LockedKey { id, work: parse_work(work)?, salt, sealed };
            words.next().is_none().then_some(KeyLine::Locked(locked))
        }
        _ => None,
    }
}

fn parse_work(text: &str) -> Option<Work> {
    let mut parts = text.split(',');
    let mut number = |name: &str| parts.next()?.strip_prefix(name)?.parse().ok();
    let work = Work { memory: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
    (work.to_string() == text).then_some(work)
}

/// Finds accidents, not forgeries: whoever can write the text can write a whole one.
fn checksum(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    format!("{:08x}", u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
}

#[cfg(test)]
mod tests {
    use lanyard_time::SeededEntropy;

    use super::*;
    use crate::Passphrase;

    fn lines() -> [KeyLine; 2] {
        let entropy = SeededEntropy::new(1);
        let key = HomeKey::generate(&entropy);
        let work = Work { memory: 64, passes: 1, lanes: 1 };
        let locked = LockedKey::lock(&key, &Passphrase::new("correct horse battery"), work, &entropy);
        [KeyLine::Open(key), KeyLine::Locked(locked)]
    }

    #[test]
    fn keys_survive_their_text() {
        let [open, locked] = lines();
        let text = format!("{}\n{}", *open.to_text(), *locked.to_text());
        let read = KeyLine::parse_all(text.as_bytes()).unwrap();
        match (&read[..], &open, &locked) {
            ([KeyLine::Open(a), KeyLine::Locked(b)], KeyLine::Open(open), KeyLine::Locked(locked)) => {
                assert_eq!((a.id(), a.expose_secret()), (open.id(), open.expose_secret()));
                assert_eq!(b, locked);
            }
            other => panic!("{other:?}"),
        }
        // Through an editor of another system.
        assert_eq!(KeyLine::parse_all(text.replace('\n', "\r\n").as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn every_altered_or_missing_character_is_noticed() {
        for line in lines() {
            let whole = line.to_text().as_bytes().to_vec();
            assert!(whole.len() <= LONGEST_LINE);
            for at in 0..whole.len() - 1 {
                let mut altered = whole.clone();
                altered[at] ^= 1;
                assert!(KeyLine::parse_all(&altered).is_err(), "byte {at}");
                assert!(KeyLine::parse_all(&whole[..at]).is_err(), "cut at {at}");
            }
        }
    }

    #[test]
    fn one_bad_line_spoils_the_text() {
        let [open, _] = lines();
        assert_eq!(KeyLine::parse_all(format!("{}more", *open.to_text()).as_bytes()).unwrap_err(), KeyTextError);
        assert_eq!(KeyLine::parse_all(b"\n\n").unwrap_err(), KeyTextError);
        assert_eq!(KeyLine::parse_all(b"").unwrap_err(), KeyTextError);
    }

    #[test]
    fn a_key_of_an_earlier_version_reads_the_same() {
        // Written by version 0.1.0.
        let body = "lanyard-home-key-1 0001ab03040506ff AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let text = format!("{body} {}\n", checksum(body));
        let read = KeyLine::parse_all(text.as_bytes()).unwrap();
        assert_eq!(*read[0].to_text(), text);
    }
}
