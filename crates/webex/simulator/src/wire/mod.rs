//! Sockets: accepting, driving and cutting connections.

mod connection;
mod front;
mod host;
mod outbox;
mod reply;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use lanyard_time::{Sleep, SystemSleep};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::webex::Webex;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// How long to leave be when the system has no more file descriptors.
const BREATHER: Duration = Duration::from_millis(20);

/// How long a client may take, once the simulator stops, to read the reply under way. This and the breather concern the machine
/// and not the simulated Webex, so they do not wait on what scripted delays wait on.
const GRACE: Duration = Duration::from_secs(5);

/// Binds and listens.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts until told to stop, then lets the open connections finish what they are at, within bounds. Dropping the future cuts them.
pub(crate) async fn serve(listener: TcpListener, webex: Webex, router: Router, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection::drive(stream, webex.clone(), router.clone(), stop.clone()));
                }
                // One connection failed before it was accepted, or descriptors ran out: neither ends the others.
                Err(_) => SystemSleep.sleep(BREATHER).await,
            },
            Some(_) = connections.join_next() => {}
            () = told_to_stop(&mut stop) => break,
        }
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    tokio::select! {
        () = finished => {}
        () = SystemSleep.sleep(GRACE) => {}
    }
}

/// Completes at the word to stop; the sender's end counts as that.
async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The router never fails.
type Never = Infallible;
