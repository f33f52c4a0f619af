//! The authorize pages and the exchange of codes.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::world::{REDIRECT, World, answer, location, nonce, parameter, text};

#[tokio::test]
async fn a_person_signs_in_consents_and_the_app_gets_its_tokens() {
    let world = World::start().await;
    let admin = world.knows().admin.email.clone();
    let back = world.consent(&admin, "spark:people_read spark-admin:people_read", "accept").await;
    assert!(back.as_str().starts_with(REDIRECT), "{back}");
    assert_eq!(parameter(&back, "state").unwrap(), "s&1");

    let code = parameter(&back, "code").unwrap();
    let (status, reply) = world.token_request(&world.exchange(&code)).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["token_type"], "Bearer");
    assert_eq!(reply["expires_in"], 1_209_599);
    assert_eq!(reply["refresh_token_expires_in"], 7_775_999);
    assert_eq!(reply["scope"], "spark-admin:people_read spark:people_read");

    let me = world.get("/people/me", &text(&reply, "/access_token")).send().await.unwrap();
    let (status, me) = answer(me).await;
    assert_eq!((status.as_u16(), &me["emails"][0]), (200, &json!(admin)));

    let (status, again) = world.token_request(&world.exchange(&code)).await;
    assert_eq!(status, 400, "a code is spent once");
    assert!(again.get("access_token").is_none());
}

#[tokio::test]
async fn the_pages_cannot_be_framed_kept_or_extended_and_lead_to_the_app_alone() {
    let world = World::start().await;
    let page = world.authorize(&[("login_hint", "a\"b@c.example")]).await;
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["cache-control"], "no-store");
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("form-action 'self' http://127.0.0.1:7418;"), "{policy}");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let html = page.text().await.unwrap();
    assert!(html.contains("a&#34;b@c.example"), "{html}");
    assert!(!html.contains("<script"), "{html}");
}

#[tokio::test]
async fn a_wrong_password_is_said_and_can_be_mended() {
    let world = World::start().await;
    let admin = world.knows().admin.clone();
    let page = world.authorize(&[]).await.text().await.unwrap();
    let wrong = [("form", nonce(&page)), ("email", &admin.email), ("password", "wrong")];
    let page = world.submit("sign-in", &wrong).await.text().await.unwrap();
    assert!(page.contains("password is wrong"), "{page}");
    let right = [("form", nonce(&page)), ("email", &admin.email), ("password", &admin.password)];
    let consent = world.submit("sign-in", &right).await.text().await.unwrap();
    assert!(consent.contains("See your company&#39;s directory"), "{consent}");
    let again = world.submit("sign-in", &right).await;
    assert_eq!(again.status(), 400, "a form is sent once");
    let skipped = [("form", "made-up"), ("decision", "accept")];
    assert_eq!(world.submit("consent", &skipped).await.status(), 400);
}

#[tokio::test]
async fn a_bot_cannot_sign_in() {
    let world = World::start().await;
    let page = world.authorize(&[]).await.text().await.unwrap();
    let knows = world.knows();
    let fields = [("form", nonce(&page)), ("email", &knows.bot.email), ("password", &knows.admin.password)];
    let page = world.submit("sign-in", &fields).await.text().await.unwrap();
    assert!(page.contains("password is wrong"), "{page}");
}

#[tokio::test]
async fn a_sign_in_form_cannot_be_used_to_consent() {
    let world = World::start().await;
    let page = world.authorize(&[]).await.text().await.unwrap();
    let fields = [("form", nonce(&page)), ("decision", "accept")];
    assert_eq!(world.submit("consent", &fields).await.status(), 400);
}

#[tokio::test]
async fn a_denied_consent_and_every_bad_request_come_back_to_the_app() {
    let world = World::start().await;
    let denied = world.consent(&world.knows().admin.email, "spark:people_read", "deny").await;
    assert_eq!(parameter(&denied, "error").unwrap(), "access_denied");
    assert_eq!(parameter(&denied, "code"), None);
    for (changes, error) in [
        (vec![("scope", "")], "invalid_scope"),
        (vec![("scope", "spark:people_read spark:lasers")], "invalid_scope"),
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("code_challenge_method", "")], "invalid_request"),
        (vec![("code_challenge", "short")], "invalid_request"),
        (vec![("prompt", "none")], "login_required"),
    ] {
        let back = location(&world.authorize(&changes).await);
        assert_eq!(parameter(&back, "error").unwrap(), error, "{changes:?}");
        assert_eq!(parameter(&back, "state").unwrap(), "s&1", "{changes:?}");
    }
}

