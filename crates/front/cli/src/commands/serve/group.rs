//! Groups of this machine.

use std::process::{Command, Stdio};

use crate::exit::Failure;

/// The number of a group, given by name or number.
///
/// Groups of a directory service are in no file, so the system's own programs are asked first: `getent`, or `dscl` on macOS, which
/// has no `getent`. A minimal system has neither.
pub(super) fn number(group: &str) -> Result<u32, Failure> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    let found = printed("getent", &["group", "--", group])
        .and_then(|text| in_entries(&text, group))
        .or_else(|| {
            in_directory(&printed("dscl", &["/Search", "-read", &format!("/Groups/{group}"), "PrimaryGroupID"])?)
        })
        .or_else(|| in_entries(&std::fs::read_to_string("/etc/group").ok()?, group));
    found.ok_or_else(|| Failure::Usage {
        message: format!("there is no group {group:?}"),
        hint: "name a group that exists, or give its number".to_owned(),
    })
}

/// The output of a program, if there is such a program and it succeeds.
fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `wheel:x:10:root,lanyard`, as in `/etc/group`.
fn in_entries(text: &str, group: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(group)).then(|| fields.nth(1)?.trim().parse().ok())?
    })
}

/// `PrimaryGroupID: 20`.
fn in_directory(text: &str) -> Option<u32> {
    text.lines().find_map(|line| line.strip_prefix("PrimaryGroupID:")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_by_its_whole_name() {
        let entries = "# a comment\nwheel:*:0:root\nwheels:x:11:\nbroken:x\nodd:x:many:\nstaff:x:20:a,b\n";
        for (group, expected) in [
            ("wheel", Some(0)),
            ("wheels", Some(11)),
            ("staff", Some(20)),
            ("broken", None),
            ("odd", None),
            ("whe", None),
        ] {
            assert_eq!(in_entries(entries, group), expected, "{group}");
        }
        assert_eq!(in_directory("PrimaryGroupID: 20\n"), Some(20));
        assert_eq!(in_directory("No such key: PrimaryGroupID\n"), None);
    }

    #[test]
    fn a_number_needs_no_group_and_a_name_does() {
        assert_eq!(number("4294967").unwrap(), 4_294_967);
        assert!(number("no-group-of-this-name").unwrap_err().to_string().contains("no group"));
    }
}
