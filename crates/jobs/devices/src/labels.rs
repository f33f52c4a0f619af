//! Labels by which watches are chosen.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use lanyard_credential::{LabelError, LabelKey, LabelValue};
use serde::{Deserialize, Serialize};

/// The label that names a customer.
pub(crate) const CUSTOMER: &str = "customer";

/// A label that a watch must have, whatever its value is or with this value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedLabel {
    /// The key.
    pub key: LabelKey,
    /// The value.
    pub value: Option<LabelValue>,
}

impl WantedLabel {
    /// The label that names this customer.
    ///
    /// # Panics
    /// Never: the key is a word.
    pub fn customer(name: LabelValue) -> Self {
        Self { key: CUSTOMER.parse().expect("a word is a key"), value: Some(name) }
    }

    /// Whether one of the labels is this one.
    pub fn is_in(&self, labels: &BTreeMap<String, String>) -> bool {
        let found = labels.get(self.key.as_str());
        found.is_some_and(|found| self.value.as_ref().is_none_or(|value| value.as_str() == found))
    }
}

impl FromStr for WantedLabel {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.parse()?)),
            None => (text, None),
        };
        Ok(Self { key: key.parse().map_err(LabelError::Key)?, value })
    }
}

impl fmt::Display for WantedLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={}", self.key, value.as_str()),
            None => fmt::Display::fmt(&self.key, f),
        }
    }
}

/// The labels of a watch: those of its credential, and in their place its own.
pub(crate) fn labels_of(
    credential: Option<&BTreeMap<String, String>>,
    own: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut labels = credential.cloned().unwrap_or_default();
    labels.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_wanted_with_its_value_or_with_any() {
        let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let labels =
            labels_of(Some(&labels(&[("customer", "old"), ("site", "bern")])), &labels(&[("customer", "acme")]));
        for (text, is_in) in [
            ("customer", true),
            ("customer=acme", true),
            ("customer=old", false),
            ("site=bern", true),
            ("floor", false),
        ] {
            let wanted: WantedLabel = text.parse().unwrap();
            assert_eq!((wanted.is_in(&labels), wanted.to_string().as_str()), (is_in, text));
        }
        assert!("Customer=acme".parse::<WantedLabel>().is_err());
    }
}
