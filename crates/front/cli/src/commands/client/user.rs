//! Users of this machine.

use std::process::{Command, Stdio};
use std::str::FromStr;

use crate::exit::Failure;

/// A user, by name or by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum User {
    Name(Box<str>),
    Number(u32),
}

impl FromStr for User {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(number) = text.parse() {
            return Ok(Self::Number(number));
        }
        let fits = !text.is_empty()
            && !text.starts_with(['-', '+'])
            && text.chars().all(|c| c.is_alphanumeric() || "._-@\\".contains(c));
        if fits { Ok(Self::Name(text.into())) } else { Err("it is a user's name or number".to_owned()) }
    }
}

impl User {
    /// The user's number. `id` knows the users that a directory service knows, which no file of this machine names.
    pub(super) fn number(&self) -> Result<u32, Failure> {
        let name = match self {
            Self::Number(number) => return Ok(*number),
            Self::Name(name) => name,
        };
        let mut command = Command::new("id");
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("LANYARD_") {
                command.env_remove(variable);
            }
        }
        let asked = command.args(["-u", "--", name]).stdin(Stdio::null()).stderr(Stdio::null()).output();
        let output = asked.map_err(Failure::io(format!("cannot ask id for the number of the user {name}")))?;
        let number = String::from_utf8_lossy(&output.stdout).trim().parse().ok().filter(|_| output.status.success());
        number.ok_or_else(|| Failure::NoSuchName {
            message: format!("this machine knows no user named {name}"),
            hint: "name a user that id knows, or give the number".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_a_name_or_a_number() {
        assert_eq!("1000".parse(), Ok(User::Number(1000)));
        assert_eq!("CORP\\ada".parse(), Ok(User::Name("CORP\\ada".into())));
        for bad in ["", "-u", "a b", "a\n", "a;b", "$(id)"] {
            assert!(bad.parse::<User>().is_err(), "{bad:?}");
        }
        assert_eq!(User::Number(7).number().unwrap(), 7);
        assert_eq!(User::Name("root".into()).number().unwrap(), 0);
        assert!(User::Name("nobody-of-this-name".into()).number().is_err());
    }
}
