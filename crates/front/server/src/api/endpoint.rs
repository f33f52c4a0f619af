//! One endpoint of the API: its route, its description and its operation, declared together.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Query, Request};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, on};
use http::request::Parts;
use http::{HeaderMap, Method};
use lanyard_operation::{Operation, Provides, admit, perform};
use lanyard_time::Moment;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::body;
use super::declared::{Endpoint, Input};
use super::document::Document;
use super::path::FromPath;
use crate::caller::{Peer, authenticate};
use crate::extract::{Anyone, Authenticated, Refusal, Serving, json};
use crate::problem::{self, Code, Problem};
use crate::record;
use crate::shared::{BrokerDoor, Shared};

/// No input: anything in the query is refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// The API as it is declared: routes and their description.
pub(super) struct Api {
    pub(super) router: Router,
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
        O: Operation,
        Shared: Provides<O::Context>,
        P: FromPath + 'static,
        I: DeserializeOwned + JsonSchema + Send + 'static,
        V: Serialize + JsonSchema + 'static,
    {
        self.document.add::<I, V>(&endpoint);
        let handler = move |Serving(shared): Serving, Authenticated(caller): Authenticated, sent: Request| async move {
            let (head, sent) = sent.into_parts();
            let refused = |about: record::About, means: Arc<str>, problem: &Problem| {
                crate::extract::passed_on(record::refused(&shared, &caller, about, means, problem))
            };
            let subject = match P::read(head.uri.path()) {
                Ok(subject) => subject,
                Err(problem) => return refused(None, Arc::clone(&shared.words.request), &problem),
            };
            let about = subject.credential().and_then(|name| record::about(&shared, name.as_str()));
            let door = BrokerDoor(Arc::clone(&shared));
            // A body is not read from a client that may not send it.
            if endpoint.input != Input::Query
                && let Err(problem) = admit::<O>(&door, &caller, subject.credential())
            {
                return Refusal(problem).into_response();
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
            let operation = match input.and_then(|input| request(subject, input)) {
                Ok(operation) => operation,
                Err(problem) => return refused(about, O::DECLARED.name.into(), &problem),
            };
            match perform(&door, &shared.context(), &caller, operation).await {
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
    pub(super) fn routed(self) -> Router {
        let methods: BTreeMap<_, _> =
            self.methods.into_iter().map(|(path, methods)| (path, methods.join(", "))).collect();
        let methods = Arc::new(methods);
        let wrong_method = move |Serving(shared): Serving, Anyone(peer): Anyone, sent: Request| async move {
            let allowed = sent.extensions().get::<MatchedPath>().and_then(|path| methods.get(path.as_str()));
            let problem = problem::method(sent.uri().path(), allowed.map_or("", String::as_str));
            refused_request(&shared, &peer, sent.headers(), &problem)
        };
        self.router.method_not_allowed_fallback(wrong_method).fallback(nowhere)
    }
}

async fn nowhere(Serving(shared): Serving, Anyone(peer): Anyone, sent: Request) -> Response {
    refused_request(&shared, &peer, sent.headers(), &nothing_there(sent.uri().path()))
}

/// Refuses a request that asks for no operation. It is recorded under the caller's name if the caller is known.
pub(super) fn refused_request(shared: &Arc<Shared>, peer: &Peer, headers: &HeaderMap, problem: &Problem) -> Response {
    crate::extract::passed_on(match authenticate(shared, peer, headers) {
        Ok(caller) => record::refused(shared, &caller, None, Arc::clone(&shared.words.request), problem),
        Err(_) => problem::response(problem),
    })
}

pub(super) fn nothing_there(path: &str) -> Problem {
    Problem::new(Code::NoSuchPath, format!("there is nothing at {path}"))
        .hint("see the paths: GET /api/v1/openapi.json")
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
