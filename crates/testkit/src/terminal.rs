//! A person at a terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

/// How a person ends a program.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// With keys.
    Typed(&'static str),
    /// With a signal from elsewhere.
    Signal(Signal),
}

/// A terminal, and what is typed into it.
#[derive(Debug)]
pub struct Terminal {
    person: File,
    program: File,
}

impl Terminal {
    /// A terminal that belongs to no session: nobody gets signals from it.
    pub fn open() -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
        grantpt(&person).and_then(|()| unlockpt(&person)).expect("it is ours");
        let path = ptsname(&person, Vec::new()).expect("it has a name");
        let program = open(path.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("it opens");
        Self { person: person.into(), program: program.into() }
    }

    /// Types a line; it is read when somebody reads.
    pub fn types(&self, line: &str) {
        (&self.person).write_all(format!("{line}\n").as_bytes()).expect("it takes what is typed");
    }

    /// Runs a command whose three streams are a terminal of this width. Gives what the terminal showed, and the exit code.
    ///
    /// The command goes with the call: as long as it lives the terminal has no end.
    pub fn run(command: Command, columns: u16) -> (String, i32) {
        Self::run_typing(command, columns, "")
    }

    /// Like [`run`](Self::run), with text that is typed before the program prompts for it.
    pub fn run_typing(command: Command, columns: u16, typed: &str) -> (String, i32) {
        Self::run_until(command, columns, typed, None)
    }

    /// Like [`run`](Self::run), with a signal that the program gets when the terminal shows a text.
    pub fn run_interrupted(command: Command, columns: u16, shown: &str, signal: Signal) -> (String, i32) {
        Self::run_until(command, columns, "", Some((shown, signal)))
    }

    fn run_until(
        mut command: Command,
        columns: u16,
        typed: &str,
        mut interrupt: Option<(&str, Signal)>,
    ) -> (String, i32) {
        let Self { mut person, program } = Self::open();
        let size = Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&program, size).expect("a terminal has a size");
        person.write_all(typed.as_bytes()).expect("it takes what is typed");
        let stream = || Stdio::from(program.try_clone().expect("it can be shared"));
        command.stdin(stream()).stdout(stream()).stderr(stream());
        let mut child = command.spawn().expect("the program starts");
        drop((command, program));
        let mut shown = Vec::new();
        let mut part = [0; 1024];
        // Linux ends a terminal that nobody has open any more with an error.
        while let Ok(length @ 1..) = person.read(&mut part) {
            shown.extend_from_slice(&part[..length]);
            if let Some((_, signal)) = interrupt.take_if(|(text, _)| String::from_utf8_lossy(&shown).contains(*text)) {
                kill_process(Pid::from_child(&child), signal).expect("it is our child");
            }
        }
        let status = child.wait().expect("it is our child");
        (String::from_utf8_lossy(&shown).replace("\r\n", "\n"), status.code().unwrap_or(-1))
    }

    /// Runs a command, prefixed by [`SESSION`](Self::SESSION), until the terminal shows a text. Then types or signals what ends it. Gives
    /// what the terminal showed, the exit code, and whether the terminal has the modes from before.
    pub fn end_at(mut command: Command, shown: &str, end: &End) -> (String, i32, bool) {
        let Self { mut person, program } = Self::open();
        let modes = || {
            let modes = tcgetattr(&program).expect("it is a terminal");
            (modes.input_modes, modes.output_modes, modes.control_modes, modes.local_modes)
        };
        let before = modes();
        let stream = || Stdio::from(program.try_clone().expect("it can be shared"));
        command.stdin(stream()).stdout(stream()).stderr(stream());
        let mut child = command.spawn().expect("the program starts");
        drop(command);
        let (mut all, mut part) = (Vec::new(), [0; 1024]);
        while !String::from_utf8_lossy(&all).contains(shown) {
            // The terminal has no end while this process has it open.
            if let Some(status) = child.try_wait().expect("it is our child") {
                panic!("ended with {status} before {shown:?}: {}", String::from_utf8_lossy(&all));
            }
            if is_readable(&person) {
                let length = person.read(&mut part).expect("it is readable");
                all.extend_from_slice(&part[..length]);
            }
        }
        match end {
            End::Typed(text) => person.write_all(text.as_bytes()).expect("it takes what is typed"),
            End::Signal(signal) => kill_process(Pid::from_child(&child), *signal).expect("it is our child"),
        }
        let status = child.wait().expect("it is our child");
        let is_as_before = modes() == before;
        while is_readable(&person) {
            let length = person.read(&mut part).expect("it is readable");
            all.extend_from_slice(&part[..length]);
        }
        (String::from_utf8_lossy(&all).replace("\r\n", "\n"), status.code().unwrap_or(-1), is_as_before)
    }

    /// Stops a command, prefixed by [`SESSION`](Self::SESSION), when the terminal shows a text, and continues it as a shell would that has
    /// set the modes from before. Then waits until the terminal echoes nothing, and types. Gives what the terminal showed.
    pub fn stop_at(mut command: Command, shown: &str, typed: &str) -> String {
        let Self { mut person, program } = Self::open();
        let before = tcgetattr(&program).expect("it is a terminal");
        let is_hidden = || {
            let modes = tcgetattr(&program).expect("it is a terminal");
            !modes.local_modes.contains(LocalModes::ECHO)
        };
        let stream = || Stdio::from(program.try_clone().expect("it can be shared"));
        command.stdin(stream()).stdout(stream()).stderr(stream());
        let mut child = command.spawn().expect("the program starts");
        let mut keyboard = person.try_clone().expect("it can be shared");
        let (mut all, mut part) = (Vec::new(), [0; 1024]);
        let mut read = |all: &mut Vec<u8>| {
            while is_readable(&person) {
                let length = person.read(&mut part).expect("it is readable");
                all.extend_from_slice(&part[..length]);
            }
        };
        for _ in 0..600 {
            read(&mut all);
            if String::from_utf8_lossy(&all).contains(shown) {
                break;
            }
        }
        assert!(is_hidden(), "{}", String::from_utf8_lossy(&all));
        kill_process(Pid::from_child(&child), Signal::STOP).expect("it is our child");
        waitpid(Some(Pid::from_child(&child)), WaitOptions::UNTRACED).expect("it is our child");
        tcsetattr(&program, OptionalActions::Now, &before).expect("it is a terminal");
        kill_process(Pid::from_child(&child), Signal::CONT).expect("it is our child");
        for _ in 0..600 {
            if is_hidden() {
                break;
            }
            read(&mut all);
        }
        assert!(is_hidden(), "the terminal echoes after the program was continued");
        keyboard.write_all(typed.as_bytes()).expect("it takes what is typed");
        child.wait().expect("it is our child");
        read(&mut all);
        String::from_utf8_lossy(&all).replace("\r\n", "\n")
    }

    /// The program that gives a command a session of its own, whose keyboard is its standard input.
    pub const SESSION: [&str; 2] = ["setsid", "--ctty"];

    /// The terminal, as the standard input of a program.
    pub fn stdin(&self) -> Stdio {
        self.program.try_clone().expect("it can be shared").into()
    }
}

/// Whether the terminal shows more, or does so soon.
fn is_readable(person: &File) -> bool {
    let soon = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    poll(&mut [PollFd::new(person, PollFlags::IN)], Some(&soon)).is_ok_and(|ready| ready > 0)
}
