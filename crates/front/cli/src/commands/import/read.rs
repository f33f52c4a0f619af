//! Files that hold tokens, read into memory that is wiped.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::{file_text, output};

/// Reads a file, or standard input for `-`: all of it, and no more than `longest` bytes. One that others may read is said to be so.
pub(super) fn whole(path: &Path, longest: usize) -> Result<Zeroizing<String>, Failure> {
    let shown = path.display();
    if path == Path::new("-") {
        return bounded(std::io::stdin().lock(), longest, "standard input");
    }
    let file = File::open(path).map_err(Failure::io(format!("cannot read {shown}")))?;
    let found = file.metadata().map_err(Failure::io(format!("cannot read {shown}")))?;
    // A device or a pipe keeps nothing.
    if found.is_file() && found.permissions().mode() & 0o044 != 0 {
        output::note(&format!("warning: others on this machine can read {shown}: chmod 600 {shown}"));
    }
    bounded(file, longest, &shown.to_string())
}

fn bounded(from: impl Read, longest: usize, shown: &str) -> Result<Zeroizing<String>, Failure> {
    // All the room at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(longest + 1));
    let limit = u64::try_from(longest).unwrap_or(u64::MAX).saturating_add(1);
    from.take(limit).read_to_end(&mut bytes).map_err(Failure::io(format!("cannot read {shown}")))?;
    if bytes.len() > longest {
        return Err(Failure::Usage {
            message: format!("{shown} has more than {longest} bytes"),
            hint: "that is not a file of tokens; nothing was stored".to_owned(),
        });
    }
    file_text::utf8(std::mem::take(&mut *bytes), shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_or_no_text_is_refused_without_being_shown() {
        assert_eq!(*bounded(&b"canary"[..], 6, "it").expect("it fits"), "canary");
        for bytes in [&b"canary!"[..], b"\xffcan"] {
            let error = bounded(bytes, 6, "it").expect_err("refused");
            assert!(!format!("{error} {error:?}").contains("can"), "{error}");
        }
    }
}
