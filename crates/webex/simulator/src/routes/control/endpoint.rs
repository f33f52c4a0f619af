//! An endpoint of the control plane: its route and its description, declared together.

use std::future::Future;

use axum::extract::{FromRequest, Path, Request};
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, get, on};
use axum::{Json, Router};
use bytes::Bytes;
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Mistake;
use super::document::Document;
use crate::webex::Webex;

/// The control plane as it is declared: routes and their description.
#[derive(Default)]
pub(super) struct Plane {
    router: Router<Webex>,
    document: Document,
}

impl Plane {
    pub(super) fn get<A: 'static>(
        self,
        path: &str,
        summary: &str,
        handler: impl Handler<A, Webex> + Documented<A>,
    ) -> Self {
        self.add(&Method::GET, path, summary, handler)
    }

    pub(super) fn post<A: 'static>(
        self,
        path: &str,
        summary: &str,
        handler: impl Handler<A, Webex> + Documented<A>,
    ) -> Self {
        self.add(&Method::POST, path, summary, handler)
    }

    pub(super) fn delete<A: 'static>(
        self,
        path: &str,
        summary: &str,
        handler: impl Handler<A, Webex> + Documented<A>,
    ) -> Self {
        self.add(&Method::DELETE, path, summary, handler)
    }

    /// Adds an endpoint. Its description follows from the types of the handler's arguments and of its reply.
    fn add<A: 'static, H: Handler<A, Webex> + Documented<A>>(
        mut self,
        method: &Method,
        path: &str,
        summary: &str,
        handler: H,
    ) -> Self {
        let mut operation = json!({ "summary": summary });
        H::describe(&mut self.document, &mut operation);
        self.document.add(method, path, operation);
        let filter = MethodFilter::try_from(method.clone()).expect("a method of the standard");
        self.router = self.router.route(path, on(filter, handler));
        self
    }

    /// Returns the router, which also serves the document at `path`.
    pub(super) fn describing_itself_at(self, path: &str) -> Router<Webex> {
        let document = self.document.written(path);
        self.router.route(path, get(move || async move { Json(&*document).into_response() }))
    }
}

/// An argument or a reply of a handler that describes itself.
pub(super) trait Described {
    fn describe(document: &mut Document, operation: &mut Value);
}

/// A handler whose arguments and reply describe themselves; `A` are its arguments as axum names them.
pub(super) trait Documented<A> {
    fn describe(document: &mut Document, operation: &mut Value);
}

macro_rules! documented {
    ($($argument:ident),+) => {
        impl<F, Fut, R, M, $($argument),+> Documented<(M, $($argument,)+)> for F
        where
            F: FnOnce($($argument),+) -> Fut,
            Fut: Future<Output = R>,
            R: Described,
            $($argument: Described,)+
        {
            fn describe(document: &mut Document, operation: &mut Value) {
                R::describe(document, operation);
                $($argument::describe(document, operation);)+
            }
        }
    };
}

documented!(A);
documented!(A, B);
documented!(A, B, C);

impl Described for Webex {
    fn describe(_: &mut Document, _: &mut Value) {}
}

/// The document reads a path's parameters from its template.
impl<T> Described for Path<T> {
    fn describe(_: &mut Document, _: &mut Value) {}
}

/// A JSON body, whatever its content type says; an empty one counts as `{}`.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Webex> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, webex: &Webex) -> Result<Self, Response> {
        let body = Bytes::from_request(request, webex).await.map_err(IntoResponse::into_response)?;
        let text: &[u8] = if body.is_empty() { b"{}" } else { &body };
        serde_json::from_slice(text).map(Self).map_err(|error| Mistake::bad(&error).into_response())
    }
}

impl<T: DeserializeOwned + JsonSchema> Described for Body<T> {
    fn describe(document: &mut Document, operation: &mut Value) {
        operation["requestBody"] = json!({
            "required": serde_json::from_str::<T>("{}").is_err(),
            "content": { "application/json": { "schema": document.request::<T>() } },
        });
    }
}

impl<T: JsonSchema> Described for Json<T> {
    fn describe(document: &mut Document, operation: &mut Value) {
        document.answers::<T>(operation, StatusCode::OK);
    }
}

/// A reply with what was made.
pub(super) struct Created<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

impl<T: JsonSchema> Described for Created<T> {
    fn describe(document: &mut Document, operation: &mut Value) {
        document.answers::<T>(operation, StatusCode::CREATED);
    }
}

/// A reply without a body.
pub(super) struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl Described for Done {
    fn describe(_: &mut Document, operation: &mut Value) {
        operation["responses"][StatusCode::NO_CONTENT.as_str()] = json!({ "description": "Done" });
    }
}

impl<T: Described> Described for Result<T, Mistake> {
    fn describe(document: &mut Document, operation: &mut Value) {
        T::describe(document, operation);
        operation["responses"]["default"] = json!({ "$ref": "#/components/responses/Mistake" });
    }
}
