//! Writes lines on a thread of its own.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Writes lines on a thread of its own, so that a reader that stops reading blocks that thread alone. Lines are dropped and counted
/// while too many wait.
///
/// `tracing-appender` has such a writer too. Its end prints on standard output if nothing reads the log, and it does not report lost
/// lines.
#[derive(Clone, Debug)]
pub(super) struct LineWriter(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is something to write.
    filled: Condvar,
    /// Everything is written.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    /// The thread is at it.
    busy: bool,
    /// How many lines were dropped since that was last reported.
    lost: usize,
}

/// So many lines wait at most.
const MOST: usize = 1024;

impl LineWriter {
    /// Starts the thread. It calls `report` with the number of dropped lines when it has caught up.
    pub(super) fn start(
        mut out: impl Write + Send + 'static,
        report: impl Fn(usize) + Send + 'static,
    ) -> io::Result<Self> {
        let shared: Arc<Shared> = Arc::default();
        let writer = Self(Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("log".to_owned());
        thread.spawn(move || shared.write(&mut out, &report))?;
        Ok(writer)
    }

    /// Queues a line, or drops it. Never blocks.
    pub(super) fn push(&self, line: Vec<u8>) {
        let mut queue = self.0.lock();
        if queue.lines.len() < MOST {
            queue.lines.push_back(line);
            self.0.filled.notify_one();
        } else {
            queue.lost += 1;
        }
    }

    /// Waits until everything is written, but no longer than `limit`; whether it is.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let is_left = |queue: &mut Queue| queue.busy || queue.lost > 0 || !queue.lines.is_empty();
        let waited = self.0.emptied.wait_timeout_while(self.0.lock(), limit, is_left);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Shared {
    fn write(&self, out: &mut impl Write, report: &impl Fn(usize)) {
        let mut queue = self.lock();
        loop {
            queue.busy = true;
            if let Some(line) = queue.lines.pop_front() {
                drop(queue);
                // The reader may be gone, or the disk full: a log must stop nothing.
                let _ = out.write_all(&line);
            } else if queue.lost > 0 {
                let lost = std::mem::take(&mut queue.lost);
                drop(queue);
                // A line of the log, too: this thread may not hold the queue.
                report(lost);
            } else {
                queue.busy = false;
                self.emptied.notify_all();
                drop(self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner));
            }
            queue = self.lock();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// A pipe that holds one line.
    struct Pipe(SyncSender<String>);

    impl Write for Pipe {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.send(String::from_utf8_lossy(line).into_owned()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn start(report: impl Fn(usize) + Send + 'static) -> (LineWriter, Receiver<String>) {
        let (pipe, reader) = sync_channel(0);
        (LineWriter::start(Pipe(pipe), report).unwrap(), reader)
    }

    #[test]
    fn lines_are_written_in_order_and_the_end_waits_for_the_last() {
        let (writer, reader) = start(|_| panic!("nothing is lost"));
        let read = std::thread::spawn(move || reader.iter().take(3).collect::<Vec<_>>());
        for line in ["one", "two", "three"] {
            writer.push(line.into());
        }
        assert!(writer.flush(Duration::MAX));
        assert_eq!(read.join().unwrap(), ["one", "two", "three"]);
    }

    #[test]
    fn a_reader_that_stops_reading_blocks_nothing_and_learns_how_many_lines_it_missed() {
        let (reports, reported) = sync_channel(1);
        let (writer, reader) = start(move |lost| reports.send(lost).unwrap());
        writer.push("first".into());
        // The thread holds the first line; so many more fit, and two do not.
        while writer.0.lock().lines.len() == 1 {
            std::thread::yield_now();
        }
        for number in 0..MOST + 2 {
            writer.push(number.to_string().into());
        }
        assert!(!writer.flush(Duration::ZERO), "nobody reads");
        assert_eq!(reader.iter().take(MOST + 1).last().unwrap(), (MOST - 1).to_string());
        assert_eq!(reported.recv().unwrap(), 2);
        assert!(writer.flush(Duration::MAX));
    }

    #[test]
    fn a_reader_that_is_gone_stops_nothing() {
        let (writer, reader) = start(|_| ());
        drop(reader);
        writer.push("line".into());
        assert!(writer.flush(Duration::MAX));
    }
}
