//! TCP: for programs with a client key, on the broker's own runtime. A handshake never keeps a hand-out waiting.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::ListenError;
use super::tls::{Tls, TlsFiles};
use crate::caller::Peer;
use crate::connection::{self, Entrance};
use crate::serve::Shared;

/// How a broker listens on TCP.
#[derive(Clone, Debug)]
pub struct Http {
    /// The address; port 0 for any that is free.
    pub address: SocketAddr,
    /// Names, besides the address, under which it may be asked for.
    pub names: Vec<String>,
    /// The certificate, without which nothing but loopback is listened on.
    pub tls: Option<TlsFiles>,
}

/// A TCP socket that is listened on.
#[derive(Debug)]
pub(crate) struct TcpSocket {
    listener: StdListener,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Arc<Tls>>,
    /// What the header `Host` may say.
    pub(crate) hosts: Arc<[String]>,
}

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

impl TcpSocket {
    pub(crate) fn bind(http: Http) -> Result<Self, ListenError> {
        let address = http.address;
        if http.tls.is_none() && !address.ip().is_loopback() {
            return Err(ListenError::Unencrypted(address));
        }
        let tls = http.tls.map(Tls::load).transpose()?.map(Arc::new);
        let tcp = |source: io::Error| ListenError::Tcp { address, source };
        let listener = StdListener::bind(address).map_err(tcp)?;
        listener.set_nonblocking(true).map_err(tcp)?;
        let address = listener.local_addr().map_err(tcp)?;
        let hosts = hosts(address, tls.is_some(), &http.names);
        Ok(Self { listener, address, tls, hosts })
    }

    /// Accepts until the broker stops; completes when the last connection is done.
    pub(crate) async fn serve(self, shared: Arc<Shared>) -> io::Result<()> {
        let listener = TcpListener::from_std(self.listener)?;
        let connections = TaskTracker::new();
        let mut entrance = Entrance::new(&shared);
        while let Some((stream, permit)) = entrance.next(|| async { Ok(listener.accept().await?.0) }).await {
            let peer = Peer::Remote { hosts: Arc::clone(&self.hosts), tls: self.tls.is_some() };
            let (shared, tls) = (Arc::clone(&shared), self.tls.clone());
            connections.spawn(async move {
                converse(shared, stream, tls, peer).await;
                drop(permit);
            });
        }
        drop(listener);
        connections.close();
        connections.wait().await;
        Ok(())
    }
}

async fn converse(shared: Arc<Shared>, stream: TcpStream, tls: Option<Arc<Tls>>, peer: Peer) {
    // A small reply should not wait for the acknowledgement of an earlier one.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return connection::serve_stranger(shared, stream, peer).await };
    let shaken = tokio::select! {
        shaken = tls.acceptor().accept(stream) => shaken,
        () = shared.sleep.sleep(HANDSHAKE) => return,
    };
    match shaken {
        Ok(stream) => connection::serve_stranger(shared, stream, peer).await,
        Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
    }
}

/// The values of `Host` that name this listener. A web page that has its own name resolved to loopback sends that name.
fn hosts(address: SocketAddr, tls: bool, names: &[String]) -> Arc<[String]> {
    let default = if tls { 443 } else { 80 };
    let mut bare = vec![match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }];
    if address.ip().is_loopback() {
        bare.push("localhost".to_owned());
    }
    bare.extend(names.iter().map(|name| name.to_ascii_lowercase()));
    let port = address.port();
    let mut hosts = Vec::new();
    for host in bare {
        hosts.push(format!("{host}:{port}"));
        if port == default {
            hosts.push(host);
        }
    }
    hosts.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_goes_by_its_address_and_the_names_that_it_was_given() {
        let all = |address: &str, tls, names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            hosts(address.parse().expect("an address"), tls, &names).join(" ")
        };
        assert_eq!(all("127.0.0.1:7417", false, &[]), "127.0.0.1:7417 localhost:7417");
        assert_eq!(all("[::1]:80", false, &[]), "[::1]:80 [::1] localhost:80 localhost");
        assert_eq!(
            all("10.0.0.5:443", true, &["Lanyard.Example"]),
            "10.0.0.5:443 10.0.0.5 lanyard.example:443 lanyard.example"
        );
    }
}
