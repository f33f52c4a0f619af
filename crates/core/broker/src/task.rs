//! Tasks that go on if their caller disappears.

use std::future::pending;

use tokio::task::JoinHandle;

/// Runs `work` as a task of its own and waits for it. It goes on if the returned future is dropped.
pub(crate) async fn detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    joined(tokio::spawn(work)).await
}

/// Waits for a task, and passes its panic on.
pub(crate) async fn joined<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and this task with it.
            Err(_) => pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn detached_work_outlives_its_caller() {
        let (go, went) = tokio::sync::oneshot::channel::<()>();
        let (done, ended) = tokio::sync::oneshot::channel::<()>();
        let work = detached(async move {
            went.await.unwrap();
            done.send(()).unwrap();
        });
        let mut work = Box::pin(work);
        tokio::select! {
            biased;
            () = &mut work => panic!("it waits"),
            () = std::future::ready(()) => {}
        }
        drop(work);
        go.send(()).unwrap();
        ended.await.unwrap();
    }
}
