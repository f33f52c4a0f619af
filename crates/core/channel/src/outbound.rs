//! The outbound HTTP client.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::OnceLock;

use lanyard_secret::SafeUrl;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, Proxy};

use crate::reach::{Reach, RefusedAddress};
use crate::target::TargetError;

/// HTTP clients, one for each reach, built on first use. None of them follows a redirect, repeats a request, keeps a connection or
/// looks for a proxy in the environment.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    public: OnceLock<Client>,
    anywhere: OnceLock<Client>,
    private: OnceLock<Client>,
    authorities: Vec<Certificate>,
    /// The same authorities, in PEM.
    authorities_pem: Vec<Vec<u8>>,
    proxy: Option<OutboundProxy>,
}

/// A proxy for deliveries to public addresses.
#[derive(Clone, Debug)]
struct OutboundProxy {
    address: SafeUrl,
    host: String,
}

impl Outbound {
    /// Also trusts the certificates of these authorities.
    pub(crate) fn trust(&mut self, pem: &[u8]) -> Result<(), TargetError> {
        let certificates = Certificate::from_pem_bundle(pem).map_err(|_| TargetError::Authority)?;
        if certificates.is_empty() {
            return Err(TargetError::Authority);
        }
        self.authorities.extend(certificates);
        self.authorities_pem.push(pem.to_vec());
        Ok(())
    }

    /// The authorities that are trusted besides the system's, in PEM.
    pub(crate) fn authorities(&self) -> &[Vec<u8>] {
        &self.authorities_pem
    }

    /// Uses a proxy for deliveries to public addresses. The proxy resolves their names, so that it decides where a name leads.
    pub(crate) fn use_proxy(&mut self, address: &str) -> Result<(), TargetError> {
        let address: SafeUrl = address.parse().map_err(|_| TargetError::Proxy)?;
        let url = address.expose();
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")).ok_or(TargetError::Proxy)?;
        self.proxy = Some(OutboundProxy { host: host.to_owned(), address });
        Ok(())
    }

    /// The client for a reach.
    pub(crate) fn client(&self, reach: Reach) -> Result<&Client, TargetError> {
        let place = match reach {
            Reach::Public => &self.public,
            Reach::Anywhere => &self.anywhere,
            Reach::Private | Reach::Loopback => &self.private,
        };
        if let Some(client) = place.get() {
            return Ok(client);
        }
        let client = self.build(reach)?;
        Ok(place.get_or_init(|| client))
    }

    fn build(&self, reach: Reach) -> Result<Client, TargetError> {
        // Another part may have installed it; then that one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let proxy = self.proxy.as_ref().filter(|_| reach == Reach::Public);
        let mut builder = Client::builder()
            .no_proxy()
            .https_only(!matches!(reach, Reach::Private | Reach::Loopback))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .pool_max_idle_per_host(0)
            .dns_resolver(Guarded { reach, proxy: proxy.map(|proxy| proxy.host.clone()) })
            .user_agent(concat!("lanyard/", env!("CARGO_PKG_VERSION")));
        if !self.authorities.is_empty() {
            builder = builder.tls_certs_merge(self.authorities.iter().cloned());
        }
        if let Some(proxy) = proxy {
            let proxy = Proxy::all(proxy.address.expose().clone()).map_err(|_| TargetError::Proxy)?;
            builder = builder.proxy(proxy);
        }
        builder.build().map_err(|_| TargetError::Setup)
    }
}

/// Resolves a name to the addresses that are within reach. Connections are made to these addresses, so that a name cannot lead elsewhere
/// after the check.
#[derive(Debug)]
struct Guarded {
    reach: Reach,
    /// The host of the proxy, which may have any address.
    proxy: Option<String>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let is_proxy = self.proxy.as_deref().is_some_and(|proxy| proxy.eq_ignore_ascii_case(name.as_str()));
        let reach = self.reach;
        Box::pin(async move {
            // The port of the address replaces this one.
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| UnknownHost)?;
            let addresses = if is_proxy { addresses.collect() } else { admitted(addresses, reach)? };
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

/// The addresses within reach; if there is none, the reason.
pub(crate) fn admitted(
    addresses: impl IntoIterator<Item = SocketAddr>,
    reach: Reach,
) -> Result<Vec<SocketAddr>, RefusedAddress> {
    let (mut admitted, mut refused) = (Vec::new(), None);
    for address in addresses {
        match reach.admit(address.ip()) {
            Ok(()) => admitted.push(address),
            Err(reason) => refused = refused.or(Some(reason)),
        }
    }
    match refused {
        Some(refused) if admitted.is_empty() => Err(refused),
        _ => Ok(admitted),
    }
}

/// A name that has no address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnknownHost;

impl fmt::Display for UnknownHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its name cannot be resolved")
    }
}

impl StdError for UnknownHost {}

/// The reason of a broken connection, in words that hold nothing of an address or a reply.
pub(crate) fn reason(error: &(dyn StdError + 'static)) -> &'static str {
    if find::<UnknownHost>(error).is_some() {
        return "its name cannot be resolved";
    }
    if let Some(error) = find::<rustls::Error>(error) {
        return match error {
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                "its certificate is not valid for this host, or its authority is not trusted"
            }
            _ => "the TLS connection failed",
        };
    }
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "the connection was refused",
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => "there is no route to it",
        Some(io::ErrorKind::TimedOut) => "the connection timed out",
        _ => "the connection failed",
    }
}

/// The first error of a type, from the outside in.
pub(crate) fn find<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error hides the error within it from `source`.
        let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = within.and_then(|within| find::<T>(within)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn a_name_leads_only_to_the_addresses_within_reach() {
        let answer = addresses(&["10.0.0.1", "8.8.8.8", "::ffff:8.8.8.8", "169.254.169.254", "2606:4700::1111"]);
        assert_eq!(admitted(answer.clone(), Reach::Public), Ok(addresses(&["8.8.8.8", "2606:4700::1111"])));
        assert_eq!(admitted(answer.clone(), Reach::Private), Ok(addresses(&["10.0.0.1"])));
        let anywhere = addresses(&["10.0.0.1", "8.8.8.8", "::ffff:8.8.8.8", "2606:4700::1111"]);
        assert_eq!(admitted(answer, Reach::Anywhere), Ok(anywhere));
        let refused = admitted(addresses(&["10.0.0.1", "127.0.0.1"]), Reach::Public).unwrap_err();
        assert_eq!(refused.to_string(), "its address 10.0.0.1 is private");
        assert_eq!(admitted([], Reach::Public), Ok(Vec::new()));
    }

    #[test]
    fn an_error_is_found_within_an_io_error() {
        let refused = Reach::Public.admit("10.0.0.1".parse().unwrap()).unwrap_err();
        let outer = io::Error::other(io::Error::other(refused));
        assert_eq!(find::<RefusedAddress>(&outer), Some(&refused));
        assert!(find::<UnknownHost>(&outer).is_none());
    }
}
