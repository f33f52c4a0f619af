//! The routes: one declaration for each endpoint.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{any, get};
use http::StatusCode;
use lanyard_broker::views::{ClearedView, CredentialView, RefreshedView, TestView};
use lanyard_broker::{AddToken, Clear, List, ListEvents, Refresh, Show, Test, TestAll};
use lanyard_credential::{CredentialName, Job, Kind};
use lanyard_protocol::Environment;
use lanyard_secret::{AccessToken, OddLetter, SecretText};
use lanyard_work::{CancelRun, ListRuns, RunView, ShowRun, Start, UnitId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::declared::{Endpoint, Input};
use super::endpoint::{Api, Nothing, refused_request};
use super::path::named;
use super::{health, owner_calls, runs, token};
use crate::counts::Requests;
use crate::extract::{Anyone, Serving, json};
use crate::metrics;
use crate::problem::{Code, Problem};

const ALL: &str = "/api/v1/credentials";
const ONE: &str = "/api/v1/credentials/{name}";

/// The router of a broker.
pub(crate) fn router(requests: Arc<Requests>) -> Router {
    let list = Endpoint::new("GET", ALL, "listCredentials", "The credentials that the caller may read, by name");
    let add =
        Endpoint::new("POST", ALL, "addCredential", "Keep a bot's or a personal token, after asking Webex whose it is");
    let show = Endpoint::new("GET", ONE, "showCredential", "One credential");
    let clear =
        Endpoint::new("DELETE", ONE, "clearCredential", "Stop handing it out, revoke what can be revoked, erase it");
    let refresh = Endpoint::new("POST", "/api/v1/credentials/{name}/refresh", "refresh", "Renew it now, if it is due");
    let test = Endpoint::new(
        "POST",
        "/api/v1/credentials/{name}/test",
        "test",
        "Ask Webex which identity the credential has and what it may do; this may renew it, and requires the capability refresh",
    );
    let events = Endpoint::new(
        "GET",
        "/api/v1/events",
        "listEvents",
        "What people are told of, as CloudEvents; a client sees what concerns the credentials that it may read",
    );
    let test_all = Endpoint::new(
        "POST",
        "/api/v1/tests",
        "testAll",
        "Start a run that tests every credential; its result lists them with the findings, its progress counts those tested, of all, and \
         failing",
    );
    let runs = Endpoint::new(
        "GET",
        "/api/v1/runs",
        "listRuns",
        "The runs that the caller started, the latest first; the owner sees all",
    );
    let run = Endpoint::new("GET", "/api/v1/runs/{id}", "showRun", "One run");
    let cancel = Endpoint::new(
        "POST",
        "/api/v1/runs/{id}/cancel",
        "cancelRun",
        "Cancel a run; the step that is under way is completed first",
    );
    let mut api = Api::new()
        .add(
            list,
            |(), _: Nothing| Ok(List),
            |all, now| -> Vec<_> { all.iter().map(|listed| CredentialView::of_listed(listed, now)).collect() },
        )
        .add(
            add.takes(Input::Body).answers(StatusCode::CREATED),
            |(), new: NewCredential| new.operation(),
            |added, now| CredentialView::of(added.credential(), now),
        )
        .add(show, |name, _: Nothing| Ok(Show { name }), CredentialView::of_listed)
        .add(clear, |name, _: Nothing| Ok(Clear { name, expected: None }), |cleared, _| ClearedView::of(cleared))
        .add(refresh, |name, how: Forcing| Ok(how.operation(name)), RefreshedView::of)
        .add(test.takes(Input::OptionalBody), |name, wanted: Wanted| wanted.operation(name), TestView::of)
        .add(
            test_all.takes(Input::OptionalBody).answers(StatusCode::ACCEPTED),
            |(), wanted: Jobs| Ok(Start(TestAll { jobs: wanted.read()? })),
            |run, _| run.clone(),
        )
        .add(events, |(), wanted: ListEvents| Ok(wanted), |page, _| page.clone())
        .add(runs, |(), wanted: ListRuns| Ok(wanted), |runs, _| runs.clone())
        .add(run, |id: UnitId, _: Nothing| Ok(ShowRun { id }), |run, _| run.clone())
        .add(cancel, |id: UnitId, _: Nothing| Ok(CancelRun { id }), |run: &RunView, _| run.clone());
    for (path, method) in [
        ("/healthz", "GET"),
        ("/readyz", "GET"),
        (metrics::PATH, "GET"),
        ("/api/v1/openapi.json", "GET"),
        ("/api/v1/credentials/{name}/token", "GET"),
        (runs::EVENTS, "GET"),
    ] {
        api.allow(path, method);
    }
    let document = std::mem::take(&mut api.document).written();
    api.router = api
        .router
        .route("/healthz", get(|| async { health::alive() }))
        .route(
            "/readyz",
            get(|Serving(shared): Serving, Anyone(peer): Anyone| async move { health::ready(&shared, &peer) }),
        )
        .route(metrics::PATH, get(metrics::answer))
        .route("/api/v1/openapi.json", get(move || async move { json(StatusCode::OK, &*document) }))
        .route("/api/v1/credentials/{name}/token", get(token::wait).head(no_head))
        .route(runs::EVENTS, get(runs::follow))
        .route("/private/operations/{name}", any(owner_calls::answer));
    api.routed().layer(from_fn(move |sent: Request, next: Next| trace(Arc::clone(&requests), sent, next)))
}

async fn no_head(Serving(shared): Serving, Anyone(peer): Anyone, sent: Request) -> Response {
    refused_request(&shared, &peer, sent.headers(), &crate::problem::method(sent.uri().path(), "GET"))
}

/// Traces and measures each request by the route that it matched: a path may hold names.
async fn trace(requests: Arc<Requests>, sent: Request, next: Next) -> Response {
    let route = sent.extensions().get::<axum::extract::MatchedPath>().map(|path| path.as_str().to_owned());
    let method = sent.method().clone();
    let begun = requests.begin();
    let response = next.run(sent).await;
    tracing::debug!(%method, route = route.as_deref().unwrap_or("none"), status = response.status().as_u16(), "request");
    requests.end(route.map(Into::into), response.status(), begun);
    response
}

/// A token to keep: a bot's or a person's own.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewCredential {
    /// The name of the new credential.
    name: String,
    #[schemars(extend("enum" = ["bot", "personal"]))]
    kind: String,
    #[schemars(with = "String")]
    access_token: SecretText,
    /// The API address of its Webex; commercial Webex if it is omitted. A client may name Cisco's, those that the home has over https,
    /// and those that `lanyard serve --allow-environment` names.
    #[serde(default)]
    webex_url: Option<String>,
}

