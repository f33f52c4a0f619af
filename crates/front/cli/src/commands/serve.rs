//! `lanyard serve`: the broker.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use lanyard_server::Options;

use crate::context::Common;
use crate::exit::Failure;
use crate::signals::Stop;

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Also listen on TCP for programs with a client key, such as 127.0.0.1:7417
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Also listen on a Unix socket for other local users
    #[arg(long, value_name = "PATH")]
    clients_socket: Option<PathBuf>,
    /// The directory for the owner's socket [default: the home]
    #[arg(long, value_name = "DIR")]
    sockets: Option<PathBuf>,
}

impl Serve {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let mut stop = Stop::new()?;
        let broker = common.broker_or_new().await?;
        let directory = broker.store().home().to_owned();
        let options = Options { sockets: self.sockets.unwrap_or(directory), http: self.http, ..Options::default() };
        let socket = lanyard_server::sockets::owner(&options.sockets);
        lanyard_server::serve(broker, options, async move { stop.asked().await }, || {
            tracing::info!(socket = %socket.display(), "ready");
        })
        .await?;
        Ok(ExitCode::SUCCESS)
    }
}
