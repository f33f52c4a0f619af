//! The body of a call that writes a message: JSON, a form, or several parts with a file.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::form::Form;
use crate::routes::extract::json;
use crate::routes::refusal::Refusal;
use crate::world::Upload;

/// The fields as one JSON object, and the file that came with them. Published SDKs send all three kinds of body [C].
pub(super) fn read(headers: &HeaderMap, body: &Bytes) -> Result<(Value, Option<Upload>), Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (essence, parameters) = kind.split_once(';').unwrap_or((kind, ""));
    match essence.trim().to_ascii_lowercase().as_str() {
        "multipart/form-data" => {
            let boundary = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("boundary="));
            let boundary = boundary.map(|text| text.trim_matches('"')).filter(|text| !text.is_empty());
            parts(boundary.ok_or_else(malformed)?, body).ok_or_else(malformed)
        }
        "application/x-www-form-urlencoded" => {
            let mut fields = Map::new();
            for (name, value) in Form::parse(body).fields() {
                put(&mut fields, name, value);
            }
            Ok((Value::Object(fields), None))
        }
        _ => Ok((json(body)?, None)),
    }
}

fn malformed() -> Refusal {
    Refusal::BadRequest("The multipart body is malformed.".to_owned())
}

/// A field of a form is a text, except the two that hold more.
fn put(fields: &mut Map<String, Value>, name: &str, text: &str) {
    let value = match name {
        "files" => Value::Array(vec![text.into()]),
        // A card can come as JSON in a part.
        "attachments" => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        _ => text.into(),
    };
    fields.insert(name.to_owned(), value);
}

/// RFC 7578, of a body that is there whole. Nothing where it is not well formed.
fn parts(boundary: &str, body: &Bytes) -> Option<(Value, Option<Upload>)> {
    let delimiter = format!("--{boundary}");
    let mut fields = Map::new();
    let mut upload = None;
    let mut from = find(body, delimiter.as_bytes(), 0)? + delimiter.len();
    // `--` follows the last delimiter, a line break every other.
    while body.get(from..from + 2)? != b"--" {
        let head_end = find(body, b"\r\n\r\n", from)?;
        let next = find(body, format!("\r\n{delimiter}").as_bytes(), head_end + 2)?;
        let head = std::str::from_utf8(&body[from..head_end]).ok()?;
        let content = body.slice((head_end + 4).min(next)..next);
        let disposition = header(head, "content-disposition")?;
        let name = parameter(disposition, "name")?;
        if let Some(file) = parameter(disposition, "filename") {
            let kind = header(head, "content-type").unwrap_or("application/octet-stream").trim().to_owned();
            upload = Some(Upload { name: file.to_owned(), kind, content });
        } else {
            put(&mut fields, name, std::str::from_utf8(&content).ok()?);
        }
        from = next + 2 + delimiter.len();
    }
    Some((Value::Object(fields), upload))
}

fn find(body: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    body.get(from..)?.windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(field, _)| field.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn parameter<'h>(disposition: &'h str, name: &str) -> Option<&'h str> {
    let pairs = disposition.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(field, _)| *field == name).map(|(_, value)| value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(kind: &str, body: &str) -> Result<(Value, Option<Upload>), Refusal> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
        read(&headers, &Bytes::from(body.to_owned()))
    }

    #[test]
    fn a_body_is_read_in_three_forms() {
        let expected = serde_json::json!({ "roomId": "R", "text": "a & b" });
        let parts = "--x\r\nContent-Disposition: form-data; name=\"roomId\"\r\n\r\nR\r\n--x\r\nContent-Disposition: form-data; \
                     name=\"text\"\r\n\r\na & b\r\n--x--\r\n";
        for (kind, body) in [
            ("application/json", r#"{"roomId":"R","text":"a & b"}"#),
            ("application/x-www-form-urlencoded", "roomId=R&text=a+%26+b"),
            ("multipart/form-data; boundary=x", parts),
            ("multipart/form-data; charset=utf-8; boundary=\"x\"", parts),
        ] {
            assert_eq!(read_as(kind, body).unwrap().0, expected, "{kind}");
        }
    }

    #[test]
    fn a_file_comes_with_its_name_and_its_bytes() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n\
                    one\r\ntwo\r\n--x--";
        let upload = read_as("multipart/form-data; boundary=x", body).unwrap().1.unwrap();
        assert_eq!((upload.name.as_str(), upload.kind.as_str()), ("a.txt", "text/plain"));
        assert_eq!(&upload.content[..], b"one\r\ntwo");
    }

    #[test]
    fn a_broken_body_is_refused() {
        for body in
            ["", "--x", "--x\r\n", "--x\r\nContent-Disposition: form-data\r\n\r\nR\r\n--x--", "--x\r\n\r\n--x--", "R"]
        {
            assert!(read_as("multipart/form-data; boundary=x", body).is_err(), "{body:?}");
        }
        assert!(read_as("multipart/form-data", "--x--").is_err());
    }
}
