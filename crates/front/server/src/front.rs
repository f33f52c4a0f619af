//! The hand-out thread: it accepts on the Unix sockets, gives cached tokens, and has everything else done elsewhere.

use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::UnixListener;
use tokio_util::task::TaskTracker;

use crate::caller::Peer;
use crate::connection::{self, Entrance};
use crate::serve::Shared;

/// Which of the two Unix sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Owner,
    Clients,
}

/// Starts the thread. It ends when the broker stops and the last connection is done.
pub(crate) fn start(shared: Arc<Shared>, doors: Vec<(Door, StdListener)>) -> io::Result<JoinHandle<io::Result<()>>> {
    std::thread::Builder::new().name("hand-out".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async move {
            let connections = TaskTracker::new();
            let mut accepting = Vec::new();
            for (door, listener) in doors {
                let listener = UnixListener::from_std(listener)?;
                accepting.push(tokio::spawn(accept(Arc::clone(&shared), door, listener, connections.clone())));
            }
            for task in accepting {
                let _ = task.await;
            }
            connections.close();
            connections.wait().await;
            Ok(())
        })
    })
}

async fn accept(shared: Arc<Shared>, door: Door, listener: UnixListener, connections: TaskTracker) {
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
}
