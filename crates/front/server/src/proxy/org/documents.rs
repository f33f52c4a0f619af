//! The rules against Cisco's own description of its API, of which the project holds no copy.

use std::collections::BTreeSet;
use std::path::PathBuf;

use http::Method;
use lanyard_protocol::OrgId;
use lanyard_testkit::left_out;
use serde_json::Value;

use super::Pin;
use super::name::Holds;
use super::place::Place;

/// Names that have `org` in them and hold no organisation's id.
const IGNORED: [&str; 3] = [
    // Spaces that everybody in the organisation may join: a switch.
    "orgPublicSpaces",
    // A company's name as free text (SCIM, enterprise extension).
    "organization",
    // The person who booked a room.
    "Organizer",
];

/// Parameters that narrow a list down and do not choose the organisation that is asked.
const NARROWING: [&str; 2] = ["personOrgId", "onBehalfOfSubPartnerOrgId"];

/// An operation of the documents.
struct Operation {
    method: Method,
    path: String,
    parameters: Vec<Value>,
    body: Vec<Value>,
}

impl Operation {
    fn shown(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The segments, with `organisation` wherever the path takes one.
    fn segments<'a>(&'a self, organisation: &'a str) -> Vec<&'a str> {
        let path = self.path.trim_matches('/');
        let fill = |segment: &'a str| if is_org_template(segment) { organisation } else { segment };
        path.split('/').map(fill).collect()
    }

    fn query(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().filter(|parameter| parameter["in"] == "query").filter_map(|query| query["name"].as_str())
    }

    /// The outermost members of the body, in its schema or an example.
    fn outermost(&self) -> BTreeSet<String> {
        self.body.iter().flat_map(|content| names(content, 0)).collect()
    }
}

fn is_org_template(segment: &str) -> bool {
    segment.starts_with('{') && segment.to_ascii_lowercase().contains("org")
}

fn operations() -> Result<Vec<Operation>, String> {
    let folder = std::env::var_os("LANYARD_OPENAPI").ok_or("LANYARD_OPENAPI names no folder of API documents")?;
    let mut operations = Vec::new();
    let files = std::fs::read_dir(PathBuf::from(folder)).map_err(|error| error.to_string())?;
    for file in files.map(|file| file.unwrap().path()).filter(|file| file.extension().is_some_and(|end| end == "json"))
    {
        let document: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                let operation = &item[method.as_str().to_ascii_lowercase()];
                if operation.is_object() {
                    let own = operation["parameters"].as_array().into_iter().flatten();
                    let parameters = own.chain(item["parameters"].as_array().into_iter().flatten());
                    let parameters = parameters.map(|parameter| resolved(&document, parameter, 0)).collect();
                    let body = resolved(&document, &operation["requestBody"]["content"], 0);
                    let body = body.as_object().into_iter().flat_map(|kinds| kinds.values().cloned()).collect();
                    operations.push(Operation { method, path: path.clone(), parameters, body });
                }
            }
        }
    }
    assert!(operations.len() > 500, "{} operations", operations.len());
    Ok(operations)
}

/// A value with what it refers to in its place.
fn resolved(document: &Value, value: &Value, depth: usize) -> Value {
    if depth > 24 {
        return Value::Null;
    }
    if let Some(reference) = value["$ref"].as_str() {
        return document
            .pointer(reference.trim_start_matches('#'))
            .map_or(Value::Null, |found| resolved(document, found, depth + 1));
    }
    match value {
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, value)| (name.clone(), resolved(document, value, depth + 1))).collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(|item| resolved(document, item, depth + 1)).collect()),
        value => value.clone(),
    }
}

/// The names of members in a body's description: those of its schema down to `levels`, and those of its examples.
fn names(content: &Value, levels: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    of_schema(&content["schema"], levels, &mut found);
    of_example(&content["example"], levels, &mut found);
    content["examples"]
        .as_object()
        .into_iter()
        .flatten()
        .for_each(|(_, example)| of_example(&example["value"], levels, &mut found));
    found
}

fn of_schema(schema: &Value, levels: usize, found: &mut BTreeSet<String>) {
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        found.insert(name.clone());
        if levels > 0 {
            of_schema(schema, levels - 1, found);
        }
    }
    for same in ["allOf", "anyOf", "oneOf"] {
        schema[same].as_array().into_iter().flatten().for_each(|schema| of_schema(schema, levels, found));
    }
    for inside in ["items", "additionalProperties"] {
        if levels > 0 && schema[inside].is_object() {
            of_schema(&schema[inside], levels - 1, found);
        }
    }
}

fn of_example(example: &Value, levels: usize, found: &mut BTreeSet<String>) {
    match example {
        Value::Object(members) => {
            for (name, value) in members {
                found.insert(name.clone());
                if levels > 0 {
                    of_example(value, levels - 1, found);
                }
            }
        }
        Value::Array(items) if levels > 0 => items.iter().for_each(|item| of_example(item, levels - 1, found)),
        _ => {}
    }
}

#[test]
fn every_name_with_org_in_it_is_judged_or_known_to_hold_none() {
    let operations = match operations() {
        Ok(operations) => operations,
        Err(why) => return left_out(&why),
    };
    let (mut neither, mut judged) = (BTreeSet::new(), 0);
    for operation in &operations {
        let bodies = operation.body.iter().flat_map(|content| names(content, 20));
        for name in operation.query().map(str::to_owned).chain(bodies) {
            let about = ["org", "managedby"].iter().any(|part| name.to_ascii_lowercase().contains(part));
            match Holds::of(&name) {
                Holds::Other if about && !IGNORED.contains(&name.as_str()) => {
                    neither.insert(format!("{}: {name}", operation.shown()));
                }
                Holds::Other | Holds::Path => {}
                _ => judged += 1,
            }
        }
    }
    assert!(neither.is_empty(), "{neither:#?}");
    assert!(judged > 150, "{judged}");
}

#[test]
fn every_organisation_in_a_path_is_judged() {
    let operations = match operations() {
        Ok(operations) => operations,
        Err(why) => return left_out(&why),
    };
    let own = OrgId::new("12345678-c8dd-4727-8b2f-f9c447f29046");
    let pin = Pin(&own);
    let mut seen = 0;
    for operation in operations.iter().filter(|operation| operation.path.split('/').any(is_org_template)) {
        assert!(pin.head(&operation.segments("other"), None).is_err(), "{}", operation.shown());
        let named = pin.head(&operation.segments(own.as_str()), None).unwrap();
        assert!(named.path, "{}", operation.shown());
        seen += 1;
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn every_call_that_takes_an_organisation_is_known_with_its_place() {
    let operations = match operations() {
        Ok(operations) => operations,
        Err(why) => return left_out(&why),
    };
    let mut wrong = BTreeSet::new();
    for operation in operations.iter().filter(|operation| !operation.path.split('/').any(is_org_template)) {
        let is_org = |name: &str| Holds::of(name) == Holds::Id && !NARROWING.contains(&name);
        let query = operation.query().find(|name| is_org(name));
        let outermost = operation.outermost();
        let body = outermost.iter().map(String::as_str).find(|name| is_org(name));
        let place = Place::of(&operation.method, &operation.segments("o"));
        let right = match place {
            Place::Query(name) => query == Some(name),
            Place::Body(name) => query.is_none() && body == Some(name),
            Place::Nothing | Place::Own | Place::Several | Place::Customers => query.is_none() && body.is_none(),
        };
        if !right {
            wrong.insert(format!("{}: query {query:?}, body {body:?}, table {place:?}", operation.shown()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
