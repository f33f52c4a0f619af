//! Calls with the tokens of a source.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, Full};
use lanyard_client::{
    ApiClient, ApiError, CallError, CallOptions, IssuedToken, Outgoing, SubjectKey, TokenSource, Transport, Upload,
};
use lanyard_protocol::{Environment, Method, Request};
use lanyard_secret::{AccessToken, SecretBytes};
use lanyard_time::{SeededEntropy, SystemClock};

use crate::server::{Server, Step, answer};
use crate::world::World;

/// A source whose tokens are `token-1`, `token-2`, …, as many as it has.
#[derive(Debug)]
struct Numbered {
    environment: Arc<Environment>,
    subject: SubjectKey,
    last: u32,
    /// The generations that were reported as refused.
    refused: Mutex<Vec<u32>>,
}

impl Numbered {
    fn of(webex: &Server, subject: &str, last: u32) -> Self {
        let (environment, subject) = (Arc::new(webex.environment()), SubjectKey::new(subject));
        Self { environment, subject, last, refused: Mutex::default() }
    }

    fn numbered(&self, generation: u32) -> IssuedToken {
        let token = AccessToken::new(format!("token-{generation}").as_str());
        let (environment, subject) = (Arc::clone(&self.environment), self.subject.clone());
        IssuedToken { token, generation, environment, subject }
    }

    fn refused(&self) -> Vec<u32> {
        self.refused.lock().unwrap().clone()
    }
}

impl TokenSource for Numbered {
    type Error = Infallible;

    async fn issue(&self) -> Result<IssuedToken, Infallible> {
        Ok(self.numbered(1))
    }

    async fn replace(&self, refused: &IssuedToken) -> Result<Option<IssuedToken>, Infallible> {
        self.refused.lock().unwrap().push(refused.generation);
        Ok(Some(refused.generation + 1).filter(|next| *next <= self.last).map(|next| self.numbered(next)))
    }
}

fn unauthorized() -> Step {
    answer("401 Unauthorized", &[], "{}")
}

fn tokens(webex: &Server) -> Vec<String> {
    webex.header("authorization").into_iter().map(|value| value.unwrap().replace("Bearer token-", "")).collect()
}

fn rooms(environment: &Environment) -> Request {
    Request::new(Method::GET, environment.resource(&["rooms"]))
}

