//! Finds secrets in any bytes, in all forms that a careless program gives them.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The secrets to search for.
#[derive(Clone, Default)]
pub(super) struct Secrets {
    /// Each form of a secret with its name.
    forms: Vec<(&'static str, Vec<u8>)>,
    /// Fingerprints of the tokens that Webex issued and whose letters are not known.
    issued: BTreeSet<String>,
}

/// No token is shorter.
const SHORTEST: usize = 20;

impl Secrets {
    /// A secret that is known.
    pub(super) fn add(&mut self, name: &'static str, secret: &str) {
        self.add_bytes(name, secret.as_bytes());
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        self.forms.push((name, encoded.into_bytes()));
    }

    /// A home's key, as its file spells it.
    pub(super) fn add_key(&mut self, word: &str) {
        let key = URL_SAFE_NO_PAD.decode(word).expect("the key is in base64url");
        assert_eq!(key.len(), 32);
        self.add_bytes("the home's key", &key);
    }

    fn add_bytes(&mut self, name: &'static str, secret: &[u8]) {
        assert!(secret.len() >= 8, "{name} is too short to be found for sure");
        let hex = hex(secret);
        self.forms.extend([(name, secret.to_vec()), (name, hex.to_uppercase().into_bytes()), (name, hex.into_bytes())]);
        // Within a longer text the secret may begin at any of three places of a group; its last, incomplete group is left out.
        for start in 0..3 {
            let whole = &secret[start..start + (secret.len() - start) / 3 * 3];
            self.forms.push((name, STANDARD_NO_PAD.encode(whole).into_bytes()));
            self.forms.push((name, URL_SAFE_NO_PAD.encode(whole).into_bytes()));
        }
    }

    /// All tokens that Webex issued or was sent.
    pub(super) fn add_issued(&mut self, record: &[Value]) {
        let fields =
            ["issued_access_token_fingerprint", "issued_refresh_token_fingerprint", "refresh_token_fingerprint"];
        let prints = record.iter().flat_map(|entry| fields.iter().filter_map(|field| entry[field].as_str()));
        self.issued.extend(prints.map(str::to_owned));
        assert!(!self.issued.is_empty());
    }

    /// The names of the secrets that these bytes hold.
    pub(super) fn found_in(&self, bytes: &[u8]) -> Vec<&'static str> {
        let known = self.forms.iter().filter(|(_, form)| contains(bytes, form)).map(|(name, _)| *name);
        let words = bytes.split(|byte| !(byte.is_ascii_alphanumeric() || b"_-".contains(byte)));
        let issued = words.filter(|word| word.len() >= SHORTEST && self.issued.contains(&fingerprint(word)));
        let found: BTreeSet<_> = known.chain(issued.map(|_| "a token that Webex issued")).collect();
        found.into_iter().collect()
    }
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    let first = form[0];
    bytes.iter().enumerate().any(|(at, byte)| *byte == first && bytes[at..].starts_with(form))
}

/// As the record of the simulator has it.
fn fingerprint(word: &[u8]) -> String {
    hex(&Sha256::digest(word)[..6])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[test]
fn every_form_is_found_within_anything() {
    let mut secrets = Secrets::default();
    secrets.add("it", "a+secret/of some=length");
    for form in ["a+secret/of some=length", "a%2Bsecret%2Fof+some%3Dlength"] {
        assert_eq!(secrets.found_in(format!("before{form}after").as_bytes()), ["it"]);
    }
    for before in ["", "x", "xx"] {
        let text = format!("{before}a+secret/of some=length, and more");
        assert_eq!(secrets.found_in(STANDARD_NO_PAD.encode(&text).as_bytes()), ["it"], "{before}");
        assert_eq!(secrets.found_in(URL_SAFE_NO_PAD.encode(&text).as_bytes()), ["it"], "{before}");
    }
    assert!(secrets.found_in(b"a+secret/of some other length").is_empty());

    let token = "an_issued-token_0123456789";
    secrets.add_issued(&[serde_json::json!({ "refresh_token_fingerprint": fingerprint(token.as_bytes()) })]);
    assert_eq!(secrets.found_in(format!("refresh_token={token}&x=y").as_bytes()), ["a token that Webex issued"]);
}
