//! Targets on their way to the store or over the owner's socket, with their secrets.
//!
//! A field of a request that holds a target says so itself: `#[serde(with = "lanyard_channel::travel")]`. **For the owner's socket
//! alone**: never for a log, a reply or the network. Each use of this module is a place to review. The store's sealed document has
//! [`Target::document`].

use std::collections::BTreeMap;

use lanyard_secret::{SafeUrl, SecretBytes, SecretText, travel};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use super::{
    Address, AlertmanagerAuth, AlertmanagerTarget, CommandTarget, JsonTarget, MailTarget, SpaceTarget, Target,
    Template, WebhookSecret, WebhookTarget,
};

/// Writes a target with its secrets. For the owner's socket alone.
pub fn serialize<S: Serializer>(target: &Target, serializer: S) -> Result<S::Ok, S::Error> {
    Written(target).serialize(serializer)
}

/// Reads a target that came over the owner's socket.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Target, D::Error> {
    Target::deserialize(deserializer)
}

/// A target that is written with its secrets. Not public, so that nothing else writes one.
pub(super) struct Written<'a>(pub(super) &'a Target);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Target", 8)?;
        fields.serialize_field("kind", self.0.kind())?;
        match self.0 {
            Target::Command(CommandTarget { argv }) => fields.serialize_field("argv", argv)?,
            Target::Webhook(WebhookTarget { url, secret, allow_private }) => {
                fields.serialize_field("url", &Hidden(url))?;
                fields.serialize_field("secret", &Hidden(secret))?;
                fields.serialize_field("allow_private", allow_private)?;
            }
            Target::Alertmanager(AlertmanagerTarget { url, auth, labels, allow_private }) => {
                fields.serialize_field("url", &Hidden(url))?;
                fields.serialize_field("auth", &auth.as_ref().map(Hidden))?;
                fields.serialize_field("labels", labels)?;
                fields.serialize_field("allow_private", allow_private)?;
            }
            Target::Json(JsonTarget { url, headers, template, allow_private }) => {
                fields.serialize_field("url", &Hidden(url))?;
                let headers: BTreeMap<_, _> = headers.iter().map(|(name, value)| (name, Hidden(value))).collect();
                fields.serialize_field("headers", &headers)?;
                fields.serialize_field("template", template.expose_secret())?;
                fields.serialize_field("allow_private", allow_private)?;
            }
            Target::Space(SpaceTarget { credential, room }) => {
                fields.serialize_field("credential", credential)?;
                fields.serialize_field("room", room)?;
            }
            Target::Mail(MailTarget { server, username, password, from, to, allow_private, allow_plaintext }) => {
                fields.serialize_field("server", server)?;
                fields.serialize_field("username", username)?;
                fields.serialize_field("password", &password.as_ref().map(Hidden))?;
                fields.serialize_field("from", from)?;
                fields.serialize_field("to", to)?;
                fields.serialize_field("allow_private", allow_private)?;
                fields.serialize_field("allow_plaintext", allow_plaintext)?;
            }
        }
        fields.end()
    }
}

/// A secret that is written.
struct Hidden<'a, T>(&'a T);

impl Serialize for Hidden<'_, SecretText> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        travel::serialize(self.0, serializer)
    }
}

impl Serialize for Hidden<'_, Address> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        travel::serialize(self.0.as_safe_url(), serializer)
    }
}

impl Serialize for Hidden<'_, WebhookSecret> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        travel::serialize(self.0.as_bytes(), serializer)
    }
}

impl Serialize for Hidden<'_, AlertmanagerAuth> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("AlertmanagerAuth", 3)?;
        match self.0 {
            AlertmanagerAuth::Bearer { token } => {
                fields.serialize_field("scheme", "bearer")?;
                fields.serialize_field("token", &Hidden(token))?;
            }
            AlertmanagerAuth::Basic { username, password } => {
                fields.serialize_field("scheme", "basic")?;
                fields.serialize_field("username", username)?;
                fields.serialize_field("password", &Hidden(password))?;
            }
        }
        fields.end()
    }
}

/// Reads an address.
pub(super) mod address {
    use super::{Address, Deserializer, SafeUrl, travel};
    use serde::de::Error as _;

    pub(in crate::target) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        let url: SafeUrl = travel::deserialize(deserializer)?;
        url.into_inner().try_into().map_err(D::Error::custom)
    }
}

/// Reads a webhook's secret.
pub(super) mod webhook_secret {
    use super::{Deserializer, SecretBytes, WebhookSecret, travel};
    use serde::de::Error as _;

    pub(in crate::target) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<WebhookSecret, D::Error> {
        let key: SecretBytes = travel::deserialize(deserializer)?;
        WebhookSecret::from_key(key).map_err(D::Error::custom)
    }
}

/// Reads headers.
pub(super) mod headers {
    use std::collections::BTreeMap;

    use super::{Deserializer, SecretText, travel};
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Value(#[serde(with = "travel_of_text")] SecretText);

    mod travel_of_text {
        use super::{Deserializer, SecretText, travel};

        pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretText, D::Error> {
            travel::deserialize(deserializer)
        }
    }

    pub(in crate::target) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, SecretText>, D::Error> {
        let headers = BTreeMap::<String, Value>::deserialize(deserializer)?;
        Ok(headers.into_iter().map(|(name, value)| (name, value.0)).collect())
    }
}

/// Reads a template.
pub(super) mod template {
    use super::{Deserializer, Template};
    use serde::de::{Deserialize as _, Error as _};

    pub(in crate::target) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Template, D::Error> {
        Template::new(serde_json::Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
