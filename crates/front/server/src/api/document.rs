//! The description of the API (an `OpenAPI` 3.0 document), generated from the endpoints.

use std::sync::Arc;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::declared::{Endpoint, Input};
use super::health::Readiness;
use super::reply::TokenDescription;
use super::runs::EVENTS;
use crate::metrics::{self, Format};

/// The document that is being written.
#[derive(Debug)]
pub(super) struct Document {
    schemas: SchemaGenerator,
    paths: Map<String, Value>,
}

impl Default for Document {
    fn default() -> Self {
        Self { schemas: SchemaSettings::openapi3().into_generator(), paths: Map::new() }
    }
}

/// A problem document (RFC 9457).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
struct ProblemDescription {
    /// `urn:lanyard:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    /// A sentence about this occurrence.
    detail: String,
    /// The next step.
    hint: Option<String>,
}

impl Document {
    /// Describes an endpoint that accepts `I` and answers with `V`.
    pub(super) fn add<I: JsonSchema, V: JsonSchema>(&mut self, endpoint: &Endpoint) {
        let reply = self.schemas.subschema_for::<V>();
        let mut operation = json!({
            "summary": endpoint.summary,
            "operationId": endpoint.id,
            "responses": {
                endpoint.status.as_str(): { "description": "The operation succeeded", "content": { "application/json": { "schema": reply } } },
                "default": problem(),
            },
        });
        match endpoint.input {
            Input::Query => {
                let parameters = parameters(&self.schemas.root_schema_for::<I>());
                if !parameters.is_empty() {
                    operation["parameters"] = parameters.into();
                }
            }
            Input::Body | Input::OptionalBody => {
                let schema = self.schemas.subschema_for::<I>();
                operation["requestBody"] = json!({
                    "required": endpoint.input == Input::Body,
                    "content": { "application/json": { "schema": schema } },
                });
            }
        }
        self.describe(endpoint.path, endpoint.method, operation);
    }

    fn describe(&mut self, path: &str, method: &str, operation: Value) {
        let described = self.paths.entry(path).or_insert_with(|| {
            let parameter = ["name", "id"].into_iter().find(|parameter| path.contains(&format!("{{{parameter}}}")));
            let Some(parameter) = parameter else { return json!({}) };
            json!({ "parameters": [{ "$ref": format!("#/components/parameters/{parameter}") }] })
        });
        described[method.to_lowercase()] = operation;
    }

    /// Describes one of the few paths that are answered without an operation.
    fn add_fixed<V: JsonSchema>(&mut self, path: &str, id: &str, summary: &str, parameters: Value, statuses: &[&str]) {
        let schema = self.schemas.subschema_for::<V>();
        let answer = json!({ "description": "The answer", "content": { "application/json": { "schema": schema } } });
        let mut responses: Map<_, _> = statuses.iter().map(|status| ((*status).to_owned(), answer.clone())).collect();
        responses.insert("default".to_owned(), problem());
        let mut operation = json!({ "summary": summary, "operationId": id, "responses": responses });
        if parameters.is_array() {
            operation["parameters"] = parameters;
        }
        self.describe(path, "GET", operation);
    }

    /// The whole document.
    pub(super) fn written(mut self) -> Arc<Value> {
        self.schemas.subschema_for::<ProblemDescription>();
        self.add_fixed::<Readiness>("/healthz", "health", "Whether the process answers", Value::Null, &["200"]);
        let ready = "Whether the broker can work: it can read and write its store, and its home is not paused";
        self.add_fixed::<Readiness>("/readyz", "readiness", ready, Value::Null, &["200", "503"]);
        let text = json!({ "schema": { "type": "string" } });
        self.describe(
            metrics::PATH,
            "GET",
            json!({
                "summary": "Metrics for Prometheus; they require the capability metrics",
                "operationId": "metrics",
                "responses": {
                    "200": {
                        "description": "Prometheus's text format, or OpenMetrics if Accept names it",
                        "content": {
                            (Format::Prometheus.media_type()): text,
                            (Format::OpenMetrics.media_type()): text,
                        },
                    },
                    "default": problem(),
                },
            }),
        );
        self.add_fixed::<Map<String, Value>>(
            "/api/v1/openapi.json",
            "document",
            "This document",
            Value::Null,
            &["200"],
        );
        let validity = json!([{
            "name": "min_validity", "in": "query", "schema": { "type": "integer", "minimum": 0 },
            "description": "For how many seconds the token should still be valid. If it expires earlier, it is renewed first; the caller waits for at most 5 seconds",
        }]);
        let token = "An access token. A valid one is returned at once, even while its renewal is under way or fails";
        self.add_fixed::<TokenDescription>("/api/v1/credentials/{name}/token", "token", token, validity, &["200"]);
        self.describe(
            EVENTS,
            "GET",
            json!({
                "summary": "Follow a run: each event is named `run`, and its data is the run in JSON; the stream ends after the run",
                "operationId": "followRun",
                "responses": {
                    "200": { "description": "Server-sent events", "content": { "text/event-stream": { "schema": { "type": "string" } } } },
                    "default": problem(),
                },
            }),
        );
        for (path, summary, word) in PROXIED {
            self.paths.insert(path.to_owned(), proxied(path, summary, word));
        }
        let mut components = fixed_components();
        components["schemas"] = self.schemas.take_definitions(true).into();
        Arc::new(json!({
            "openapi": "3.0.3",
            "info": { "title": "Lanyard", "version": "1", "description": ABOUT },
            "security": [{ "key": [] }, {}],
            "paths": self.paths,
            "components": components,
        }))
    }
}

