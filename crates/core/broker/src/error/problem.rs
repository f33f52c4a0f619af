//! A use case's failure as every entry point shows it.

use lanyard_operation::{Class, Code, Problem};

use super::Error;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let error = error.cause();
        let code = match (error, error.class()) {
            (Error::Problem(problem), _) => return Self::clone(problem),
            (Error::NoToken { .. }, Class::Unreachable) => Code::NoToken,
            (Error::NameTaken(_), _) => Code::NameTaken,
            (_, class) => Code::of_class(class),
        };
        let mut problem = Self::of(code, error);
        if let Some(hint) = error.hint() {
            problem = problem.hint(hint);
        }
        match error {
            Error::NoToken { wait, .. } if !wait.is_zero() => problem.retry_after(*wait),
            _ => problem,
        }
    }
}
