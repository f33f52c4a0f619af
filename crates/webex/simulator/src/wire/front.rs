//! The steps of every call: the record, the scripted faults, the router, and the finishing of the reply.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, DATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use thiserror::Error;
use tower::ServiceExt;

use super::host;
use super::outbox::Outbox;
use super::reply::Reply;
use super::{Never, told_to_stop};
use crate::fault::{Deed, Drip, Plan};
use crate::fingerprint::Fingerprint;
use crate::mangle::merge;
use crate::record::{Call, Outcome, Sent, Ticket};
use crate::routes::{TrackingId, finish};
use crate::webex::Webex;

/// The reply to a call for another host name.
const NOT_OURS: &[u8] = b"This simulator answers only requests for its own host name and port.\n";

/// The longest body of a request.
const LONGEST_BODY: usize = 1024 * 1024;

/// The connection closes without a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Cut {
    #[error("cut as scripted")]
    Scripted,
    #[error("the request did not arrive whole")]
    Incomplete,
    #[error("the simulator stops")]
    Stopping,
}

/// Answers one call. Once the request has arrived whole, a client that goes away does not stop it, as it would not at Webex.
pub(super) async fn answer(
    webex: Webex,
    router: Router,
    request: Request<Incoming>,
    outbox: Outbox,
) -> Result<Response<Reply>, Cut> {
    let head = request.method() == Method::HEAD;
    let setting = webex.setting();
    if !host::is_ours(request.headers(), request.uri(), setting.origin(), setting.allow_remote) {
        let mut refusal = Response::new(Reply::new(Bytes::from_static(NOT_OURS), None));
        *refusal.status_mut() = StatusCode::MISDIRECTED_REQUEST;
        return Ok(refusal);
    }
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, LONGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let mut refusal = Response::new(Reply::new(Bytes::new(), None));
            *refusal.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return Ok(refusal);
        }
        Err(_) => return Err(Cut::Incomplete),
    };
    let request = Request::from_parts(parts, body);
    let mut stopping = webex.setting().stopping.clone();
    let work = tokio::spawn({
        let webex = webex.clone();
        async move {
            tokio::select! {
                answered = exchange(&webex, router, request) => answered,
                () = told_to_stop(&mut stopping) => Err(Cut::Stopping),
            }
        }
    });
    let (reply, sent) = work.await.map_err(|_| Cut::Stopping)??;
    let (mut parts, body) = reply.into_parts();
    let drip = parts.extensions.remove::<Drip>();
    // The router counted a body that may have been written or spoilt since; hyper counts the one that is sent.
    parts.headers.remove(CONTENT_LENGTH);
    let body = if head { Bytes::new() } else { body };
    let notice = sent.map(|sent| (outbox, sent));
    let reply = Reply::new(body, notice);
    let reply = match drip {
        Some(drip) => reply.paced(drip, Arc::clone(&webex.setting().sleep)),
        None => reply,
    };
    Ok(Response::from_parts(parts, reply))
}

async fn exchange(
    webex: &Webex,
    router: Router,
    request: Request<Bytes>,
) -> Result<(Response<Bytes>, Option<Sent>), Cut> {
    if request.uri().path().starts_with("/_sim") {
        return Ok((route(webex, router, request).await, None));
    }
    let now = webex.now();
    let (ticket, plan) = {
        let mut state = webex.state();
        let ticket = state.record.received(describe(&request), now);
        let plan = state.faults.plan(request.method(), request.uri().path());
        (ticket, plan.unwrap_or_default())
    };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answered = carry_out(webex, router, request, &ticket, plan).await;
    // Without the query, which may hold secrets.
    match &answered {
        Ok(reply) => tracing::info!("{method} {path} {}", reply.status().as_u16()),
        Err(cut) => tracing::info!("{method} {path}: {cut}"),
    }
    Ok((answered?, Some(ticket.sent)))
}

