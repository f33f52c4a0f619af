//! Access to the portal's and Control Hub's pages, and to their forms.

use std::time::Duration;

use lanyard_simulator::Options;
use reqwest::Method;
use serde_json::json;

use crate::browser::Browser;
use crate::people_life::write;
use crate::world::{World, text};

#[tokio::test]
async fn the_start_page_says_where_everything_is_and_no_password() {
    let world = World::start().await;
    let knows = world.knows();
    let page = Browser::new(&world).see("/").await;
    page.says("/portal")
        .says("/hub")
        .says(&knows.base_url)
        .says(&knows.admin.email)
        .does_not_say(&knows.admin.password);
    for (url, path) in [(&knows.portal_url, "/portal"), (&knows.hub_url, "/hub")] {
        assert_eq!(*url, Browser::new(&world).address(path));
    }
}

#[tokio::test]
async fn who_is_not_signed_in_is_led_to_sign_in_and_back() {
    let world = World::start().await;
    let browser = Browser::new(&world);
    let page = browser.open("/hub/users?search=ana").await;
    assert_eq!((page.status, page.location.as_str()), (303, "/sign-in?then=%2Fhub%2Fusers%3Fsearch%3Dana"));
    let form = browser.see(&page.location).await;
    form.says("Control Hub");
    let (before, then) = (browser.cookie(), form.hidden("then").to_owned());
    assert_eq!(then, "/hub/users?search=ana");
    let admin = &world.knows().admin;
    let wrong = [("then", then.as_str()), ("email", &admin.email), ("password", "wrong")];
    browser.send("/sign-in", &form, &wrong).await.says("password is wrong");
    let right = [("then", then.as_str()), ("email", &admin.email), ("password", &admin.password)];
    assert_eq!(browser.send("/sign-in", &form, &right).await.location, then);
    assert_ne!(browser.cookie(), before, "a session that somebody else may know is not the one that is signed in");
    browser.see(&then).await;

    let stranger = Browser::new(&world);
    let page = stranger.see("/sign-in?then=https://evil.example/").await;
    assert_eq!(page.hidden("then"), "/portal");
}

#[tokio::test]
async fn a_form_without_the_sessions_own_token_changes_nothing() {
    let world = World::start().await;
    let (mine, other) = (Browser::administrator(&world).await, Browser::administrator(&world).await);
    let foreign = other.see("/portal/bots/new").await;
    let fields = [("name", "Bell"), ("username", "bell")];
    let with = |csrf| [&[("csrf", csrf)], &fields[..]].concat();
    for fields in [fields.to_vec(), with(""), with("made-up"), with(foreign.hidden("csrf"))] {
        let page = mine.post("/portal/bots/new", &fields).await;
        assert_eq!(page.status, 403);
        page.says("does not belong to your session");
    }
    assert_eq!(mine.post("/sign-out", &[]).await.status, 403);
    mine.see("/portal").await.does_not_say("bell@webex.bot");

    let admin = &world.knows().admin;
    let fields = [("email", admin.email.as_str()), ("password", &admin.password)];
    assert_eq!(
        Browser::new(&world).post("/sign-in", &fields).await.status,
        403,
        "nor is anybody signed in by another page"
    );
}

#[tokio::test]
async fn a_session_ends_after_eight_hours_with_a_sign_out_and_with_a_changed_password() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    let page = browser.see("/portal/bots/new").await;
    world.pass(Duration::from_hours(8) - Duration::from_secs(1));
    browser.see("/portal").await;
    world.pass(Duration::from_secs(1));
    assert!(browser.open("/portal").await.location.starts_with("/sign-in"));
    let late = browser.send("/portal/bots/new", &page, &[("name", "Bell"), ("username", "bell")]).await;
    assert_eq!(late.status, 403);
    late.says("session has ended");

    let browser = Browser::administrator(&world).await;
    let page = browser.see("/portal").await;
    assert_eq!(browser.send("/sign-out", &page, &[]).await.location, "/");
    assert_eq!(browser.open("/portal").await.status, 303);

    let (changed, someone) = (Browser::administrator(&world).await, world.someone().await);
    let kept = Browser::of(&world, &someone).await;
    let path = format!("/people/{}/change-password", world.knows().admin.email);
    world.control(Method::POST, &path, json!({})).await;
    assert_eq!(changed.open("/portal").await.status, 303);
    kept.see("/portal").await;
}

