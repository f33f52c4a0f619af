//! A mail as text (RFC 5322 and MIME). Every line is ASCII and short, whatever the notice holds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

use crate::notice::Notice;
use crate::target::{MailAddress, MailTarget};
use crate::text::NoticeText;

/// The mail for a notice. A repeated one has the same Message-ID.
pub(super) fn write(target: &MailTarget, notice: &Notice, at: Timestamp) -> String {
    let text = NoticeText::of(notice);
    let to: Vec<_> = target.to.iter().map(MailAddress::as_str).collect();
    let headers = [
        ("From", format!("Lanyard <{}>", target.from)),
        ("To", to.join(",\r\n ")),
        ("Subject", encoded(&text.subject())),
        ("Date", date(at)),
        ("Message-ID", message_id(notice, &target.from)),
        // No holiday notice answers this (RFC 3834).
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("MIME-Version", "1.0".to_owned()),
        ("Content-Type", format!("multipart/alternative; boundary=\"{BOUNDARY}\"")),
    ];
    let headers = headers.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let (plain, html) = (part("plain", &text.plain()), part("html", &text.html()));
    format!("{headers}\r\n{plain}{html}--{BOUNDARY}--\r\n")
}

fn part(kind: &str, text: &str) -> String {
    let text = STANDARD.encode(text.replace('\n', "\r\n"));
    let lines: Vec<_> = text.as_bytes().chunks(LONGEST_LINE).map(String::from_utf8_lossy).collect();
    let lines = lines.join("\r\n");
    format!(
        "--{BOUNDARY}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{lines}\r\n"
    )
}

/// A text as the value of a header: as it is if it is short and plain, and in encoded words otherwise (RFC 2047).
fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if text.len() <= LONGEST_PLAIN && text.bytes().all(is_plain) && !text.contains("=?") && text.trim() == text {
        return text.to_owned();
    }
    let (mut words, mut word) = (Vec::new(), String::new());
    for letter in text.chars() {
        if word.len() + letter.len_utf8() > LONGEST_WORD {
            words.push(std::mem::take(&mut word));
        }
        word.push(letter);
    }
    words.push(word);
    let words: Vec<_> = words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word))).collect();
    words.join("\r\n ")
}

/// From the event's id and source alone: two homes may count their events alike.
fn message_id(notice: &Notice, from: &MailAddress) -> String {
    let digest = Sha256::digest(&notice.source);
    let source = digest.iter().take(8).fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    format!("<lanyard.{}.{source:016x}@{}>", notice.id, from.host())
}

fn date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// No line of base64 begins with a dash.
const BOUNDARY: &str = "=_lanyard";
/// The longest line of base64 (RFC 2045, section 6.8).
const LONGEST_LINE: usize = 76;
/// The longest subject that is written as it is.
const LONGEST_PLAIN: usize = 60;
/// The bytes of one encoded word: its line has 76 characters at most, the name of the header included.
const LONGEST_WORD: usize = 36;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::notice::{NoticeData, NoticeType, Severity};

    fn target() -> MailTarget {
        MailTarget {
            server: "smtp://mail.example".parse().unwrap(),
            username: None,
            password: None,
            from: "lanyard@msp.example".parse().unwrap(),
            to: ["noc@msp.example", "duty@msp.example"].map(|to| to.parse().unwrap()).into(),
            allow_private: false,
            allow_plaintext: false,
        }
    }

    fn notice(summary: &str) -> Notice {
        let data = NoticeData::new(summary, Severity::Info);
        Notice::new("4711".parse().unwrap(), "/lanyard/homes/a", NoticeType::TEST, Timestamp::UNIX_EPOCH, data)
    }

    fn at() -> Timestamp {
        "2026-11-30T12:00:05.5Z".parse().unwrap()
    }

    #[test]
    fn a_mail_has_its_headers_and_two_parts() {
        insta::assert_snapshot!(write(&target(), &notice("This is a test."), at()).replace("\r\n", "\n"));
    }

    #[test]
    fn a_repeated_mail_has_the_same_message_id_and_another_event_has_not() {
        let id = |notice: &Notice| message_id(notice, &target().from);
        let first = notice("This is a test.");
        assert_eq!(id(&first), id(&notice("Another text.")));
        let mut other = first.clone();
        other.source = "/lanyard/homes/b".to_owned();
        assert_ne!(id(&first), id(&other));
        other = first.clone();
        other.id = "4712".parse().unwrap();
        assert_ne!(id(&first), id(&other));
    }

    #[test]
    fn a_subject_is_encoded_if_it_has_to_be() {
        for (text, expected) in [
            ("[Lanyard] a", "[Lanyard] a"),
            ("ä", "=?utf-8?B?w6Q=?="),
            ("=?utf-8?B?w6Q=?=", "=?utf-8?B?PT91dGYtOD9CP3c2UT0/PQ==?="),
            (" a", "=?utf-8?B?IGE=?="),
        ] {
            assert_eq!(encoded(text), expected);
        }
        assert_eq!(encoded(&"x".repeat(72)).lines().count(), 2);
    }

    proptest! {
        #[test]
        fn no_text_adds_a_line_or_a_header(text in any::<String>()) {
            let mail = write(&target(), &notice(&text), at());
            prop_assert!(mail.is_ascii());
            prop_assert!(mail.split("\r\n").all(|line| line.len() <= 78 && !line.contains(['\r', '\n'])));
            let (headers, _) = mail.split_once("\r\n\r\n").unwrap();
            let names: Vec<_> = headers.split("\r\n").filter(|line| !line.starts_with(' ')).map(|line| line.split(':').next().unwrap()).collect();
            prop_assert_eq!(names, ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]);
        }
    }
}