/// Does to a call what its plan says.
async fn carry_out(
    webex: &Webex,
    router: Router,
    request: Request<Bytes>,
    ticket: &Ticket,
    plan: Plan,
) -> Result<Response<Bytes>, Cut> {
    wait(webex, plan.delay).await;
    let mut reply = match plan.deed {
        Deed::CutBefore => return Err(Cut::Scripted),
        Deed::Replace { status, content_type, body } => {
            let mut reply = Response::new(Bytes::from(body));
            *reply.status_mut() = status;
            if let Some(content_type) = content_type {
                reply.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
            }
            webex.state().record.came_out(ticket, Outcome { status: Some(status), ..Outcome::default() });
            wait(webex, plan.delay_after).await;
            reply
        }
        Deed::CutAfter => {
            perform(webex, router, request, ticket).await;
            wait(webex, plan.delay_after).await;
            return Err(Cut::Scripted);
        }
        Deed::Serve { mangle, merge: fields } => {
            let mut reply = perform(webex, router, request, ticket).await;
            wait(webex, plan.delay_after).await;
            if let Some(fields) = fields {
                merge(&fields, &mut reply);
            }
            if let Some(mangle) = mangle {
                mangle.apply(&mut reply);
            }
            reply
        }
    };
    for (name, value) in &plan.headers {
        reply.headers_mut().insert(name, value.clone());
    }
    if let Some(drip) = plan.drip {
        reply.extensions_mut().insert(drip);
    }
    Ok(reply)
}

async fn wait(webex: &Webex, time: std::time::Duration) {
    if !time.is_zero() {
        webex.setting().sleep.sleep(time).await;
    }
}

/// Lets the call have its effect, and writes down what came of it.
async fn perform(webex: &Webex, router: Router, request: Request<Bytes>, ticket: &Ticket) -> Response<Bytes> {
    let token_endpoint = request.uri().path() == "/v1/access_token";
    let reply = route(webex, router, request).await;
    let effect = reply.status().is_success() || reply.status().is_redirection();
    let issued =
        (effect && token_endpoint).then(|| serde_json::from_slice::<serde_json::Value>(reply.body()).ok()).flatten();
    let fingerprint = |field: &str| {
        let token = issued.as_ref()?.get(field)?.as_str()?;
        Some(Fingerprint::of(token).short())
    };
    let outcome = Outcome {
        status: Some(reply.status()),
        effect,
        issued_refresh_token_fingerprint: fingerprint("refresh_token"),
        issued_access_token_fingerprint: fingerprint("access_token"),
    };
    webex.state().record.came_out(ticket, outcome);
    reply
}

/// The REST API has its paths with a slash at the end as well: SDKs write collections so, and Webex answers them [C].
fn without_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_suffix('/').filter(|path| path.starts_with("/v1/"))?;
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    format!("{path}{query}").parse().ok()
}

async fn route(webex: &Webex, router: Router, mut request: Request<Bytes>) -> Response<Bytes> {
    if let Some(uri) = without_slash(request.uri()) {
        *request.uri_mut() = uri;
    }
    let tracking = TrackingId::of(request.headers(), &*webex.setting().entropy);
    let doubled = webex.state().behaviour.double_tracking_id;
    let answered: Result<_, Never> = router.oneshot(request.map(Body::from)).await;
    let Ok(reply) = answered;
    let (parts, body) = reply.into_parts();
    // Every body here is made of bytes that are there already: reading it does not fail.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let mut reply = finish(Response::from_parts(parts, body), &tracking);
    let date = webex.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(value) = HeaderValue::try_from(date) {
        // Hyper would write the machine's time, whatever the control plane made of it.
        reply.headers_mut().insert(DATE, value);
    }
    if let Ok(value) = HeaderValue::try_from(tracking.header(doubled)) {
        reply.headers_mut().insert("trackingid", value);
    }
    reply
}

/// The record's description of a request.
fn describe(request: &Request<Bytes>) -> Call {
    let mut call = Call {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        client_id: basic_user(request.headers()),
        access_token_fingerprint: authorization(request.headers(), "Bearer ")
            .map(|token| Fingerprint::of(token).short()),
        ..Call::default()
    };
    if matches!(call.path.as_str(), "/v1/access_token" | "/idb/oauth2/v1/revoke") {
        for (name, value) in form_urlencoded::parse(request.body()) {
            match &*name {
                "client_id" => call.client_id = Some(value.into_owned()),
                "grant_type" => call.grant_type = Some(value.into_owned()),
                "refresh_token" => call.refresh_token_fingerprint = Some(Fingerprint::of(&value).short()),
                _ => {}
            }
        }
    }
    call
}

fn basic_user(headers: &HeaderMap) -> Option<String> {
    let decoded = String::from_utf8(STANDARD.decode(authorization(headers, "Basic ")?).ok()?).ok()?;
    decoded.split_once(':').map(|(user, _)| user.to_owned())
}

fn authorization<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix(scheme)
}
