//! The Unix sockets. The owner's is served on the hand-out thread, which has a runtime of its own; the other users' on the broker's
//! runtime, so that no number of their requests delays the owner's.

use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::UnixListener;
use tokio_util::task::TaskTracker;

use crate::caller::Peer;
use crate::connection::{self, Entrance};
use crate::shared::Shared;

/// Which of the two Unix sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Owner,
    Clients,
}

/// Starts the hand-out thread. It ends when the broker stops and the last connection is done.
pub(crate) fn start(shared: Arc<Shared>, listener: StdListener) -> io::Result<JoinHandle<io::Result<()>>> {
    std::thread::Builder::new().name("hand-out".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(accept(shared, Door::Owner, listener))
    })
}

/// Accepts until the broker stops; completes when the last connection is done.
pub(crate) async fn accept(shared: Arc<Shared>, door: Door, listener: StdListener) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    let connections = TaskTracker::new();
    let mut entrance = Entrance::new(&shared);
    while let Some((stream, permit)) = entrance.next(|| async { Ok(listener.accept().await?.0) }).await {
        let Ok(credentials) = stream.peer_cred() else { continue };
        let peer = match door {
            // Its permissions let in nobody else, and root could do so anyway.
            Door::Owner => Peer::Owner { uid: credentials.uid(), pid: credentials.pid() },
            Door::Clients => Peer::Local { uid: credentials.uid() },
        };
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // On the heap: on its way into a task a future is copied whole, several times, and these are large.
            match door {
                Door::Owner => Box::pin(connection::serve(shared, stream, peer)).await,
                Door::Clients => Box::pin(connection::serve_stranger(shared, stream, peer)).await,
            }
            drop(permit);
        });
    }
    connections.close();
    connections.wait().await;
    Ok(())
}
