//! A simulator, a clock to move it by, and a client that follows nothing on its own.

use std::sync::Arc;
use std::time::Duration;

use lanyard_simulator::{Description, Options, Simulator};
use lanyard_time::{Clock as _, ManualClock, ManualSleep, SystemEntropy};
use reqwest::header::LOCATION;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use url::Url;

pub(crate) const REDIRECT: &str = "http://127.0.0.1:7418/callback";
// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) clock: ManualClock,
    pub(crate) sleep: Arc<ManualSleep>,
    pub(crate) http: Client,
}

/// A status with the JSON that came with it (null where it is none).
pub(crate) type Answer = (StatusCode, Value);

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let sleep = Arc::new(ManualSleep::default());
        let delayed = Options { sleep: sleep.clone(), ..options };
        Self { sleep, ..Self::delaying_by(delayed).await }
    }

    /// Delays wait on what the options name, not on the world's own `sleep`.
    pub(crate) async fn delaying_by(options: Options) -> Self {
        // The second test to come here finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = ManualClock::at("2026-03-02T08:00:00Z".parse().unwrap());
        let simulator = Simulator::start(options, Arc::new(clock.clone()), Arc::new(SystemEntropy)).await.unwrap();
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        Self { simulator, clock, sleep: Arc::default(), http }
    }

    pub(crate) fn knows(&self) -> &Description {
        self.simulator.description()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.knows().base_url)
    }

    /// A GET of the REST API with this token.
    pub(crate) fn get(&self, path: &str, token: &str) -> RequestBuilder {
        self.http.get(self.url(path)).bearer_auth(token)
    }

    /// A POST of JSON to the REST API with this token.
    pub(crate) fn post(&self, path: &str, token: &str, body: &Value) -> RequestBuilder {
        self.http.post(self.url(path)).bearer_auth(token).json(body)
    }

    pub(crate) async fn status(&self, path: &str, token: &str) -> StatusCode {
        self.get(path, token).send().await.unwrap().status()
    }

    /// Sends a GET to the REST API with this token, and returns the answer.
    pub(crate) async fn read(&self, path: &str, token: &str) -> Answer {
        answer(self.get(path, token).send().await.unwrap()).await
    }

    /// Sends a POST of JSON with this token, and returns the answer.
    pub(crate) async fn tell(&self, path: &str, token: &str, body: Value) -> Answer {
        let request = self.http.post(self.url(path)).bearer_auth(token).json(&body);
        answer(request.send().await.unwrap()).await
    }

    pub(crate) async fn token_request(&self, fields: &[(&str, &str)]) -> Answer {
        let reply = self.http.post(self.url("/access_token")).form(fields).send().await;
        answer(reply.unwrap()).await
    }

    /// The service app's refresh.
    pub(crate) fn refresh_request(&self, refresh_token: &str) -> RequestBuilder {
        let app = &self.knows().service_app;
        self.http.post(self.url("/access_token")).form(&[
            ("grant_type", "refresh_token"),
            ("client_id", &app.client_id),
            ("client_secret", &app.client_secret),
            ("refresh_token", refresh_token),
        ])
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Answer {
        answer(self.refresh_request(refresh_token).send().await.unwrap()).await
    }

    /// An access token of the service app in the first organisation.
    pub(crate) async fn machine_token(&self) -> String {
        let (status, reply) = self.refresh(&self.knows().service_app.refresh_token).await;
        assert_eq!(status, 200, "{reply}");
        text(&reply, "/access_token")
    }

    /// A call of the control plane.
    pub(crate) async fn control(&self, method: Method, path: &str, body: Value) -> Answer {
        let url = format!("{}{path}", self.knows().control_url);
        let request = self.http.request(method, url).bearer_auth(&self.knows().control_key);
        answer(request.json(&body).send().await.unwrap()).await
    }

    pub(crate) async fn fault(&self, script: Value) {
        let (status, answer) = self.control(Method::POST, "/faults", script).await;
        assert_eq!(status, 201, "{answer}");
    }

    pub(crate) async fn behave(&self, change: Value) {
        let (status, answer) = self.control(Method::POST, "/behaviour", change).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// An access token of the simulator's own service app.
    pub(crate) async fn machine(&self) -> String {
        let (status, reply) = self.refresh(&self.knows().service_app.refresh_token).await;
        assert_eq!(status, 200, "{reply}");
        text(&reply, "/access_token")
    }

    /// Everything of the control plane that succeeds.
    pub(crate) async fn done(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.control(Method::POST, path, body).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    /// Sends a GET to the REST API with this token, and returns the answer, like [`read`](Self::read).
    pub(crate) async fn got(&self, path: &str, token: &str) -> Answer {
        answer(self.get(path, token).send().await.unwrap()).await
    }

    /// Sets a bot's access to a workspace, as *Edit API Access* in Control Hub does: `"read"`, `"full"` or null.
    pub(crate) async fn grant(&self, workspace: &str, bot: &str, access: Value) {
        let body = json!({ "email": bot, "access": access });
        let (status, answer) = self.control(Method::POST, &format!("/workspaces/{workspace}/grants"), body).await;
        assert_eq!(status, 204, "{answer}");
    }

    pub(crate) async fn record(&self) -> Vec<Value> {
        let (_, record) = self.control(Method::GET, "/record", json!({})).await;
        record.as_array().unwrap().clone()
    }

    /// The time on the clock, in seconds since 1970.
    pub(crate) fn clock_seconds(&self) -> i64 {
        self.clock.now().wall.as_second()
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// An authorize request with these changes to a good one; an empty value leaves a parameter out.
    pub(crate) async fn authorize(&self, changes: &[(&str, &str)]) -> Response {
        self.http.get(self.authorize_url(changes)).send().await.unwrap()
    }

    /// The address of the request that [`authorize`](Self::authorize) sends.
    pub(crate) fn authorize_url(&self, changes: &[(&str, &str)]) -> String {
        let mut url = Url::parse(&self.url("/authorize")).unwrap();
        let usual = [
            ("response_type", "code"),
            ("client_id", self.knows().integration.client_id.as_str()),
            ("redirect_uri", REDIRECT),
            ("scope", "spark:people_read"),
            ("state", "s&1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in usual {
            if !changes.iter().any(|(changed, _)| *changed == name) {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        let kept = changes.iter().filter(|(_, value)| !value.is_empty());
        url.query_pairs_mut().extend_pairs(kept);
        url.into()
    }

    pub(crate) async fn submit(&self, form: &str, fields: &[(&str, &str)]) -> Response {
        let url = self.url(&format!("/authorize/{form}"));
        self.http.post(url).form(fields).send().await.unwrap()
    }

    /// Signs in as this person and answers the consent page.
    pub(crate) async fn consent(&self, email: &str, scope: &str, decision: &str) -> Url {
        let page = self.authorize(&[("scope", scope)]).await.text().await.unwrap();
        let password = self.knows().admin.password.clone();
        let fields = [("form", nonce(&page)), ("email", email), ("password", &password)];
        let page = self.submit("sign-in", &fields).await.text().await.unwrap();
        let fields = [("form", nonce(&page)), ("decision", decision)];
        location(&self.submit("consent", &fields).await)
    }

    /// The fields of a good exchange of this code.
    pub(crate) fn exchange<'w>(&'w self, code: &'w str) -> Vec<(&'w str, &'w str)> {
        vec![
            ("grant_type", "authorization_code"),
            ("client_id", &self.knows().integration.client_id),
            ("client_secret", &self.knows().integration.client_secret),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ]
    }

    /// The token reply of a whole sign-in.
    pub(crate) async fn signed_in(&self, email: &str, scope: &str) -> Value {
        let back = self.consent(email, scope, "accept").await;
        let (status, reply) = self.token_request(&self.exchange(&parameter(&back, "code").unwrap())).await;
        assert_eq!(status, 200, "{reply}");
        reply
    }

    /// The address of someone who is no administrator.
    pub(crate) async fn someone(&self) -> String {
        let token = self.knows().personal.access_token.clone();
        let list = self.get("/people?max=2", &token).send().await.unwrap();
        let (_, list) = answer(list).await;
        text(&list["items"][1]["emails"], "/0")
    }
}

pub(crate) async fn answer(reply: Response) -> Answer {
    let status = reply.status();
    let body = reply.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// A refusal of the gateway: one of Webex's two shapes.
#[track_caller]
pub(crate) fn gateway((status, body): &Answer, expected: u16) -> String {
    assert_eq!(status.as_u16(), expected, "{body}");
    assert_eq!(body["errors"][0]["description"], body["message"], "{body}");
    assert!(text(body, "/trackingId").starts_with("ROUTER_"), "{body}");
    assert_eq!((body.get("error"), body.get("trackingID")), (None, None), "{body}");
    text(body, "/message")
}

/// A refusal of the identity broker: the other shape.
#[track_caller]
pub(crate) fn broker((status, body): &Answer, expected: u16, error: &str) {
    assert_eq!((status.as_u16(), &body["error"]), (expected, &json!(error)), "{body}");
    assert!(body["error_description"].is_string() && body["trackingID"].is_string(), "{body}");
    assert_eq!((body.get("message"), body.get("trackingId")), (None, None), "{body}");
}

/// The text at a JSON pointer.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("{pointer} in {value}")).to_owned()
}

/// The hidden field of a page.
pub(crate) fn nonce(page: &str) -> &str {
    let (_, rest) = page.split_once(r#"name="form" value=""#).expect(page);
    rest.split_once('"').unwrap().0
}

pub(crate) fn location(reply: &Response) -> Url {
    assert_eq!(reply.status(), 302);
    reply.headers()[LOCATION].to_str().unwrap().parse().unwrap()
}

pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