fn post(environment: &Environment) -> Request {
    let body = SecretBytes::new(br#"{"title":"a"}"#.to_vec());
    Request::new(Method::POST, environment.resource(&["rooms"])).body("application/json", body)
}

#[tokio::test]
async fn a_call_is_repeated_once_after_a_401_and_not_twice() {
    let (world, ok) = (World::new(), answer("200 OK", &[], "{}"));
    for (steps, last, status, expected) in [
        (vec![ok.clone()], 3, 200, vec!["1"]),
        (vec![unauthorized(), ok.clone()], 3, 200, vec!["1", "2"]),
        (vec![unauthorized(), unauthorized(), ok.clone()], 3, 401, vec!["1", "2"]),
        // The source has no other token.
        (vec![unauthorized(), ok.clone()], 1, 401, vec!["1"]),
        (vec![answer("403 Forbidden", &[], "{}"), ok.clone()], 3, 403, vec!["1"]),
    ] {
        let webex = Server::playing(steps).await;
        let source = Numbered::of(&webex, "anna", last);
        let api = ApiClient::new(&world.transport, &source);
        let answered = api.call(rooms, &CallOptions::once()).await.unwrap();
        assert_eq!(answered.answer.response.status, status);
        assert_eq!(tokens(&webex), expected);
        assert_eq!(answered.token.generation.to_string(), *expected.last().unwrap(), "the token that was answered");
        let reported =
            if matches!(status, 401 | 200) && (status == 401 || expected.len() > 1) { vec![1] } else { vec![] };
        assert_eq!(source.refused(), reported);
    }
}

#[tokio::test]
async fn a_post_is_repeated_with_its_body() {
    let (world, webex) = (World::new(), Server::playing([unauthorized(), answer("200 OK", &[], "{}")]).await);
    let source = Numbered::of(&webex, "anna", 2);
    let api = ApiClient::new(&world.transport, &source);
    let answered = api.call(post, &CallOptions::once()).await.unwrap();
    assert_eq!(answered.answer.response.status, StatusCode::OK);
    assert_eq!(webex.lines(), ["POST /v1/rooms", "POST /v1/rooms"]);
    assert_eq!(webex.bodies(), [r#"{"title":"a"}"#; 2]);
}

#[tokio::test]
async fn a_body_that_was_kept_is_streamed_again_and_another_is_not() {
    let transport = Transport::new(Arc::new(SystemClock::new()), Arc::new(SeededEntropy::new(7)));
    let whole = || Upload::whole(SecretBytes::new(b"body".to_vec()));
    let stream = || Upload::Stream(Full::new("body".into()).map_err(|never| match never {}).boxed());
    for (body, expected) in [(whole(), vec!["1", "2"]), (Upload::Empty, vec!["1", "2"]), (stream(), vec!["1"])] {
        let webex = Server::playing([unauthorized(), answer("200 OK", &[], "{}")]).await;
        let source = Numbered::of(&webex, "anna", 2);
        let api = ApiClient::new(&transport, &source);
        let url = webex.environment().resource(&["rooms"]);
        let request = Outgoing { method: Method::PUT, url, headers: HeaderMap::new(), body };
        let answered = api.stream_with(source.issue().await.unwrap(), request).await.unwrap();
        let status = if expected.len() == 2 { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        assert_eq!(answered.answer.response.status(), status);
        assert_eq!((tokens(&webex), source.refused()), (expected.iter().map(ToString::to_string).collect(), vec![1]));
    }
}

#[tokio::test]
async fn a_token_that_is_replaced_on_one_page_is_used_for_the_next_ones() {
    let page = |next: &str| {
        let link = format!("<{{base}}/rooms?cursor={next}>; rel=\"next\"");
        answer("200 OK", &[("link", &link)], r#"{"items":[1]}"#)
    };
    let end = answer("200 OK", &[], r#"{"items":[2]}"#);
    let (world, webex) = (World::new(), Server::playing([page("a"), unauthorized(), page("b"), end]).await);
    let source = Numbered::of(&webex, "anna", 2);
    let api = ApiClient::new(&world.transport, &source);
    let pages = api.pages::<u32>(rooms, &CallOptions::once()).await.unwrap();
    assert_eq!(pages.all().await.unwrap().items.len(), 3);
    assert_eq!(tokens(&webex), ["1", "1", "2", "2"]);
}

#[tokio::test]
async fn a_limit_holds_back_its_own_api_and_subject_alone() {
    let (world, ok) = (World::new(), answer("200 OK", &[], "{}"));
    let limited = answer("429 Too Many Requests", &[("retry-after", "50")], "{}");
    let webex = Server::playing([limited, ok.clone(), ok.clone(), ok]).await;
    let (anna, bert) = (Numbered::of(&webex, "anna", 1), Numbered::of(&webex, "bert", 1));
    let at = |segments: &'static [&'static str]| {
        move |environment: &Environment| Request::new(Method::GET, environment.resource(segments))
    };
    let once = CallOptions::once();
    let (anna, bert) = (ApiClient::new(&world.transport, anna), ApiClient::new(&world.transport, bert));
    let status = async |api: &ApiClient<'_, Numbered>, segments: &'static [&'static str]| match api
        .call(at(segments), &once)
        .await
    {
        Ok(answered) => Ok(answered.answer.response.status.as_u16()),
        Err(ApiError::Call(CallError::Limited(wait))) => Err(wait.as_secs()),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(status(&anna, &["telephony", "config", "queues"]).await, Ok(429));
    assert_eq!(status(&anna, &["telephony", "config", "locations"]).await, Err(50));
    assert_eq!(status(&anna, &["telephony", "calls"]).await, Ok(200));
    assert_eq!(status(&anna, &["people", "me"]).await, Ok(200));
    assert_eq!(status(&bert, &["telephony", "config", "queues"]).await, Ok(200));
}
