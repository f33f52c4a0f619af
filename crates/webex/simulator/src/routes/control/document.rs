//! The description of the control plane (an `OpenAPI` 3.0 document), generated from its endpoints.

use std::sync::Arc;

use http::{Method, StatusCode};
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::Error;

/// The document that is being written.
pub(super) struct Document {
    requests: SchemaGenerator,
    replies: SchemaGenerator,
    paths: Map<String, Value>,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            requests: SchemaSettings::openapi3().into_generator(),
            replies: SchemaSettings::openapi3().for_serialize().into_generator(),
            paths: Map::new(),
        }
    }
}

impl Document {
    pub(super) fn add(&mut self, method: &Method, path: &str, mut operation: Value) {
        operation["responses"]["401"] = json!({ "$ref": "#/components/responses/Key" });
        let described = self.paths.entry(path).or_insert_with(|| {
            let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
            let parameter =
                |name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } });
            let parameters: Vec<_> = names.map(parameter).collect();
            if parameters.is_empty() { json!({}) } else { json!({ "parameters": parameters }) }
        });
        described[method.as_str().to_lowercase()] = operation;
    }

    /// The schema of a request's body.
    pub(super) fn request<T: JsonSchema>(&mut self) -> Schema {
        self.requests.subschema_for::<T>()
    }

    /// The fields of a query's type, as parameters.
    pub(super) fn parameters<T: JsonSchema>(&mut self) -> Vec<Value> {
        let schema = self.requests.root_schema_for::<T>();
        let fields = schema.get("properties").and_then(Value::as_object);
        let described = fields.into_iter().flatten().map(|(name, field)| {
            let mut field = field.clone();
            let description = field.as_object_mut().and_then(|field| field.remove("description"));
            json!({ "name": name, "in": "query", "description": description, "schema": field })
        });
        described.collect()
    }

    /// Describes a reply with a body.
    pub(super) fn answers<T: JsonSchema>(&mut self, operation: &mut Value, status: StatusCode) {
        let content = json!({ "application/json": { "schema": self.replies.subschema_for::<T>() } });
        operation["responses"][status.as_str()] = json!({ "description": "Done", "content": content });
    }

    /// The whole document, itself included.
    pub(super) fn written(mut self, path: &str) -> Arc<Value> {
        let mut operation = json!({ "summary": "This document" });
        self.answers::<Map<String, Value>>(&mut operation, StatusCode::OK);
        self.add(&Method::GET, path, operation);
        let error = self.replies.subschema_for::<Error>();
        let error =
            |description| json!({ "description": description, "content": { "application/json": { "schema": error } } });
        let responses = json!({
            "Key": error("The control key is missing or wrong"),
            "Mistake": error("The request is invalid (400), names something that does not exist (404), or conflicts with something that exists (409)"),
        });
        // A request may leave out more than a reply does, so a type of both is described as a request.
        let mut schemas = self.replies.take_definitions(true);
        schemas.extend(self.requests.take_definitions(true));
        Arc::new(json!({
            "openapi": "3.0.3",
            "info": { "title": "The control plane of Lanyard's local Webex", "version": "1", "description": ABOUT },
            "servers": [{ "url": "/_sim" }],
            "security": [{ "control_key": [] }],
            "paths": self.paths,
            "components": {
                "securitySchemes": { "control_key": {
                    "type": "http", "scheme": "bearer", "description": "The control_key that the simulator prints when it starts",
                } },
                "responses": responses,
                "schemas": schemas,
            },
        }))
    }
}

const ABOUT: &str = "Scripts faults and the lives of devices, moves the clock, does what people do on the pages, and shows the calls \
    that the simulator received. Times in _ms are milliseconds of the simulator's clock; the delays of a fault are milliseconds of the \
    machine's. A body is read as JSON whatever its content type; unknown fields are refused.";
