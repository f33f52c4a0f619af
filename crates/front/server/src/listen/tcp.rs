//! TCP: for programs with a client key, on the broker's own runtime. A handshake never keeps a hand-out waiting.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use lanyard_home::HttpAddress;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::ListenError;
use super::tls::Tls;
use crate::caller::Peer;
use crate::connection::{self, Entrance};
use crate::options::Http;
use crate::problem::{Code, Problem};
use crate::shared::Shared;

/// A TCP socket that is listened on.
#[derive(Debug)]
pub(crate) struct TcpSocket {
    listener: StdListener,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Arc<Tls>>,
    /// The values of the header `Host` that are accepted.
    pub(crate) hosts: Arc<[String]>,
}

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

impl TcpSocket {
    /// One socket, or for `localhost` one of each family that the machine has; the one that is named first comes first.
    pub(crate) fn bind(http: Http) -> Result<Vec<Self>, ListenError> {
        let first = match http.address {
            HttpAddress::At(address) => address,
            HttpAddress::Localhost(port) => (Ipv4Addr::LOCALHOST, port).into(),
        };
        if http.tls.is_none() && !first.ip().is_loopback() {
            return Err(ListenError::Unencrypted(first));
        }
        let tls = http.tls.map(Tls::load).transpose()?.map(Arc::new);
        let first = Self::listen(first, tls.clone(), &http.names)
            .map_err(|(address, source)| ListenError::Tcp { address, source })?;
        if first.address.ip().is_unspecified() && http.names.is_empty() {
            tracing::warn!(
                names = first.hosts.join(" "),
                hint = "name it as programs do: --http-name NAME, once for each",
                "requests for this broker under any other name are refused"
            );
        }
        let second = match http.address {
            HttpAddress::At(_) => None,
            HttpAddress::Localhost(_) => {
                let address = (Ipv6Addr::LOCALHOST, first.address.port()).into();
                match Self::listen(address, tls, &http.names) {
                    Ok(second) => Some(second),
                    // A machine without IPv6. That somebody else has the port there is another matter: a program would find them.
                    Err((address, source)) if source.kind() == io::ErrorKind::AddrInUse => {
                        return Err(ListenError::Tcp { address, source });
                    }
                    Err(_) => None,
                }
            }
        };
        Ok([Some(first), second].into_iter().flatten().collect())
    }

    fn listen(address: SocketAddr, tls: Option<Arc<Tls>>, names: &[String]) -> Result<Self, (SocketAddr, io::Error)> {
        let failed = |source| (address, source);
        let listener = StdListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let hosts = hosts(address, tls.is_some(), names);
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
    let shaken = async {
        if is_encrypted(&stream).await? {
            return Ok(Some(tls.acceptor().accept(stream).await?));
        }
        connection::turn_away(stream, &unencrypted()).await;
        Ok::<_, io::Error>(None)
    };
    let shaken = tokio::select! {
        shaken = shaken => shaken,
        () = shared.sleep.sleep(HANDSHAKE) => return,
    };
    match shaken {
        Ok(Some(stream)) => connection::serve_stranger(shared, stream, peer).await,
        Ok(None) => {}
        Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
    }
}

/// Whether a client begins with TLS: its first record is a handshake (RFC 8446, section 5.1), which no method of HTTP begins like.
async fn is_encrypted(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    Ok(stream.peek(&mut first).await? == 0 || first == [22])
}

fn unencrypted() -> Problem {
    Problem::new(Code::BadRequest, "this port speaks TLS, and the request came without")
        .hint("use https://; if you sent a key, replace it, because it crossed the network unencrypted")
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
