//! A program and its arguments.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::TargetError;

/// A program and its arguments. The arguments may be secrets, so that only the program's name is ever shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Argv(Vec<String>);

impl Argv {
    /// The program's file name.
    pub fn program(&self) -> &str {
        let program = &self.0[0];
        Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or(program)
    }

    /// The program, as it was given.
    pub fn path(&self) -> &str {
        &self.0[0]
    }

    /// Whether the program is there: at its path, or in a directory of the search path that it is started with.
    pub fn is_found(&self) -> bool {
        let program = Path::new(&self.0[0]);
        if program.components().count() > 1 {
            return Path::new("/").join(program).is_file();
        }
        let search = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&search).any(|directory| directory.join(program).is_file())
    }

    /// The program and its arguments. Every use of this is a place to review.
    pub fn expose_secret(&self) -> &[String] {
        &self.0
    }
}

impl TryFrom<Vec<String>> for Argv {
    type Error = TargetError;

    fn try_from(argv: Vec<String>) -> Result<Self, TargetError> {
        let fits =
            argv.first().is_some_and(|program| !program.is_empty()) && !argv.iter().any(|word| word.contains('\0'));
        if fits { Ok(Self(argv)) } else { Err(TargetError::NoProgram) }
    }
}

impl fmt::Debug for Argv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Argv({:?}, …)", self.program())
    }
}
