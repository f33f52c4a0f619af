//! Fields on the command line, and the query or JSON that they make.

use std::path::Path;

use serde_json::{Map, Value};

use super::read_input;
use crate::exit::Failure;

/// One field: where it goes and what it says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    /// `a[b][]` is `a`, `b`, and the end of a list.
    path: Vec<Step>,
    key: String,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Append,
}

/// All fields, in the order of their kinds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fields(Vec<Field>);

impl Fields {
    pub(super) fn read(raw: &[String], typed: &[String]) -> Result<Self, Failure> {
        let raw = raw.iter().map(|text| Field::read(text, |value| Ok(Value::String(value.to_owned()))));
        let typed = typed.iter().map(|text| Field::read(text, type_of));
        raw.chain(typed).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a query: keys as they were written, values as texts.
    pub(super) fn query(&self) -> Result<Vec<(String, String)>, Failure> {
        self.0
            .iter()
            .map(|field| {
                let value = match &field.value {
                    Value::String(text) => text.clone(),
                    Value::Null => String::new(),
                    value @ (Value::Bool(_) | Value::Number(_)) => value.to_string(),
                    Value::Array(_) | Value::Object(_) => return Err(usage(&field.key, "cannot stand in a query")),
                };
                Ok((field.key.clone(), value))
            })
            .collect()
    }

    /// As a JSON object.
    pub(super) fn json(&self) -> Result<Value, Failure> {
        let mut object = Value::Object(Map::new());
        for field in &self.0 {
            place(&mut object, &field.path, field)?;
        }
        Ok(object)
    }
}

impl Field {
    fn read(text: &str, value: impl FnOnce(&str) -> Result<Value, Failure>) -> Result<Self, Failure> {
        let (key, given) = text.split_once('=').ok_or_else(|| usage(text, "has no ="))?;
        Ok(Self { path: steps(key)?, key: key.to_owned(), value: value(given)? })
    }
}

/// `true`, `false`, `null` and numbers are themselves, `@FILE` is a file's content, everything else is a text.
fn type_of(text: &str) -> Result<Value, Failure> {
    if let Some(path) = text.strip_prefix('@') {
        let content = read_input(Path::new(path))?;
        let content = String::from_utf8(content).map_err(|_| usage(path, "is not UTF-8 text"))?;
        return Ok(Value::String(content));
    }
    Ok(match serde_json::from_str::<Value>(text) {
        Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) => value,
        _ => Value::String(text.to_owned()),
    })
}

fn steps(key: &str) -> Result<Vec<Step>, Failure> {
    let (first, mut rest) = key.split_at(key.find('[').unwrap_or(key.len()));
    if first.is_empty() {
        return Err(usage(key, "has no name"));
    }
    let mut steps = vec![Step::Key(first.to_owned())];
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let Some((inner, after)) = inner else { return Err(usage(key, "has brackets that do not match")) };
        steps.push(if inner.is_empty() { Step::Append } else { Step::Key(inner.to_owned()) });
        rest = after;
    }
    Ok(steps)
}

/// Walks down, making what is missing on the way.
fn place(at: &mut Value, path: &[Step], field: &Field) -> Result<(), Failure> {
    let clash = || usage(&field.key, "does not fit the fields before it");
    let Some((step, rest)) = path.split_first() else {
        if !at.is_null() {
            return Err(usage(&field.key, "is given twice"));
        }
        *at = field.value.clone();
        return Ok(());
    };
    match step {
        Step::Key(name) => {
            if at.is_null() {
                *at = Value::Object(Map::new());
            }
            let object = at.as_object_mut().ok_or_else(clash)?;
            if rest.is_empty() && object.contains_key(name) {
                return Err(usage(&field.key, "is given twice"));
            }
            place(object.entry(name.clone()).or_insert(Value::Null), rest, field)
        }
        Step::Append => {
            if at.is_null() {
                *at = Value::Array(Vec::new());
            }
            let items = at.as_array_mut().ok_or_else(clash)?;
            // `a[][x]=1 a[][y]=2` is one object until a key of it repeats.
            let goes_on = match (items.last(), rest) {
                (Some(Value::Object(last)), [Step::Key(key), ..]) => !last.contains_key(key),
                _ => false,
            };
            if !goes_on {
                items.push(Value::Null);
            }
            place(items.last_mut().ok_or_else(clash)?, rest, field)
        }
    }
}

fn usage(what: &str, why: &str) -> Failure {
    Failure::Usage {
        message: format!("the field {:?} {why}", what.split('=').next().unwrap_or_default()),
        hint: "write KEY=VALUE, KEY[SUB]=VALUE or KEY[]=VALUE".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(raw: &[&str], typed: &[&str]) -> Result<Fields, Failure> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Fields::read(&owned(raw), &owned(typed))
    }

    #[test]
    fn fields_make_json() {
        let fields = fields(
            &["title=Room 1", "roles[]=admin", "roles[]=user", "address[city]=Bern"],
            &[
                "capacity=8",
                "locked=true",
                "sip=null",
                "text=12 rooms",
                "devices[][name]=a",
                "devices[][id]=1",
                "devices[][name]=b",
            ],
        )
        .expect("fields");
        assert_eq!(
            fields.json().expect("JSON"),
            json!({
                "title": "Room 1", "roles": ["admin", "user"], "address": {"city": "Bern"}, "capacity": 8, "locked": true,
                "sip": null, "text": "12 rooms", "devices": [{"name": "a", "id": 1}, {"name": "b"}],
            })
        );
    }

    #[test]
    fn fields_make_a_query() {
        let pairs = fields(&["email=a b@c"], &["max=3", "all=true"]).expect("fields").query().expect("a query");
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("email", "a b@c"), ("max", "3"), ("all", "true")]);
    }

    #[test]
    fn a_field_that_does_not_fit_is_refused() {
        for raw in [&["novalue"][..], &["=x"], &["a[=x"], &["a=1", "a=2"], &["a=1", "a[b]=2"], &["a[]=1", "a[b]=2"]] {
            assert!(fields(raw, &[]).and_then(|fields| fields.json()).is_err(), "{raw:?}");
        }
    }

    #[test]
    fn a_value_is_not_repeated_in_an_error() {
        let error = fields(&["a[=hidden"], &[]).expect_err("brackets");
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
}
