//! The network between a client and a server of this machine, which a test can cut.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Forwards connections from a TCP port to a Unix socket until it is dropped.
pub struct Relay {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    /// Its thread does the work; dropped, it stops.
    _runtime: Runtime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Forwards,
    Holds,
    Resets,
}

impl Relay {
    /// Forwards to the socket at `to`.
    pub fn start(to: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime is had");
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a port is had");
        let address = listener.local_addr().expect("it is bound");
        let (mode, modes) = watch::channel(Mode::Forwards);
        let to = to.to_owned();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (to, mode) = (to.clone(), modes.clone());
                tokio::spawn(async move { connection(client, &to, mode).await });
            }
        });
        Self { address, mode, _runtime: runtime }
    }

    /// The TCP address that clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards nothing more. Connections stay open, and what was sent waits.
    pub fn hold(&self) {
        self.mode.send_replace(Mode::Holds);
    }

    /// Resets all connections, and each new one.
    pub fn reset(&self) {
        self.mode.send_replace(Mode::Resets);
    }

    /// Forwards again.
    pub fn forward(&self) {
        self.mode.send_replace(Mode::Forwards);
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("address", &self.address).finish_non_exhaustive()
    }
}

async fn connection(mut client: TcpStream, to: &Path, mode: watch::Receiver<Mode>) {
    let forward = async {
        until(&mode, |mode| mode != Mode::Holds).await;
        // The server may be down: the client sees its connection end.
        let Ok(mut server) = UnixStream::connect(to).await else { return };
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            () = pump(from_client, to_server, &mode) => {}
            () = pump(from_server, to_client, &mode) => {}
        }
    };
    tokio::select! {
        () = forward => {}
        () = until(&mode, |mode| mode == Mode::Resets) => {
            // Closed like this, the connection ends with a reset.
            let _ = client.set_zero_linger();
        }
    }
}

async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mode: &watch::Receiver<Mode>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        until(mode, |mode| mode != Mode::Holds).await;
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Waits until the mode is as wanted. A relay that is dropped ends its connections with its runtime.
async fn until(mode: &watch::Receiver<Mode>, wanted: impl Fn(Mode) -> bool) {
    let _ = mode.clone().wait_for(|mode| wanted(*mode)).await;
}