#[tokio::test]
async fn what_was_typed_outlives_the_session_and_stands_in_no_address() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    browser.see("/portal/bots/new").await;
    world.pass(Duration::from_hours(8));
    let typed = [("csrf", "old"), ("name", "Door \"Bell\""), ("username", "door-bell")];
    let page = browser.post_from_here("/portal/bots/new", &typed).await;
    page.says("Sign in");
    let admin = &world.knows().admin;
    let again = |page: &crate::browser::Page, password: &str| {
        let (csrf, then) = (page.hidden("csrf").to_owned(), page.hidden("then").to_owned());
        let kept = page.hidden("kept").replace("&amp;", "&").replace("&#38;", "&");
        [
            ("csrf", csrf),
            ("then", then),
            ("kept", kept),
            ("email", admin.email.clone()),
            ("password", password.to_owned()),
        ]
    };
    let fields = again(&page, "wrong");
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = browser.post("/sign-in", &fields).await;
    page.says("password is wrong");
    let fields = again(&page, &admin.password);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = browser.post("/sign-in", &fields).await;
    page.says("what you had typed was kept").says("door-bell").does_not_say("old");
    assert_eq!(page.location, "");
    let made = browser
        .send("/portal/bots/new", &page, &[("name", "Door \"Bell\""), ("username", page.hidden("username"))])
        .await;
    made.says("Your bot is ready").says("door-bell@webex.bot");
}

#[tokio::test]
async fn what_another_site_sends_and_what_is_secret_is_not_kept() {
    let world = World::start().await;
    let browser = Browser::new(&world);
    let foreign = browser.post("/portal/bots/new", &[("name", "Bell"), ("username", "bell")]).await;
    assert_eq!(foreign.status, 403);
    foreign.says("session has ended").does_not_say("bell");
    let secret = [("organisation", "x"), ("client_secret", "canary")];
    let page = browser.post_from_here("/portal/service-apps/C1/tokens", &secret).await;
    assert_eq!(page.status, 403);
    page.does_not_say("canary");
}

#[tokio::test]
async fn who_may_no_longer_sign_in_is_out_of_every_page() {
    let world = World::start().await;
    let email = world.someone().await;
    let browser = Browser::of(&world, &email).await;
    let page = browser.see("/portal").await;
    let token = world.knows().personal.access_token.clone();
    let (_, found) = world.read(&format!("/people?email={email}"), &token).await;
    let path = format!("/people/{}", text(&found, "/items/0/id"));
    let off = json!({ "displayName": "Off", "loginEnabled": false });
    let (status, person) = write(&world, Method::PUT, &path, &token, off).await;
    assert_eq!(status, 200, "{person}");
    assert_eq!(browser.open("/portal").await.status, 303);
    assert_eq!(browser.send("/portal/personal-token", &page, &[]).await.status, 403);
    let url = world.authorize_url(&[("prompt", "none")]);
    let silent = browser.open(url.strip_prefix(&browser.address("")).unwrap()).await;
    assert!(silent.location.contains("login_required"), "{}", silent.location);
    browser.see("/sign-in").await.says("name=\"password\"");
}

#[tokio::test]
async fn control_hub_is_for_administrators_of_their_own_organisation() {
    let world = World::with(Options { organisations: 2, people: 5, ..Options::default() }).await;
    let someone = Browser::of(&world, &world.someone().await).await;
    let portal = someone.see("/portal").await;
    for path in ["/hub", "/hub/users", "/hub/apps/integrations", "/hub/nothing"] {
        let page = someone.open(path).await;
        assert_eq!(page.status, 403, "{path}");
        page.says("is not an administrator");
    }
    assert_eq!(someone.send("/hub/apps/integrations/block", &portal, &[]).await.status, 403);

    let (_, organisations) = world.control(Method::GET, "/organisations", json!({})).await;
    let other = Browser::of(&world, &text(&organisations[1], "/admin/email")).await;
    let form = other.see("/hub").await;
    form.says(&text(&organisations[1], "/name"));
    other.see("/hub/users").await.does_not_say(&world.knows().admin.email);
    let (_, ours) = world.control(Method::GET, "/workspaces", json!({})).await;
    let (workspace, bot) = (text(&ours[0], "/id"), world.knows().bot.clone());
    let app = &world.knows().service_app;
    let (_, me) = world.read("/people/me", &world.knows().personal.access_token).await;
    for path in [
        format!("/hub/workspaces/{workspace}"),
        format!("/hub/apps/service-apps/{}", app.client_id),
        format!("/hub/users/{}", text(&me, "/id")),
    ] {
        assert_eq!(other.open(&path).await.status, 404, "{path}");
    }
    let access = [("email", bot.email.as_str()), ("access", "full")];
    assert_eq!(other.send(&format!("/hub/workspaces/{workspace}/access"), &form, &access).await.status, 404);
    let withdraw = format!("/hub/apps/service-apps/{}/withdraw", app.client_id);
    assert_eq!(other.send(&withdraw, &form, &[]).await.status, 404);
    assert_eq!(other.send("/hub/apps/integrations/block", &form, &[]).await.status, 303, "that is their own affair");
    let (_, devices) = world.read("/devices", &bot.access_token).await;
    assert_eq!(devices["items"], json!([]));
    world.machine_token().await;
    world.signed_in(&world.knows().admin.email, "spark:people_read").await;
}