impl NewCredential {
    fn operation(self) -> Result<AddToken, Problem> {
        let kind = match self.kind.as_str() {
            "bot" => Kind::Bot,
            "personal" => Kind::Personal,
            other => {
                let detail = format!("a credential of the kind {other:?} cannot be added with a token alone");
                return Err(Problem::new(Code::BadRequest, detail)
                    .hint("use bot or personal; to add an integration: lanyard login"));
            }
        };
        let environment = match &self.webex_url {
            None => Environment::commercial(),
            Some(url) => Environment::at(url).map_err(|error| Problem::new(Code::BadRequest, error.to_string()))?,
        };
        let token = self.access_token.expose_secret().trim();
        if let Some(odd) = OddLetter::find(token) {
            let message = format!("the access token contains an invalid character: {odd}");
            return Err(Problem::new(Code::BadRequest, message));
        }
        Ok(AddToken { name: named(&self.name)?, kind, environment, token: AccessToken::new(token), replace: false })
    }
}

/// The parameters of a renewal.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Forcing {
    /// Renew it even if it is not due; a client may do so once a minute for each credential.
    force: bool,
    /// Renew it without waiting for a process that is stuck or cannot be seen; for the owner alone.
    take_over: bool,
}

impl Forcing {
    fn operation(self, name: CredentialName) -> Refresh {
        // A take-over is early too.
        Refresh { name, force: self.force, take_over: self.take_over, expected: None }
    }
}

/// The parameters of a test of all credentials.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Jobs {
    /// The jobs.
    #[serde(rename = "for", default)]
    #[schemars(extend("items" = { "type": "string", "enum": ["devices", "calling", "phones", "meetings", "guests"] }))]
    jobs: Vec<String>,
}

impl Jobs {
    fn read(&self) -> Result<Vec<Job>, Problem> {
        let job = |word: &String| {
            Job::ALL.iter().copied().find(|job| job.as_str() == word).ok_or_else(|| {
                Problem::new(Code::BadRequest, format!("there is no job {word:?}"))
                    .hint("use devices, calling, phones, meetings or guests")
            })
        };
        self.jobs.iter().map(job).collect()
    }
}

/// The parameters of a test.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The jobs.
    #[serde(rename = "for", default)]
    #[schemars(extend("items" = { "type": "string", "enum": ["devices", "calling", "phones", "meetings", "guests"] }))]
    jobs: Vec<String>,
    /// A credential that sees the whole organisation, to compare with.
    #[serde(default)]
    against: Option<String>,
}

impl Wanted {
    fn operation(self, name: CredentialName) -> Result<Test, Problem> {
        let jobs = Jobs { jobs: self.jobs }.read()?;
        let against = self.against.as_deref().map(named).transpose()?;
        Ok(Test { name, jobs, against, expected: None })
    }
}
