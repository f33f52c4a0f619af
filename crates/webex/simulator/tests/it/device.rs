//! The device grant: a code on a device, a person elsewhere.

use std::time::Duration;

use lanyard_protocol::{Environment, Request, Response};
use lanyard_secret::SecretBytes;
use lanyard_simulator::{Next, Person};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, World, answer, text};

const SCOPES: &str = "spark:people_read spark-admin:people_read";

/// The codes for a device of the integration.
async fn codes(world: &World) -> Value {
    let (status, codes) = asked(world, &world.knows().integration.client_id, SCOPES).await;
    assert_eq!(status, 200, "{codes}");
    codes
}

async fn asked(world: &World, client: &str, scope: &str) -> Answer {
    let form = [("client_id", client), ("scope", scope)];
    answer(world.http.post(world.url("/device/authorize")).form(&form).send().await.unwrap()).await
}

/// The device asks whether its person is done.
async fn poll(world: &World, codes: &Value) -> Answer {
    let app = &world.knows().integration;
    poll_as(world, &text(codes, "/device_code"), Some((&app.client_id, &app.client_secret))).await
}

async fn poll_as(world: &World, code: &str, client: Option<(&str, &str)>) -> Answer {
    let form = [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", code)];
    let mut request = world.http.post(world.url("/device/token")).form(&form);
    if let Some((id, secret)) = client {
        request = request.basic_auth(id, Some(secret));
    }
    answer(request.send().await.unwrap()).await
}

fn person(world: &World, accepts: bool) -> Person {
    let admin = world.knows().admin.clone();
    Person { email: admin.email, password: admin.password, accepts }
}

/// Lets the person open the page that holds the code and fill in what each page asks for. Gives the last two pages.
async fn walk(world: &World, person: &Person, codes: &Value) -> (String, String) {
    let environment = Environment::at(&world.knows().base_url).unwrap();
    let open = person.open(text(codes, "/verification_uri_complete").parse().unwrap());
    let (mut before, mut page) = (String::new(), send(world, open).await);
    for _ in 0..2 {
        let Ok(next) = person.follow(&environment, &page) else { break };
        let Next::Send(next) = next else { panic!("no page of a device leads to an app") };
        before = html(&page);
        page = send(world, next).await;
    }
    (before, html(&page))
}

async fn send(world: &World, request: Request) -> Response {
    let url = request.url.expose().clone();
    let sent = world.http.request(request.method, url).headers(request.headers);
    let reply = sent.body(request.body.expose_secret().to_vec()).send().await.unwrap();
    let (status, headers) = (reply.status(), reply.headers().clone());
    Response { status, headers, body: SecretBytes::new(reply.bytes().await.unwrap().to_vec()) }
}

fn html(page: &Response) -> String {
    String::from_utf8_lossy(page.body.expose_secret()).into_owned()
}

#[tokio::test]
async fn a_person_allows_a_device_and_it_acts_as_that_person_once() {
    let world = World::start().await;
    let codes = codes(&world).await;
    let user_code = text(&codes, "/user_code");
    assert!(user_code.len() == 6 && user_code.bytes().all(|byte| byte.is_ascii_digit()), "{user_code}");
    assert_eq!((&codes["expires_in"], &codes["interval"]), (&json!(300), &json!(2)));
    assert!(text(&codes, "/verification_uri_complete").starts_with(&text(&codes, "/verification_uri")), "{codes}");

    let (asks, done) = walk(&world, &person(&world, true), &codes).await;
    assert!(asks.contains("Lanyard Integration") && asks.contains(&user_code), "{asks}");
    assert!(asks.contains("See everyone in your organization"), "{asks}");
    assert!(done.contains("Signed in"), "{done}");

    let (status, pair) = poll(&world, &codes).await;
    assert_eq!(status, 200, "{pair}");
    assert_eq!(pair["scope"], "spark-admin:people_read spark:people_read");
    let (_, me) = world.read("/people/me", &text(&pair, "/access_token")).await;
    assert_eq!(me["emails"][0], world.knows().admin.email);
    let (status, again) = poll(&world, &codes).await;
    assert_eq!((status.as_u16(), &again["error"]), (400, &json!("expired_token")), "a code is good for one pair");
}

#[tokio::test]
async fn a_person_who_denies_leaves_the_device_with_nothing() {
    let world = World::start().await;
    let codes = codes(&world).await;
    let (_, done) = walk(&world, &person(&world, false), &codes).await;
    assert!(done.contains("Denied"), "{done}");
    let (status, denied) = poll(&world, &codes).await;
    assert_eq!((status.as_u16(), &denied["error"]), (400, &json!("access_denied")));
    let page = world.http.get(text(&codes, "/verification_uri_complete")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("unknown or has expired"), "{page}");
}

#[tokio::test]
async fn a_wrong_password_is_said_and_decides_nothing() {
    let world = World::start().await;
    let codes = codes(&world).await;
    let stranger = Person { password: "wrong".to_owned(), ..person(&world, true) };
    let (_, page) = walk(&world, &stranger, &codes).await;
    assert!(page.contains("password is wrong") && page.contains(&text(&codes, "/user_code")), "{page}");
    assert_eq!(poll(&world, &codes).await.0, 428);
}

#[tokio::test]
async fn waiting_is_said_in_the_gateways_shape_or_in_the_words_of_the_rfc() {
    let world = World::start().await;
    let codes = codes(&world).await;
    let (status, pending) = poll(&world, &codes).await;
    assert_eq!(status, 428, "{pending}");
    assert!(pending["message"].as_str().unwrap().contains("pending") && pending.get("error").is_none(), "{pending}");
    let (status, fast) = poll(&world, &codes).await;
    assert_eq!(status, 428, "{fast}");
    assert!(fast["message"].as_str().unwrap().contains("slow_down"), "{fast}");

    world.behave(json!({"device_pending": "rfc"})).await;
    let (status, fast) = poll(&world, &codes).await;
    assert_eq!((status.as_u16(), &fast["error"]), (400, &json!("slow_down")));
    // Each of the two has added five seconds to the interval of two.
    world.pass(Duration::from_secs(12));
    let (status, pending) = poll(&world, &codes).await;
    assert_eq!((status.as_u16(), &pending["error"]), (400, &json!("authorization_pending")));
}

#[tokio::test]
async fn a_code_runs_out_after_five_minutes_for_the_device_and_for_the_person() {
    let world = World::start().await;
    let codes = codes(&world).await;
    world.pass(Duration::from_secs(299));
    assert_eq!(poll(&world, &codes).await.0, 428);
    world.pass(Duration::from_secs(1));
    let page = world.http.get(text(&codes, "/verification_uri_complete")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("unknown or has expired") && !page.contains("name=\"decision\""), "{page}");
    let (status, gone) = poll(&world, &codes).await;
    assert_eq!((status.as_u16(), &gone["error"]), (400, &json!("expired_token")));
}

#[tokio::test]
async fn a_device_must_prove_its_app_by_http_basic_and_only_its_own_app_is_served() {
    let world = World::start().await;
    let codes = codes(&world).await;
    walk(&world, &person(&world, true), &codes).await;
    let (code, app) = (text(&codes, "/device_code"), world.knows().integration.clone());
    for client in [None, Some((app.client_id.as_str(), "wrong"))] {
        let (status, refused) = poll_as(&world, &code, client).await;
        assert_eq!((status.as_u16(), &refused["error"]), (401, &json!("invalid_client")), "{refused}");
    }
    let registration = json!({"redirect_uris": [crate::world::REDIRECT], "scopes": ["spark:people_read"]});
    let (status, other) = world.control(Method::POST, "/clients", registration).await;
    assert_eq!(status, 201, "{other}");
    let (id, secret) = (text(&other, "/client_id"), text(&other, "/client_secret"));
    assert_eq!(poll_as(&world, &code, Some((&id, &secret))).await.0, 400, "the code is another app's");
    assert_eq!(poll(&world, &codes).await.0, 200);
}

#[tokio::test]
async fn scopes_of_open_id_connect_and_unregistered_ones_get_no_code() {
    let world = World::start().await;
    let client = world.knows().integration.client_id.clone();
    for scope in ["openid", "spark:people_read email", "", "spark:not_registered"] {
        let (status, refused) = asked(&world, &client, scope).await;
        assert_eq!(status, 400, "{scope}: {refused}");
        assert!(refused.get("device_code").is_none(), "{refused}");
    }
    assert_eq!(asked(&world, "C0", SCOPES).await.0, 400);
}

#[tokio::test]
async fn a_code_can_be_typed_and_one_that_nobody_shows_is_said_to_be_unknown() {
    let world = World::start().await;
    let codes = codes(&world).await;
    let bare = world.http.get(text(&codes, "/verification_uri")).send().await.unwrap().text().await.unwrap();
    assert!(bare.contains("Type the code") && !bare.contains("name=\"password\""), "{bare}");
    let typed = async |code: &str| {
        let sent = world.http.post(text(&codes, "/verification_uri")).form(&[("user_code", code)]).send().await;
        sent.unwrap().text().await.unwrap()
    };
    let known = typed(&text(&codes, "/user_code")).await;
    assert!(known.contains("Lanyard Integration") && known.contains("name=\"password\""), "{known}");
    assert!(typed("no-code").await.contains("unknown or has expired"));
}