#[tokio::test]
async fn an_unknown_app_or_redirect_uri_is_never_redirected_to() {
    let world = World::start().await;
    for change in [
        ("client_id", "C0"),
        ("client_id", ""),
        ("redirect_uri", "http://127.0.0.1:7417/callback"),
        ("redirect_uri", "http://127.0.0.1:7418/callback/"),
        ("redirect_uri", "https://evil.example/"),
        ("redirect_uri", ""),
    ] {
        let page = world.authorize(&[change]).await;
        assert_eq!(page.status(), 400, "{change:?}");
        assert!(page.headers().get("location").is_none(), "{change:?}");
    }
}

#[tokio::test]
async fn an_exchange_must_fit_what_was_asked_for() {
    let world = World::start().await;
    let admin = world.knows().admin.email.clone();
    for (field, wrong, status, error) in [
        ("code_verifier", "another-verifier", 400, "invalid_request"),
        ("code_verifier", "", 400, "invalid_request"),
        ("redirect_uri", "http://127.0.0.1:7419/callback", 400, "invalid_request"),
        ("client_secret", "wrong", 401, "invalid_client"),
        ("client_id", "C0", 401, "invalid_client"),
        ("grant_type", "password", 400, "unsupported_grant_type"),
    ] {
        let back = world.consent(&admin, "spark:people_read", "accept").await;
        let code = parameter(&back, "code").unwrap();
        let mut fields = world.exchange(&code);
        fields.retain(|(name, _)| *name != field);
        fields.push((field, wrong));
        let (got, reply) = world.token_request(&fields).await;
        assert_eq!((got.as_u16(), reply["error"].as_str()), (status, Some(error)), "{field}: {reply}");
        assert!(reply["trackingID"].is_string(), "{reply}");
    }
}

#[tokio::test]
async fn pkce_does_not_replace_the_secret_and_basic_carries_it_as_well() {
    let world = World::start().await;
    let back = world.consent(&world.knows().admin.email, "spark:people_read", "accept").await;
    let code = parameter(&back, "code").unwrap();
    let mut fields = world.exchange(&code);
    fields.retain(|(name, _)| *name != "client_secret");
    let (status, reply) = world.token_request(&fields).await;
    assert_eq!(status, 400);
    assert_eq!(reply["error_description"], "client_secret cannot be null or empty");

    fields.retain(|(name, _)| *name != "client_id");
    let app = &world.knows().integration;
    let request = world.http.post(world.url("/access_token")).form(&fields);
    let reply = request.basic_auth(&app.client_id, Some(&app.client_secret)).send().await;
    assert_eq!(reply.unwrap().status(), 200);
}

#[tokio::test]
async fn a_code_lives_five_minutes_and_a_page_ten() {
    let world = World::start().await;
    let back = world.consent(&world.knows().admin.email, "spark:people_read", "accept").await;
    let page = world.authorize(&[]).await.text().await.unwrap();
    world.pass(Duration::from_mins(5));
    let code = parameter(&back, "code").unwrap();
    assert_eq!(world.token_request(&world.exchange(&code)).await.0, 400);
    world.pass(Duration::from_mins(5));
    let admin = &world.knows().admin;
    let late = [("form", nonce(&page)), ("email", &admin.email), ("password", &admin.password)];
    assert_eq!(world.submit("sign-in", &late).await.status(), 400);
}

#[tokio::test]
async fn further_integrations_can_be_registered() {
    let world = World::start().await;
    let registration = json!({"redirect_uris": ["myapp://back"], "scopes": ["spark:rooms_read"]});
    let (status, app) = world.control(Method::POST, "/clients", registration).await;
    assert_eq!(status, 201);
    let client = text(&app, "/client_id");
    let page = world
        .authorize(&[("client_id", &client), ("redirect_uri", "myapp://back"), ("scope", "spark:rooms_read")])
        .await;
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' myapp:;"), "{policy}");
    let taken = json!({"client_id": client, "redirect_uris": [], "scopes": []});
    assert_eq!(world.control(Method::POST, "/clients", taken).await.0, 409);
}
