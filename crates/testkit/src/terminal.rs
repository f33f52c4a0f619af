//! A person at a terminal.

use std::fs::File;
use std::io::Write as _;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

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

    /// What a program has as its standard input.
    pub fn stdin(&self) -> Stdio {
        self.program.try_clone().expect("it can be shared").into()
    }
}
