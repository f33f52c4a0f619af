//! How a broker is run.

use std::path::PathBuf;

use lanyard_broker::{HandOutOptions, RefresherOptions};
use lanyard_home::HttpAddress;
use lanyard_protocol::Environment;

/// How a broker is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory that `lanyard.sock` is made in: the home, unless another is named.
    pub sockets: PathBuf,
    /// The socket for other local users, and the group that may connect to it.
    pub clients: Option<ClientsSocket>,
    /// The TCP socket, for programs with a client key.
    pub http: Option<Http>,
    /// The environments to which clients may add credentials, besides those that the home has.
    pub environments: Vec<Environment>,
    /// How many connections each socket takes at a time.
    pub connections: usize,
    /// How tokens are handed out.
    pub hand_outs: HandOutOptions,
    /// How they are renewed.
    pub refresher: RefresherOptions,
}

/// The socket for other local users.
#[derive(Clone, Debug)]
pub struct ClientsSocket {
    /// Where it is made.
    pub path: PathBuf,
    /// The group that may connect; the owner's own where there is none.
    pub group: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sockets: PathBuf::new(),
            clients: None,
            http: None,
            environments: Vec::new(),
            connections: 1024,
            hand_outs: HandOutOptions::default(),
            refresher: RefresherOptions::default(),
        }
    }
}

/// How a broker listens on TCP.
#[derive(Clone, Debug)]
pub struct Http {
    /// The address; port 0 for any that is free.
    pub address: HttpAddress,
    /// Names, besides the address, under which it may be asked for.
    pub names: Vec<String>,
    /// The certificate, without which nothing but loopback is listened on.
    pub tls: Option<TlsFiles>,
}

/// Where the certificate and its key are.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate and its chain, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
}
