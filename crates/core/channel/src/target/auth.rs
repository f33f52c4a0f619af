//! The proof of Lanyard's identity to an Alertmanager.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use lanyard_secret::SecretText;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::TargetError;

/// The proof of Lanyard's identity to an Alertmanager.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "scheme", rename_all = "lowercase", deny_unknown_fields)]
pub enum AlertmanagerAuth {
    /// `Authorization: Bearer …`.
    Bearer {
        /// The token.
        #[serde(with = "lanyard_secret::travel")]
        token: SecretText,
    },
    /// `Authorization: Basic …`.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        #[serde(with = "lanyard_secret::travel")]
        password: SecretText,
    },
}

impl AlertmanagerAuth {
    /// The value of `Authorization`, marked as sensitive.
    pub(crate) fn header(&self) -> Result<HeaderValue, TargetError> {
        let text = Zeroizing::new(match self {
            Self::Bearer { token } => format!("Bearer {}", token.expose_secret()),
            Self::Basic { username, .. } if username.contains(':') => return Err(TargetError::Auth),
            Self::Basic { username, password } => {
                let login = Zeroizing::new(format!("{username}:{}", password.expose_secret()));
                format!("Basic {}", STANDARD.encode(login.as_bytes()))
            }
        });
        let mut value = HeaderValue::from_str(&text).map_err(|_| TargetError::Auth)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_sent_in_one_header() {
        let basic = |username: &str, password: &str| {
            let (username, password) = (username.to_owned(), SecretText::new(password));
            AlertmanagerAuth::Basic { username, password }.header()
        };
        assert_eq!(basic("Aladdin", "open sesame").unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(format!("{:?}", basic("a", "canary").unwrap()).contains("Sensitive"));
        assert_eq!(basic("a:b", "c"), Err(TargetError::Auth));
        let bearer = |token: &str| AlertmanagerAuth::Bearer { token: SecretText::new(token) }.header();
        assert_eq!(bearer("a").unwrap(), "Bearer a");
        assert_eq!(bearer("a\r\nx: y"), Err(TargetError::Auth));
    }
}
