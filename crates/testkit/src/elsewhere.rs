//! Ports of this machine that are not Webex's.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

/// A listening socket to which nothing may ever be sent.
#[derive(Debug)]
pub struct Elsewhere(TcpListener);

impl Elsewhere {
    /// Listens on a free port. Nobody answers there.
    pub fn listen() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is had");
        listener.set_nonblocking(true).expect("a socket can be told not to block");
        Self(listener)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.0.local_addr().expect("it is bound").port()
    }

    /// An address there, as it would be a Webex's.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port())
    }

    /// Panics where anybody has connected so far: the system keeps a connection for us whether or not its maker still lives.
    #[track_caller]
    pub fn saw_nobody(&self) {
        match self.0.accept() {
            Ok((_, from)) => panic!("{from} connected to an address that is no Webex of the credential"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
    }
}

/// Redirect URIs on ports that were free a moment ago: several, so that one remains when others take some.
pub fn free_redirect_uris() -> Vec<String> {
    let held: Vec<Elsewhere> = (0..6).map(|_| Elsewhere::listen()).collect();
    held.iter().map(|socket| format!("http://127.0.0.1:{}/callback", socket.port())).collect()
}
