//! URLs as a list of their texts: `#[serde(with = "lanyard_credential::urls")]`.

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};
use url::Url;

/// Writes each as its text.
pub fn serialize<S: Serializer>(urls: &[Url], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(urls.iter().map(Url::as_str))
}

/// Reads them; one that is no URL spoils the list.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Url>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| Url::parse(text).map_err(D::Error::custom)).collect()
}

/// The same where the list may be missing: `#[serde(with = "lanyard_credential::urls::optional")]`.
pub mod optional {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
    use url::Url;

    /// Writes each as its text.
    pub fn serialize<S: Serializer>(urls: &Option<Vec<Url>>, serializer: S) -> Result<S::Ok, S::Error> {
        let texts = urls.as_ref().map(|urls| urls.iter().map(Url::as_str).collect::<Vec<_>>());
        texts.serialize(serializer)
    }

    /// Reads them; one that is no URL spoils the list.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Url>>, D::Error> {
        let texts = Option::<Vec<String>>::deserialize(deserializer)?;
        let urls = |texts: Vec<String>| texts.iter().map(|text| Url::parse(text).map_err(D::Error::custom)).collect();
        texts.map(urls).transpose()
    }
}
