//! A body with files, read strictly: what two servers could split differently is not read at all.

use http::Method;
use lanyard_protocol::shape;

use super::body::{self, Found};
use super::has_other_charset;
use super::name::{Holds, is_plain};

/// Whether a call is known to take files. In Calling these are announcements, greetings and pictures for phones.
pub(super) fn takes_files(method: &Method, segments: &[&str]) -> bool {
    let words: Vec<_> = segments.iter().map(|segment| shape(segment)).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    matches!(*method, Method::POST | Method::PUT)
        && matches!(
            words[..],
            ["messages"] | ["telephony", "config", ..] | ["people" | "workspaces", _, "features", ..]
        )
}

/// The organisations in the fields of a `multipart/form-data` body; its files are not read. `None` if it cannot be read.
pub(super) fn fields(content_type: &str, body: &[u8]) -> Option<Found> {
    let boundary = boundary(content_type)?;
    let delimiter = format!("--{boundary}");
    let mut found = Found::default();
    let mut rest = body.strip_prefix(delimiter.as_bytes())?;
    loop {
        if let Some(end) = rest.strip_prefix(b"--") {
            return (end.is_empty() || end == b"\r\n").then_some(found);
        }
        let part = rest.strip_prefix(b"\r\n")?;
        let end = position(part, format!("\r\n{delimiter}").as_bytes())?;
        let (part, after) = part.split_at(end);
        // Split at line feeds alone it would be more parts.
        if position(part, delimiter.as_bytes()).is_some() {
            return None;
        }
        read_part(part, &mut found)?;
        rest = after.get(2 + delimiter.len()..)?;
    }
}

fn read_part(part: &[u8], found: &mut Found) -> Option<()> {
    let head = position(part, b"\r\n\r\n")?;
    let (head, content) = (std::str::from_utf8(&part[..head]).ok()?, &part[head + 4..]);
    let mut disposition = None;
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" if disposition.is_none() => disposition = Some(read_disposition(value)?),
            "content-type" if has_other_charset(value) => return None,
            "content-type" | "content-length" => {}
            _ => return None,
        }
    }
    let (name, is_file) = disposition?;
    let holds = Holds::of(&name);
    if !is_plain(&name) || head.contains(['\0', '\n']) && head.split("\r\n").any(|line| line.contains('\n')) {
        return None;
    }
    if is_file {
        // A file is no organisation's id.
        return (holds == Holds::Other).then_some(());
    }
    let text = std::str::from_utf8(content).ok().filter(|text| !text.contains('\0'))?;
    found.note(holds, text);
    found.members.push(name);
    match body::json(content) {
        Some(json) => found.ids.extend(json.ids),
        // A lenient server may pass over what this one does not.
        None if text.trim_start_matches(is_passed_over).starts_with(['{', '[']) => return None,
        None => {}
    }
    Some(())
}

/// Whether a server may ignore the character before JSON: white space, and the mark that some programs put before a text.
fn is_passed_over(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || letter == '\u{feff}'
}

/// The name of a part, and whether it is a file.
fn read_disposition(value: &str) -> Option<(String, bool)> {
    let (mut name, mut is_file) = (None, false);
    let mut rest = value.trim().strip_prefix("form-data")?;
    while !rest.is_empty() {
        let (parameter, after) = rest.strip_prefix(';')?.trim_start().split_once('=')?;
        let (text, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(';').unwrap_or(after.len())),
        };
        if text.contains(['\\', '"', '\0', '\r', '\n']) {
            return None;
        }
        match parameter {
            "name" if name.is_none() => name = Some(text.to_owned()),
            "filename" | "filename*" => is_file = true,
            _ => return None,
        }
        rest = after.trim_start();
    }
    Some((name?, is_file))
}

