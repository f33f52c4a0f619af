//! The body of a JSON API, by template.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::TargetError;
use crate::notice::Notice;

/// A JSON document whose texts may hold `{{path.in.the.event}}`.
///
/// A text that is one placeholder becomes the value itself if that is a number, true, false or null, and a text otherwise. Within a
/// longer text a value is written as text. A value never changes the structure of the document, and placeholders within values stay as
/// they are. Keys are not replaced.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    /// The document as it was given.
    source: Value,
    body: Node,
}

#[derive(Clone, PartialEq, Eq)]
enum Node {
    Fixed(Value),
    Text(Vec<Piece>),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

#[derive(Clone, PartialEq, Eq)]
enum Piece {
    Fixed(String),
    Path(Path),
}

/// A place in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Path {
    /// A field that every event has, by its steps.
    Field(Vec<String>),
    /// A label of the credential.
    Label(String),
}

impl Template {
    /// Reads a template. A placeholder for a place that no event has is an error.
    pub fn new(source: Value) -> Result<Self, TargetError> {
        let body = Node::parse(&source)?;
        Ok(Self { source, body })
    }

    /// The document as it was given. It may hold secrets; every use of this is a place to review.
    pub fn expose_secret(&self) -> &Value {
        &self.source
    }

    /// The body for a notice.
    ///
    /// # Panics
    /// Never: a notice has no value that JSON lacks.
    pub fn fill(&self, notice: &Notice) -> Value {
        self.body.fill(&serde_json::to_value(notice).expect("a notice can be written as JSON"))
    }
}

impl FromStr for Template {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        // The error of the parser may repeat the text.
        let source = serde_json::from_str(text).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            TargetError::Template(format!("the template is not JSON: {place}"))
        })?;
        Self::new(source)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template")
    }
}

impl Node {
    fn parse(source: &Value) -> Result<Self, TargetError> {
        Ok(match source {
            Value::String(text) => Self::Text(pieces(text)?),
            Value::Array(items) => Self::List(items.iter().map(Self::parse).collect::<Result<_, _>>()?),
            Value::Object(fields) => {
                let field = |(key, value): (&String, &Value)| Ok((key.clone(), Self::parse(value)?));
                Self::Object(fields.iter().map(field).collect::<Result<_, TargetError>>()?)
            }
            other => Self::Fixed(other.clone()),
        })
    }

    fn fill(&self, event: &Value) -> Value {
        match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(pieces) => match pieces.as_slice() {
                [Piece::Path(path)] => match path.find(event) {
                    Value::String(text) => Value::String(text.clone()),
                    composed @ (Value::Array(_) | Value::Object(_)) => Value::String(composed.to_string()),
                    scalar => scalar.clone(),
                },
                pieces => Value::String(pieces.iter().map(|piece| piece.text(event)).collect()),
            },
            Self::List(items) => items.iter().map(|item| item.fill(event)).collect(),
            Self::Object(fields) => {
                Value::Object(fields.iter().map(|(key, node)| (key.clone(), node.fill(event))).collect::<Map<_, _>>())
            }
        }
    }
}

impl Piece {
    fn text(&self, event: &Value) -> String {
        match self {
            Self::Fixed(text) => text.clone(),
            Self::Path(path) => match path.find(event) {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            },
        }
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, TargetError> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once("{{") {
        let (path, after) = after
            .split_once("}}")
            .ok_or_else(|| TargetError::Template("the template has a {{ without a }} after it".to_owned()))?;
        if !before.is_empty() {
            pieces.push(Piece::Fixed(before.to_owned()));
        }
        pieces.push(Piece::Path(path.trim().parse()?));
        rest = after;
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Fixed(rest.to_owned()));
    }
    Ok(pieces)
}

impl Path {
    fn find<'e>(&self, event: &'e Value) -> &'e Value {
        const NULL: &Value = &Value::Null;
        match self {
            Self::Field(steps) => steps.iter().try_fold(event, |value, step| value.get(step)).unwrap_or(NULL),
            Self::Label(key) => {
                let labels = event.pointer("/data/credential/labels");
                labels.and_then(|labels| labels.get(key)).unwrap_or(NULL)
            }
        }
    }
}

