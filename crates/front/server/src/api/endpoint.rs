//! One endpoint of the API: its route, its description and its operation, declared together.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, on};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use lanyard_broker::Broker;
use lanyard_credential::{CredentialName, NameError};
use lanyard_operation::{Declaration, Needs, Operation, perform};
use lanyard_time::Moment;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::document::Document;
use super::{Authenticated, BrokerDoor, Refusal, body};
use crate::problem::{self, Code, Problem};
use crate::record;
use crate::serve::Shared;

/// Where an endpoint's input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// In the query; a body is ignored.
    Query,
    /// In the body, as JSON.
    Body,
    /// In the body, which may be missing.
    OptionalBody,
}

/// The fixed parts of an endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// The name of the operation in the document.
    pub(super) id: &'static str,
    /// A sentence about it.
    pub(super) summary: &'static str,
    pub(super) input: Input,
    pub(super) status: StatusCode,
}

impl Endpoint {
    /// An endpoint whose input is in the query, and that answers with 200.
    pub(super) const fn new(method: &'static str, path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self { method, path, id, summary, input: Input::Query, status: StatusCode::OK }
    }

    pub(super) const fn takes(self, input: Input) -> Self {
        Self { input, ..self }
    }

    pub(super) const fn answers(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

/// No input: anything in the query is refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// The subject of an endpoint, as its path names it.
pub(super) trait FromPath: Send + Sized {
    fn read(path: &str) -> Result<Self, Problem>;
}

/// None: the home itself.
impl FromPath for () {
    fn read(_: &str) -> Result<Self, Problem> {
        Ok(())
    }
}

/// The credential of `/api/v1/credentials/{name}/…`, as it is written in the path.
impl FromPath for CredentialName {
    fn read(path: &str) -> Result<Self, Problem> {
        named(path.split('/').nth(4).unwrap_or_default())
    }
}

/// A credential's name in a path or body.
pub(super) fn named(name: &str) -> Result<CredentialName, Problem> {
    name.parse().map_err(|error: NameError| {
        Problem::new(Code::NoSuchName, format!("{name:?} is not a credential's name: {error}"))
    })
}

/// The API as it is declared: routes and their description.
pub(super) struct Api {
    pub(super) router: Router<Arc<Shared>>,
    pub(super) document: Document,
    methods: BTreeMap<&'static str, Vec<&'static str>>,
}

impl Api {
    pub(super) fn new() -> Self {
        Self { router: Router::new(), document: Document::default(), methods: BTreeMap::new() }
    }

    /// Adds an endpoint: `request` makes the operation of the path and the input, `view` the reply that programs see.
    pub(super) fn add<O, P, I, V>(
        mut self,
        endpoint: Endpoint,
        request: fn(P, I) -> Result<O, Problem>,
        view: fn(&O::Reply, &Moment) -> V,
    ) -> Self
    where
        O: Operation<Context = Broker>,
        P: FromPath + 'static,
        I: DeserializeOwned + JsonSchema + Send + 'static,
        V: Serialize + JsonSchema + 'static,
    {
        self.document.add::<I, V>(&endpoint);
        let handler = move |State(shared): State<Arc<Shared>>, Authenticated(caller): Authenticated, sent: Request| async move {
            let (head, sent) = sent.into_parts();
            let refused = |problem: &Problem| {
                let about = P::read(head.uri.path()).ok().and_then(|_| about(&shared, head.uri.path()));
                super::passed_on(record::refused(&shared, &caller, about, O::DECLARED.name.into(), problem))
            };
            // Checked before a body is read from a client that may not send it.
            if let Err(problem) = may_at_all(&shared, &caller, &O::DECLARED) {
                return refused(&problem);
            }
            let input: Result<I, Problem> = match endpoint.input {
                Input::Query => query(&head),
                Input::Body | Input::OptionalBody => match query::<Nothing>(&head) {
                    Ok(Nothing {}) => match body::read(sent, &*shared.sleep).await {
                        Ok(body) => json_of(&body, endpoint.input),
                        Err(problem) => Err(problem),
                    },
                    Err(problem) => Err(problem),
                },
            };
            let read = P::read(head.uri.path()).and_then(|subject| request(subject, input?));
            let operation = match read {
                Ok(operation) => operation,
                Err(problem) => return refused(&problem),
            };
            let door = BrokerDoor(Arc::clone(&shared));
            match perform(&door, shared.broker(), &caller, operation).await {
                Ok(reply) => json(endpoint.status, &view(&reply, &shared.hand_outs.now())),
                Err(problem) => Refusal(problem).into_response(),
            }
        };
        let filter = MethodFilter::try_from(endpoint.method.parse::<Method>().expect("a method")).expect("a method");
        self.router = self.router.route(endpoint.path, on(filter, handler));
        self.allow(endpoint.path, endpoint.method);
        self
    }

    /// States that a path has a method, for the refusal of the others.
    pub(super) fn allow(&mut self, path: &'static str, method: &'static str) {
        let methods = self.methods.entry(path).or_default();
        methods.push(method);
        // A HEAD of a token would be recorded as a hand-out although the caller receives no token.
        if method == "GET" && !path.ends_with("/token") {
            methods.push("HEAD");
        }
    }

    /// Returns the router, which refuses unsupported methods and unknown paths.
    pub(super) fn routed(self) -> Router<Arc<Shared>> {
        let methods: BTreeMap<_, _> =
            self.methods.into_iter().map(|(path, methods)| (path, methods.join(", "))).collect();
        let methods = Arc::new(methods);
        let wrong_method = move |sent: Request| async move {
            let allowed = sent.extensions().get::<MatchedPath>().and_then(|path| methods.get(path.as_str()));
            Refusal(problem::method(sent.uri().path(), allowed.map_or("", String::as_str)))
        };
        self.router.method_not_allowed_fallback(wrong_method).fallback(nowhere)
    }
}

async fn nowhere(sent: Request) -> Refusal {
    Refusal(nothing_there(sent.uri().path()))
}

pub(super) fn nothing_there(path: &str) -> Problem {
    Problem::new(Code::NoSuchPath, format!("there is nothing at {path}"))
        .hint("see the paths: GET /api/v1/openapi.json")
}

/// Whether the caller has the capability of an operation for any credential.
fn may_at_all(shared: &Arc<Shared>, caller: &crate::caller::Caller, declared: &Declaration) -> Result<(), Problem> {
    match declared.needs {
        Needs::Capability(what) => caller.may_at_all(what, &shared.hand_outs.now()),
        // The operation refuses in its own words.
        Needs::Owner => Ok(()),
    }
}

/// The credential that a path names, for the audit.
fn about(shared: &Arc<Shared>, path: &str) -> record::About {
    record::about(shared, path.split('/').nth(4).unwrap_or_default())
}

fn query<I: DeserializeOwned>(head: &Parts) -> Result<I, Problem> {
    let read = Query::<I>::try_from_uri(&head.uri).map_err(|error| {
        Problem::new(Code::BadRequest, format!("the query is invalid: {}", error.body_text()))
            .hint("GET /api/v1/openapi.json describes the parameters of each operation")
    })?;
    Ok(read.0)
}

/// Reads a body. The error does not repeat the body, because it may hold secrets.
fn json_of<I: DeserializeOwned>(body: &[u8], input: Input) -> Result<I, Problem> {
    let body = if body.is_empty() && input == Input::OptionalBody { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Problem::new(Code::BadRequest, format!("the body is invalid ({place})"))
            .hint("send a JSON object; GET /api/v1/openapi.json describes its members")
    })
}

/// A reply in JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let text = match serde_json::to_vec(value) {
        Ok(text) => text,
        Err(error) => return Refusal(Problem::new(Code::Internal, error.to_string())).into_response(),
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, text).into_response()
}
