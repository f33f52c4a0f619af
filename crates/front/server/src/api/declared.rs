//! The fixed parts of an endpoint.

use http::StatusCode;

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
