//! Mail servers and mail addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use super::TargetError;
use crate::reach::Reach;

/// A server that accepts mail, written `smtp://HOST:PORT` or `smtps://HOST:PORT`.
#[derive(Clone, PartialEq, Eq)]
pub struct MailServer {
    host: Host<String>,
    port: u16,
    security: MailSecurity,
}

/// How a connection to a mail server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// It begins in the clear and changes to TLS before anything is sent (`smtp://`).
    StartTls,
    /// It is TLS from the start (`smtps://`).
    Tls,
}

impl MailServer {
    /// The host.
    pub fn host(&self) -> &Host<String> {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How the connection is secured.
    pub fn security(&self) -> MailSecurity {
        self.security
    }

    /// Its address, if it is written as one.
    pub(crate) fn literal(&self) -> Option<IpAddr> {
        match self.host {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }

    pub(super) fn check(&self, reach: Reach) -> Result<(), TargetError> {
        let refused = self.literal().and_then(|literal| reach.admit(literal).err());
        refused.map_or(Ok(()), |refused| Err(TargetError::AddressRefused { host: self.host.to_string(), refused }))
    }
}

impl FromStr for MailServer {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let url = Url::parse(text).map_err(|_| TargetError::MailServer)?;
        let (security, usual) = match url.scheme() {
            "smtp" => (MailSecurity::StartTls, 587),
            "smtps" => (MailSecurity::Tls, 465),
            _ => return Err(TargetError::MailServer),
        };
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none();
        // In a URL of this scheme an IPv4 address is read as a name.
        let host = url.host_str().and_then(|host| Host::parse(host).ok());
        match host {
            Some(host) if is_bare => Ok(Self { host, port: url.port().unwrap_or(usual), security }),
            _ => Err(TargetError::MailServer),
        }
    }
}

impl fmt::Display for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.security {
            MailSecurity::StartTls => "smtp",
            MailSecurity::Tls => "smtps",
        };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A mail address in the plain form `name@host.example`, in ASCII. It is safe in a header and in a command of SMTP.
#[derive(Clone, PartialEq, Eq)]
pub struct MailAddress {
    text: Box<str>,
    at: usize,
}

impl MailAddress {
    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host of the address.
    pub fn host(&self) -> &str {
        &self.text[self.at + 1..]
    }
}

impl FromStr for MailAddress {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let odd = || TargetError::MailAddress(text.chars().take(80).collect());
        let (name, host) = text.split_once('@').ok_or_else(odd)?;
        // The letters of a dot-atom (RFC 5322, section 3.2.3): no quotes, no brackets, no white space.
        let is_atom = |word: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
            !word.is_empty() && word.bytes().all(fits)
        };
        let is_label = |word: &str| {
            word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !word.is_empty()
                && !word.starts_with('-')
                && !word.ends_with('-')
        };
        let fits = name.len() <= 64
            && text.len() <= 254
            && name.split('.').all(is_atom)
            && host.split('.').all(is_label)
            && text.parse::<lettre::Address>().is_ok();
        if fits { Ok(Self { text: text.into(), at: name.len() }) } else { Err(odd()) }
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

lanyard_protocol::serde_as_text!(MailAddress, MailServer);
