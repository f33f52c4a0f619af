//! Whom a command speaks to, and whom not.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;

use lanyard_broker::List;
use lanyard_operation::Class;
use lanyard_server::owner::ConnectError;
use lanyard_testkit::left_out;

use super::world::{connect, socket_in};

/// Somebody without any privileges.
const SOMEBODY: u32 = 54_321;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_broker() {
    let directory = tempfile::tempdir().unwrap();
    let socket = socket_in(directory.path());
    assert!(connect(&socket).await.unwrap().is_none(), "there is no file");
    assert!(connect(&socket_in(&directory.path().join("nowhere"))).await.unwrap().is_none());
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    assert!(connect(&socket).await.unwrap().is_none(), "a broker that was killed left the file");
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_not_spoken_to() {
    let directory = tempfile::tempdir().unwrap();
    let socket = socket_in(directory.path());
    std::fs::write(&socket, "").unwrap();
    let error = connect(&socket).await.unwrap_err();
    assert!(matches!(&error, ConnectError::NoSocket(_)) && error.class() == Class::Store, "{error}");
    std::fs::remove_file(&socket).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let _listener = UnixListener::bind(socket_in(elsewhere.path())).unwrap();
    std::os::unix::fs::symlink(socket_in(elsewhere.path()), &socket).unwrap();
    assert!(matches!(connect(&socket).await, Err(ConnectError::NoSocket(_))), "a link leads elsewhere");
}

#[tokio::test]
async fn a_socket_or_a_directory_of_somebody_else_is_not_spoken_to() {
    if !is_root() {
        return left_out("only root gives files away");
    }
    let directory = tempfile::tempdir().unwrap();
    let socket = socket_in(directory.path());
    let _listener = UnixListener::bind(&socket).unwrap();
    assert!(connect(&socket).await.unwrap().is_some());
    chown(directory.path(), Some(SOMEBODY), None).unwrap();
    let error = connect(&socket).await.unwrap_err();
    assert!(matches!(&error, ConnectError::ForeignFile { uid: SOMEBODY, path } if path == directory.path()), "{error}");
    assert!(error.hint().contains("--home"));
    chown(directory.path(), Some(0), None).unwrap();
    chown(&socket, Some(SOMEBODY), None).unwrap();
    let error = connect(&socket).await.unwrap_err();
    assert!(matches!(&error, ConnectError::ForeignFile { uid: SOMEBODY, path } if *path == socket), "{error}");
}

#[tokio::test]
async fn a_directory_that_others_can_write_is_not_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let socket = socket_in(directory.path());
    let _listener = UnixListener::bind(&socket).unwrap();
    for (mode, is_trusted) in
        [(0o700, true), (0o755, true), (0o1777, true), (0o777, false), (0o775, false), (0o722, false)]
    {
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        match connect(&socket).await {
            Ok(found) => assert!(is_trusted && found.is_some(), "{mode:o}"),
            Err(error) => {
                assert!(!is_trusted && matches!(error, ConnectError::OpenDirectory(_)), "{mode:o}: {error}");
                assert!(error.hint().contains("chmod go-w"), "{}", error.hint());
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_listener_of_somebody_else_is_not_spoken_to() {
    if !is_root() {
        return left_out("only root becomes somebody else");
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
    let socket = socket_in(directory.path());
    let path = socket.clone();
    // The system remembers who began to listen; on Linux each thread may be somebody else.
    let listening = std::thread::spawn(move || {
        rustix::thread::set_thread_uid(rustix::fs::Uid::from_raw(SOMEBODY)).unwrap();
        UnixListener::bind(path).unwrap()
    });
    let _listener = listening.join().unwrap();
    chown(&socket, Some(0), Some(0)).unwrap();
    let error = connect(&socket).await.unwrap_err();
    assert!(matches!(&error, ConnectError::ForeignPeer { uid: SOMEBODY, .. }), "{error}");
}

#[tokio::test]
async fn a_broker_that_is_gone_by_the_time_it_is_asked_was_not_asked() {
    let directory = tempfile::tempdir().unwrap();
    let socket = socket_in(directory.path());
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let owner = connect(&socket).await.unwrap().unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    drop((listener, stream));
    // The end of the connection is noticed before the call is made.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let error = owner.perform(List).await.unwrap_err();
    assert_eq!(error.class(), Class::Unreachable);
    assert!(error.to_string().contains("before the request was sent"), "{error}");
}
