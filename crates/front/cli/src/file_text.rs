//! Files of secrets as text: in UTF-8, or refused with the way to save them so.

use zeroize::Zeroizing;

use crate::exit::Failure;

/// The text in a file's bytes. `shown` names the file.
pub(crate) fn utf8(bytes: Vec<u8>, shown: &str) -> Result<Zeroizing<String>, Failure> {
    let (message, hint) = match &bytes[..] {
        // PowerShell's `>` writes this, and some editors.
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] => (
            format!("{shown} is written in UTF-16, not in UTF-8"),
            "save it in UTF-8 (in PowerShell: Set-Content -Encoding utf8 FILE, in place of >); nothing was stored",
        ),
        _ => (
            format!("{shown} is not text in UTF-8"),
            "save it in UTF-8 (in a spreadsheet: as \"CSV UTF-8\"); nothing was stored",
        ),
    };
    let is_wide = bytes.iter().take(2).any(|byte| *byte == 0);
    match String::from_utf8(bytes) {
        Ok(text) if !is_wide => Ok(Zeroizing::new(text)),
        Ok(text) => {
            drop(Zeroizing::new(text));
            Err(Failure::Usage { message, hint: hint.to_owned() })
        }
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(Failure::Usage { message, hint: hint.to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_encoding_is_named_with_the_way_to_save_it() {
        let utf16 = |write: fn(u16) -> [u8; 2]| "canary".encode_utf16().flat_map(write).collect::<Vec<_>>();
        for (bytes, expected) in [
            ([vec![0xff, 0xfe], utf16(u16::to_le_bytes)].concat(), "UTF-16"),
            ([vec![0xfe, 0xff], utf16(u16::to_be_bytes)].concat(), "UTF-16"),
            (utf16(u16::to_le_bytes), "UTF-16"),
            (utf16(u16::to_be_bytes), "UTF-16"),
            (b"canary Z\xfcrich".to_vec(), "not text in UTF-8"),
        ] {
            let error = utf8(bytes, "it").expect_err(expected);
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(expected) && shown.contains("save it in UTF-8"), "{shown}");
            assert!(!shown.contains("canary"), "{shown}");
        }
        assert_eq!(*utf8("Z\u{fc}rich".into(), "it").expect("UTF-8"), "Z\u{fc}rich");
        assert_eq!(*utf8(Vec::new(), "it").expect("nothing"), "");
    }
}
