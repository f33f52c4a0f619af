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

/// Hides what is typed again, after the process was stopped and continued: the shell has set the modes itself meanwhile.
pub(crate) fn again() {
    let hiding = hiding();
    if let Some(hiding) = &*hiding
        && is_in_foreground(&hiding.terminal)
    {
        let _ = tcsetattr(&hiding.terminal, OptionalActions::Now, &hiding.hidden);
    }
}

/// Restores the terminal for a process that exits now. A prompt on another thread can no longer change it.
pub(crate) fn end() {
    let mut hiding = hiding();
    restore(&mut hiding);
    std::mem::forget(hiding);
}

/// A terminal that hides what is typed.
struct Hiding {
    terminal: File,
    /// Its modes before.
    before: Termios,
    /// The modes that hide.
    hidden: Termios,
}

/// Locked while the modes change.
static HIDING: Mutex<Option<Hiding>> = Mutex::new(None);

fn hiding() -> MutexGuard<'static, Option<Hiding>> {
    HIDING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn restore(hiding: &mut Option<Hiding>) {
    let Some(Hiding { terminal, before, .. }) = hiding.take() else { return };
    if is_in_foreground(&terminal) {
        let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
    }
}

/// In the background a change of the modes would stop the process, and the shell has set them itself.
fn is_in_foreground(terminal: &File) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp())
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
        *hiding = Some(Hiding { terminal: terminal.try_clone()?, before, hidden: modes.clone() });
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
