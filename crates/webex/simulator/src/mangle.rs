//! Spoilt replies.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use bytes::Bytes;

/// How the body of a reply is spoilt. The status stays, and the reply is complete as far as HTTP is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mangle {
    /// The body is empty.
    Empty,
    /// The first half remains.
    Truncate,
    /// A captive portal's page replaces it.
    Html,
    /// Spaces pad it to 10 MiB.
    Huge,
    /// Bytes that are not text replace it; the content type stays.
    Garbage,
}

const HUGE: usize = 10 * 1024 * 1024;

impl Mangle {
    pub(crate) fn apply(self, reply: &mut Response<Bytes>) {
        let body = reply.body_mut();
        match self {
            Self::Empty => body.clear(),
            Self::Truncate => body.truncate(body.len() / 2),
            Self::Html => {
                *body = Bytes::from_static(
                    b"<!doctype html><title>Sign in to the network</title><p>Please accept the terms.",
                );
                reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            }
            Self::Huge => {
                let mut long = body.to_vec();
                long.resize(HUGE.max(long.len()), b' ');
                *body = long.into();
            }
            Self::Garbage => {
                *body = Bytes::from_static(&[0x1f, 0x8b, 0x00, 0xff, 0xfe, 0xc3, 0x28, 0x22, 0x7b, 0x00, 0xf5]);
            }
        }
    }
}

/// Overrides fields of a successful JSON object, and removes those given as null. Any other reply stays as it is.
pub(crate) fn merge(fields: &Map<String, Value>, reply: &mut Response<Bytes>) {
    if !reply.status().is_success() {
        return;
    }
    let Ok(mut object) = serde_json::from_slice::<Map<String, Value>>(reply.body()) else {
        return;
    };
    for (name, value) in fields {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    *reply.body_mut() = Value::Object(object).to_string().into();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(status: u16, body: &str, fields: &Value) -> String {
        let mut reply = Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        merge(fields.as_object().unwrap(), &mut reply);
        String::from_utf8(reply.body().to_vec()).unwrap()
    }

    #[test]
    fn fields_are_overridden_and_removed_in_success_alone() {
        let fields = json!({"a": -5, "b": null, "c": "new"});
        assert_eq!(merged(200, r#"{"a":1,"b":2}"#, &fields), r#"{"a":-5,"c":"new"}"#);
        assert_eq!(merged(400, r#"{"a":1,"b":2}"#, &fields), r#"{"a":1,"b":2}"#);
        assert_eq!(merged(200, "[1]", &fields), "[1]");
    }
}