fn problem() -> Value {
    json!({ "$ref": "#/components/responses/Problem" })
}

/// The properties of a query's type, as parameters.
fn parameters(schema: &Schema) -> Vec<Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let described = properties.into_iter().flatten().map(|(name, property)| {
        let mut property = property.clone();
        let description = property.as_object_mut().and_then(|property| property.remove("description"));
        json!({ "name": name, "in": "query", "description": description, "schema": property })
    });
    described.collect()
}

/// The proxy's description for one kind of path. Its methods are named after `word`.
fn proxied(path: &str, summary: &str, word: &str) -> Value {
    let mut parameters = vec![json!({ "$ref": "#/components/parameters/name" })];
    if path.contains("{service}") {
        parameters.push(json!({ "$ref": "#/components/parameters/service" }));
    }
    parameters.push(json!({ "$ref": "#/components/parameters/path" }));
    let mut described = json!({ "summary": summary, "description": PROXY, "parameters": parameters });
    for method in ["Get", "Post", "Put", "Patch", "Delete"] {
        let mut operation = json!({
            "summary": "Call Webex",
            "operationId": format!("{word}{method}"),
            "responses": { "default": { "$ref": "#/components/responses/Webex" } },
        });
        if matches!(method, "Post" | "Put" | "Patch") {
            operation["requestBody"] = json!({ "$ref": "#/components/requestBodies/Webex" });
        }
        described[method.to_lowercase()] = operation;
    }
    described
}

fn fixed_components() -> Value {
    let problem = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    json!({
        "securitySchemes": {
            "key": { "type": "http", "scheme": "bearer", "description": "A client key, as lanyard client add prints it once" },
        },
        "parameters": {
            "name": { "name": "name", "in": "path", "required": true, "description": "The credential's name", "schema": { "type": "string" } },
            "id": { "name": "id", "in": "path", "required": true, "description": "The run's id", "schema": { "type": "string", "pattern": "^[0-9a-f]{32}$" } },
            "path": { "name": "path", "in": "path", "required": true, "schema": { "type": "string" },
                "description": "The rest of the path, with its slashes: people/me. A segment is never empty, one dot or two dots, and has no encoded slash, backslash or control character" },
            "service": { "name": "service", "in": "path", "required": true, "schema": { "type": "string", "enum": SERVICES } },
        },
        "requestBodies": { "Webex": { "description": "The body for Webex, passed on unchanged", "content": { "*/*": {} } } },
        "responses": {
            "Webex": {
                "description": "Webex's own answer, with any status; or a problem document of Lanyard, which has the header Lanyard-Error",
                "headers": {
                    "Lanyard-Error": { "description": "The problem's code, if the call was not made or not answered", "schema": { "type": "string" } },
                    "Link": { "description": "Webex's header, rewritten to lead to the proxy", "schema": { "type": "string" } },
                },
                "content": { "*/*": {}, "application/problem+json": problem },
            },
            "Problem": {
                "description": "An error of Lanyard's own",
                "headers": {
                    "Lanyard-Error": { "description": "The problem's code", "schema": { "type": "string" } },
                    "Allow": { "description": "With 405: the methods that the path has", "schema": { "type": "string" } },
                    "Retry-After": { "description": "With 429 and 503: how many seconds to wait before the next attempt", "schema": { "type": "integer" } },
                },
                "content": { "application/problem+json": problem },
            },
        },
    })
}

const ABOUT: &str = "Keeps Cisco Webex credentials alive and hands the right token to the right program. The owner of \
    the home calls over the socket lanyard.sock without a key; other local users call over clients.sock and are identified by their user id or \
    a key; programs call over TCP with a client key as bearer token. Errors are problem documents (RFC 9457); they carry the header \
    Lanyard-Error, which no reply of Webex has.";

const PROXY: &str = "The proxy makes the call as the credential: it adds the credential's token, and does not pass on the caller's key. \
    A client needs the capability proxy, and its policy may name methods and paths. Bodies are streamed both ways, Link leads back to the \
    proxy, and a 429 from Webex is passed on. HEAD and OPTIONS are passed on too.";

/// Webex's services with separate addresses.
const SERVICES: [&str; 5] =
    ["analytics", "analytics-calling", "analytics-calling-eu", "analytics-calling-in", "analytics-calling-au"];

const PROXIED: [(&str, &str, &str); 3] = [
    ("/webex/{name}/v1/{path}", "The REST API of the credential's Webex", "api"),
    ("/webex/{name}/identity/{path}", "The identity service (SCIM) of the credential's Webex", "identity"),
    ("/webex/{name}/@{service}/{path}", "A service of the credential's Webex that has a separate address", "analytics"),
];
