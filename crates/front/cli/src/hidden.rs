//! A line that the terminal does not show while it is typed. However the process ends, the terminal gets its modes back.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rpassword::ConfigBuilder;
use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use zeroize::Zeroizing;

use crate::signals;

/// Prompts at the terminal of the process and reads a line, hidden.
///
/// Ctrl-C and the other signals keep their meaning, so that one place ends the process. Ctrl-Z has none here: a shell would take over a
/// terminal without echo.
pub(crate) fn line(prompt: &str) -> io::Result<Zeroizing<String>> {
    // Without a listener the system would end the process, and leave the terminal as it is.
    signals::listen()?;
    let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let hidden = Hidden::begin(&terminal)?;
    terminal.write_all(prompt.as_bytes())?;
    let config = ConfigBuilder::new().input_reader(terminal.try_clone()?).output_discard().build();
    let typed = rpassword::read_password_with_config(config).map(Zeroizing::new);
    drop(hidden);
    // The key that ended the line was not shown either.
    if typed.as_ref().err().is_none_or(|error| error.kind() == ErrorKind::UnexpectedEof) {
        terminal.write_all(b"\n")?;
    }
    typed
}

/// Whether a hidden line is being read.
pub(crate) fn is_read() -> bool {
    hiding().is_some()
}

/// Restores the terminal for a process that exits now. A prompt on another thread can no longer change it.
pub(crate) fn end() {
    let mut hiding = hiding();
    restore(&mut hiding);
    std::mem::forget(hiding);
}

/// The terminal that hides what is typed, with its modes before. Locked while the modes change.
static HIDING: Mutex<Option<(File, Termios)>> = Mutex::new(None);

fn hiding() -> MutexGuard<'static, Option<(File, Termios)>> {
    HIDING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn restore(hiding: &mut Option<(File, Termios)>) {
    let Some((terminal, before)) = hiding.take() else { return };
    // In the background the change would stop the process, and the shell has set the modes itself.
    if tcgetpgrp(&terminal).is_ok_and(|group| group == getpgrp()) {
        let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
    }
}

/// Restores the terminal on drop.
struct Hidden;

impl Hidden {
    fn begin(terminal: &File) -> io::Result<Self> {
        let mut hiding = hiding();
        let before = tcgetattr(terminal)?;
        let mut modes = before.clone();
        // A line that the terminal edits has at most 4095 characters, on some systems 1023.
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON);
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        modes.special_codes[SpecialCodeIndex::VSUSP] = 0;
        *hiding = Some((terminal.try_clone()?, before));
        if let Err(error) = tcsetattr(terminal, OptionalActions::Now, &modes) {
            *hiding = None;
            return Err(error.into());
        }
        Ok(Self)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        restore(&mut hiding());
    }
}