impl FromStr for Path {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if let Some(key) = text.strip_prefix(LABELS).filter(|key| !key.is_empty()) {
            return Ok(Self::Label(key.to_owned()));
        }
        let is_detail = text.strip_prefix(DETAILS).is_some_and(|rest| rest.split('.').all(|step| !step.is_empty()));
        if FIELDS.contains(&text) || is_detail {
            return Ok(Self::Field(text.split('.').map(str::to_owned).collect()));
        }
        let shown: String = text.chars().take(80).collect();
        let known = FIELDS.join(", ");
        Err(TargetError::Template(format!(
            "the template names {shown:?}, which no event has; use {known}, {LABELS}KEY or {DETAILS}KEY"
        )))
    }
}

const FIELDS: [&str; 14] = [
    "id",
    "source",
    "type",
    "subject",
    "time",
    "data.summary",
    "data.severity",
    "data.state",
    "data.link",
    "data.hint",
    "data.details",
    "data.credential.id",
    "data.credential.name",
    "data.credential.kind",
];
const LABELS: &str = "data.credential.labels.";
const DETAILS: &str = "data.details.";

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::notice::{NoticeData, NoticeType, Severity};

    fn notice(summary: &str) -> Notice {
        let mut data = NoticeData::new(summary, Severity::Info);
        data.details =
            json!({ "count": 3, "list": [1, "a"], "on": true, "deep": { "er": "x" } }).as_object().unwrap().clone();
        Notice::new("1".parse().unwrap(), "/lanyard", NoticeType::TEST, Timestamp::UNIX_EPOCH, data)
    }

    fn filled(template: Value, summary: &str) -> Value {
        Template::new(template).unwrap().fill(&notice(summary))
    }

    #[test]
    fn a_placeholder_becomes_the_value() {
        for (template, expected) in [
            ("plain", json!("plain")),
            ("", json!("")),
            ("{{id}}", json!("1")),
            ("{{ type }}: {{data.summary}}!", json!("lanyard.test: A test.!")),
            ("{{data.details.count}}", json!(3)),
            ("{{data.details.on}}", json!(true)),
            ("{{data.details.count}}{{data.details.on}}", json!("3true")),
            ("{{data.details.deep.er}}", json!("x")),
            ("{{data.details.list}}", json!("[1,\"a\"]")),
            ("{{data.credential.name}}", json!(null)),
            ("<{{data.credential.labels.a.b}}>", json!("<>")),
            ("{ { id } } }}", json!("{ { id } } }}")),
        ] {
            assert_eq!(filled(json!({ "a": [template] }), "A test.")["a"][0], expected, "{template}");
        }
        let untouched = json!({ "{{id}}": 1, "b": null, "c": [2.5, false] });
        assert_eq!(filled(untouched.clone(), ""), untouched);
    }

    #[test]
    fn a_place_that_no_event_has_is_an_error_when_the_channel_is_added() {
        for bad in [
            "{{data.sumary}}",
            "{{}}",
            "{{ }}",
            "{{data}}",
            "{{data.credential.labels.}}",
            "{{data.details..a}}",
            "{{id.x}}",
            "{{id",
            "{{{{id}}}}",
        ] {
            let error = Template::new(json!({ "deep": [{ "a": bad }] })).unwrap_err();
            assert!(matches!(error, TargetError::Template(_)), "{bad}");
        }
        let error = Template::new(json!("{{data.sumary}}")).unwrap_err().to_string();
        assert!(error.starts_with("the template names \"data.sumary\", which no event has; use id, "), "{error}");
        let error = "{\"canary\": canary}".parse::<Template>().unwrap_err().to_string();
        assert_eq!(error, "the template is not JSON: line 1, column 12");
    }

    proptest! {
        /// Whatever a text holds, it arrives as that text and changes nothing else.
        #[test]
        fn a_value_cannot_change_the_document(summary in any::<String>()) {
            let template = json!({ "a": "{{data.summary}}", "b": "<{{data.summary}}|{{data.summary}}>", "c": 1 });
            let body = filled(template, &summary).to_string();
            let expected = json!({ "a": summary, "b": format!("<{summary}|{summary}>"), "c": 1 });
            prop_assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
        }
    }
}