fn boundary(content_type: &str) -> Option<&str> {
    let parameter = content_type.trim().strip_prefix("multipart/form-data")?.trim_start().strip_prefix(';')?.trim();
    let value = parameter.strip_prefix("boundary=")?;
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    ((1..=70).contains(&value.len()) && value.bytes().all(plain)).then_some(value)
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=x";

    fn part(head: &str, content: &str) -> String {
        format!("--x\r\n{head}\r\n\r\n{content}\r\n")
    }

    fn ids(body: &str) -> Option<Vec<String>> {
        fields(KIND, body.as_bytes()).map(|found| found.ids)
    }

    #[test]
    fn fields_are_read_and_files_are_not() {
        let file = part(
            "Content-Disposition: form-data; name=\"files\"; filename=\"a;b.png\"\r\nContent-Type: image/png",
            "{\"orgId\":\"x\"}",
        );
        let field = part("content-disposition: form-data; name=\"orgId\"", "other");
        let json = part("Content-Disposition: form-data; name=card", "{\"a\":{\"orgId\":\"third\"}}");
        assert_eq!(ids(&format!("{file}--x--\r\n")), Some(vec![]));
        assert_eq!(ids(&format!("{file}{field}{json}--x--")), Some(vec!["other".to_owned(), "third".to_owned()]));
    }

    #[test]
    fn what_can_be_split_in_two_ways_is_not_read() {
        let plain = part("Content-Disposition: form-data; name=\"a\"", "b");
        for body in [
            String::new(),
            "--x--trailing".to_owned(),
            format!("preamble\r\n{plain}--x--"),
            plain.clone(),
            format!("{plain}--x--\r\nepilogue"),
            part(
                "Content-Disposition: form-data; name=\"a\"",
                "b\n--x\nContent-Disposition: form-data; name=\"orgId\"\n\nother",
            ) + "--x--",
            part("Content-Disposition: form-data; name=\"a\"; name=\"orgId\"", "other") + "--x--",
            part("Content-Disposition: form-data; name=\"a\\\"; name=\"orgId\"", "other") + "--x--",
            part(
                "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"orgId\"",
                "other",
            ) + "--x--",
            part("Content-Disposition: form-data; name*=utf-8''orgId", "other") + "--x--",
            part("Content-Disposition: form-data; name=\"orgId\"; filename=\"f\"", "other") + "--x--",
            part("Content-Disposition: form-data; name=\"orgId[]\"", "other") + "--x--",
            part("Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64", "e30=") + "--x--",
            part("Content-Disposition: form-data; name=\"a\"\nX: y", "b") + "--x--",
            part("Content-Disposition: form-data; name=\"a\"", "{\"orgId\":") + "--x--",
            part("Content-Disposition: form-data; name=\"a\"", "\u{feff}{\"orgId\":\"other\"}") + "--x--",
            part("Content-Disposition: form-data; name=\"a\"", " \u{feff}\u{feff}[{\"orgId\":\"other\"}]") + "--x--",
            part("Content-Disposition: form-data; name=\"a\"", "\0{\0}") + "--x--",
            part("Content-Disposition: form-data; name=\"a\"", "{\0}\0") + "--x--",
            part(
                "Content-Disposition: form-data; name=\"a\"\r\nContent-Type: application/json; charset=utf-16",
                "+AHs-",
            ) + "--x--",
            part("Content-Disposition: attachment; name=\"a\"", "b") + "--x--",
        ] {
            assert_eq!(ids(&body), None, "{body}");
        }
        for kind in [
            "multipart/mixed; boundary=x",
            "multipart/form-data",
            "multipart/form-data; boundary=x; boundary=y",
            "multipart/form-data; boundary=\"x y\"",
        ] {
            assert!(fields(kind, format!("{plain}--x--").as_bytes()).is_none(), "{kind}");
        }
    }

    #[test]
    fn files_go_where_files_are_taken() {
        for (method, segments, expected) in [
            (Method::POST, &["messages"] as &[_], true),
            (Method::POST, &["telephony", "config", "announcements"], true),
            (Method::POST, &["people", "p", "features", "voicemail", "actions", "uploadBusyGreeting", "invoke"], true),
            (Method::GET, &["messages"], false),
            (Method::POST, &["workspaces"], false),
            (Method::POST, &["people"], false),
            (Method::PUT, &["people", "p"], false),
        ] {
            assert_eq!(takes_files(&method, segments), expected, "{method} {segments:?}");
        }
    }
}
