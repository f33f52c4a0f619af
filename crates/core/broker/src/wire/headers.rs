//! Headers, in their order: `#[serde(with = "crate::wire::headers")]`. A value may hold any byte, and a caller's own may be
//! secret.

use http::{HeaderMap, HeaderName, HeaderValue};
use lanyard_secret::SecretBytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Deserialize, Serialize)]
struct Header {
    #[serde(with = "super::text")]
    name: HeaderName,
    #[serde(with = "lanyard_secret::travel")]
    value: SecretBytes,
    sensitive: bool,
}

pub(crate) fn serialize<S: Serializer>(headers: &HeaderMap, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(headers.iter().map(|(name, value)| Header {
        name: name.clone(),
        value: SecretBytes::new(value.as_bytes().to_vec()),
        sensitive: value.is_sensitive(),
    }))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderMap, D::Error> {
    let mut headers = HeaderMap::new();
    for header in Vec::<Header>::deserialize(deserializer)? {
        let mut value = HeaderValue::from_bytes(header.value.expose_secret()).map_err(D::Error::custom)?;
        value.set_sensitive(header.sensitive);
        headers.append(header.name, value);
    }
    Ok(headers)
}
