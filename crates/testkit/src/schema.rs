//! A value against a schema of an `OpenAPI` 3.0 document: as much of it as those of Webex use.

use std::collections::BTreeSet;

use serde_json::Value;

/// In which ways a value is not as the schema says; a field that the schema does not know is one of them.
pub fn deviations<'d>(document: &'d Value, schema: &'d Value, value: &Value) -> BTreeSet<String> {
    let mut check = Check { document, found: BTreeSet::new() };
    check.look(schema, value, "");
    check.found
}

struct Check<'d> {
    document: &'d Value,
    found: BTreeSet<String>,
}

impl<'d> Check<'d> {
    fn look(&mut self, schema: &'d Value, value: &Value, path: &str) {
        let schema = self.resolved(schema);
        for word in ["not", "additionalProperties"] {
            // An unknown field is a deviation in any case.
            let is_simple = word == "additionalProperties" && (schema[word].is_boolean() || schema[word].is_object());
            assert!(is_simple || schema.get(word).is_none(), "{path}: {word} is not understood here");
        }
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.look(part, value, path);
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            let document = self.document;
            let each = choices.iter().map(|choice| deviations(document, choice, value));
            // A value that fits none is held against the first, which is the one that says most.
            let all: Vec<_> = each.collect();
            if !all.iter().any(BTreeSet::is_empty) {
                for what in all.first().into_iter().flatten() {
                    self.note(path, what);
                }
            }
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let fitting = choices.iter().filter(|choice| deviations(self.document, choice, value).is_empty()).count();
            if fitting != 1 {
                self.note(path, &format!("{value} fits {fitting} of the choices"));
            }
        }
        if let Some(wanted) = schema["type"].as_str()
            && !is_a(value, wanted)
        {
            self.note(path, &format!("{}, not {wanted}", kind(value)));
            return;
        }
        if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
            self.note(path, &format!("{value} is none of the words"));
        }
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if value.get(required).is_none() {
                self.note(path, &format!("{required} is missing"));
            }
        }
        if let (Some(known), Some(fields)) = (schema["properties"].as_object(), value.as_object()) {
            for (name, field) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match known.get(name) {
                    Some(schema) => self.look(schema, field, &path),
                    None => self.note(&path, "not known"),
                }
            }
        }
        if let (None, Some(each), Some(fields)) = (
            schema.get("properties"),
            schema.get("additionalProperties").filter(|each| each.is_object()),
            value.as_object(),
        ) {
            for (name, field) in fields {
                self.look(each, field, &format!("{path}.{name}"));
            }
        }
        if let (Some(schema), Some(items)) = (schema.get("items"), value.as_array()) {
            for item in items {
                self.look(schema, item, &format!("{path}[]"));
            }
        }
    }

    fn resolved(&self, mut schema: &'d Value) -> &'d Value {
        while let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.strip_prefix('#').expect("references stay within the document");
            schema = self.document.pointer(pointer).expect("a reference leads somewhere");
        }
        schema
    }

    fn note(&mut self, path: &str, what: &str) {
        self.found.insert(format!("{}: {what}", if path.is_empty() { "the reply" } else { path }));
    }
}

fn is_a(value: &Value, wanted: &str) -> bool {
    match wanted {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => kind(value) == other,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_fits_exactly_one_of_several_choices() {
        let schema = json!({ "oneOf": [{ "enum": ["red"] }, { "type": "string" }] });
        let told = |value: Value| deviations(&Value::Null, &schema, &value).into_iter().collect::<Vec<_>>();
        assert!(told(json!("blue")).is_empty());
        assert_eq!(told(json!("red")), ["the reply: \"red\" fits 2 of the choices"]);
        assert_eq!(told(json!(3)), ["the reply: 3 fits 0 of the choices"]);
    }

    #[test]
    fn each_deviation_is_told_once_and_by_its_place() {
        let document = json!({ "parts": { "wheel": {
            "type": "object",
            "required": ["size", "colour"],
            "properties": {
                "size": { "type": "integer" },
                "colour": { "enum": ["red", "blue"] },
                "note": { "type": "string", "nullable": true },
            },
        } } });
        let schema = json!({ "type": "object", "properties": {
            "wheels": { "type": "array", "items": { "$ref": "#/parts/wheel" } },
        } });
        let told = |value: Value| deviations(&document, &schema, &value).into_iter().collect::<Vec<_>>();
        let good = json!({ "size": 3, "colour": "red", "note": null });
        assert!(told(json!({ "wheels": [good, good] })).is_empty());
        assert_eq!(told(json!([])), ["the reply: array, not object"]);
        let bad = json!({ "size": 3.5, "colour": "green", "spokes": 8 });
        assert_eq!(
            told(json!({ "wheels": [bad, good, bad, { "size": 1 }] })),
            [
                "wheels[].colour: \"green\" is none of the words",
                "wheels[].size: number, not integer",
                "wheels[].spokes: not known",
                "wheels[]: colour is missing",
            ]
        );
    }
}
