//! Control Hub, as an administrator goes through it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::world::{World, answer, location, nonce, parameter, text};

const DENIED: &str = "Access denied - your administrator denied access";

/// A workspace in which devices stand.
async fn furnished(world: &World) -> Value {
    let (_, all) = world.control(Method::GET, "/workspaces", json!({})).await;
    all.as_array().unwrap().iter().find(|workspace| workspace["devices"] != json!(0)).unwrap().clone()
}

#[tokio::test]
async fn a_bot_sees_the_devices_of_a_workspace_once_it_was_added_there() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    let workspace = furnished(&world).await;
    let (path, bot) = (format!("/hub/workspaces/{}", text(&workspace, "/id")), world.knows().bot.clone());
    let name = text(&workspace, "/name").replace('&', "&#38;");
    browser.see("/hub/workspaces").await.says(&name);
    let page = browser.see(&path).await;
    page.says("No bot has access").says(">connected<");
    let permissions = async || {
        let (_, devices) = world.read("/devices", &bot.access_token).await;
        let devices = devices["items"].as_array().unwrap().clone();
        devices.iter().map(|device| device["permissions"].clone()).collect::<Vec<_>>()
    };
    assert!(permissions().await.is_empty());

    let change = async |email: &str, access: &str| {
        browser.send(&format!("{path}/access"), &page, &[("email", email), ("access", access)]).await
    };
    assert_eq!(change(&bot.email, "read").await.location, path);
    browser.see(&path).await.says("Read Only").says(&bot.email).says("Change to Full");
    let seen = permissions().await;
    assert_eq!((json!(seen.len()), &seen[0]), (workspace["devices"].clone(), &json!(["xapi:readonly"])));
    change(&bot.email, "full").await;
    browser.see(&path).await.says("Change to Read Only");
    assert_eq!(permissions().await[0], json!(["xapi:all"]));
    change(&bot.email, "none").await;
    browser.see(&path).await.says("No bot has access");
    assert!(permissions().await.is_empty());

    for stranger in ["nobody@webex.bot", world.knows().admin.email.as_str()] {
        let page = change(stranger, "read").await;
        assert_eq!(page.status, 400, "{stranger}");
        page.says("No bot has this address").says(stranger);
    }
    assert_eq!(change(&bot.email, "everything").await.status, 404);
}

#[tokio::test]
async fn a_blocked_integration_loses_what_it_had_and_gets_nothing_until_it_is_allowed_again() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    let (client, someone) = (world.knows().integration.client_id.clone(), world.someone().await);
    browser.see("/hub/apps/integrations").await.says("No integrations yet");
    let reply = world.signed_in(&someone, "spark:people_read").await;
    let unspent = parameter(&world.consent(&someone, "spark:people_read", "accept").await, "code").unwrap();
    let half_way = world.authorize(&[]).await.text().await.unwrap();
    let credentials = [("form", nonce(&half_way)), ("email", &someone), ("password", &world.knows().admin.password)];
    let consent = world.submit("sign-in", &credentials).await.text().await.unwrap();

    browser.see("/hub/apps/integrations").await.says("Lanyard Integration").says(&client);
    browser
        .see(&format!("/hub/apps/integrations/{client}"))
        .await
        .says("Block this integration")
        .says("spark:people_read");
    let confirm = browser.see(&format!("/hub/apps/integrations/block?client={client}")).await;
    confirm.says("Block Lanyard Integration?");
    assert_eq!(browser.send("/hub/apps/integrations/block", &confirm, &[("client", &client)]).await.status, 303);
    browser.see("/hub/apps/integrations").await.says("Allow again");

    assert_eq!(world.status("/people/me", &text(&reply, "/access_token")).await, 401);
    assert_eq!(world.token_request(&world.exchange(&unspent)).await.0, 400, "nor does a code from before help");
    let late = location(&world.submit("consent", &[("form", nonce(&consent)), ("decision", "accept")]).await);
    let page = world.authorize(&[]).await.text().await.unwrap();
    let credentials = [("form", nonce(&page)), ("email", &someone), ("password", &world.knows().admin.password)];
    let back = location(&world.submit("sign-in", &credentials).await);
    for back in [late, back] {
        assert_eq!(parameter(&back, "error").unwrap(), "access_denied");
        assert_eq!(parameter(&back, "error_description").unwrap(), DENIED);
        assert_eq!(parameter(&back, "state").unwrap(), "s&1");
    }

    let page = browser.see("/hub/apps/integrations").await;
    browser.send("/hub/apps/integrations/allow", &page, &[("client", &client)]).await;
    world.signed_in(&someone, "spark:people_read").await;
}

#[tokio::test]
async fn all_integrations_can_be_blocked_and_nothing_else_ends() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    let (admin, knows) = (world.knows().admin.email.clone(), world.knows());
    let reply = world.signed_in(&admin, "spark:people_read").await;
    let machine = world.machine_token().await;
    let codes = async || -> Value {
        let form = [("client_id", knows.integration.client_id.as_str()), ("scope", "spark:people_read")];
        let request = world.http.post(world.url("/device/authorize")).form(&form);
        request.send().await.unwrap().json().await.unwrap()
    };
    let waiting = codes().await;
    let other = codes().await;
    let consent = browser.see(&format!("/v1/device?user_code={}", text(&other, "/user_code"))).await;
    let accept = [("form", consent.hidden("form")), ("decision", "accept")];
    browser.post("/v1/authorize/consent", &accept).await.says("Signed in");

    let confirm = browser.see("/hub/apps/integrations/block").await;
    browser.send("/hub/apps/integrations/block", &confirm, &[]).await;
    browser.see("/hub/apps/integrations").await.says("All integrations are blocked");
    assert_eq!(world.status("/people/me", &text(&reply, "/access_token")).await, 401);
    for token in [&machine, &knows.bot.access_token, &knows.personal.access_token] {
        assert_eq!(world.status("/people/me", token).await, 200);
    }
    let device = browser.open(&format!("/v1/device?user_code={}", text(&waiting, "/user_code"))).await;
    assert_eq!(device.status, 403);
    device.says(DENIED);
    for codes in [waiting, other] {
        let (grant, code) = ("urn:ietf:params:oauth:grant-type:device_code", text(&codes, "/device_code"));
        let poll = world.http.post(world.url("/device/token")).form(&[("grant_type", grant), ("device_code", &code)]);
        let app = &knows.integration;
        let poll = poll.basic_auth(&app.client_id, Some(&app.client_secret)).send().await.unwrap();
        assert_eq!(answer(poll).await.1["error"], "access_denied", "whoever had consented or not");
    }

    let page = browser.see("/hub/apps/integrations").await;
    browser.send("/hub/apps/integrations/allow", &page, &[]).await;
    world.signed_in(&admin, "spark:people_read").await;
}

#[tokio::test]
async fn people_are_listed_page_by_page_and_found_by_name_or_address() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    let knows = world.knows();
    browser.see("/hub/users").await.says("1 to 25 of 250").says("page=2").says(&knows.admin.email);
    browser.see("/hub/users?page=10").await.says("226 to 250 of 250").does_not_say("page=11");
    let found = browser.see(&format!("/hub/users?search={}", knows.admin.email.to_uppercase())).await;
    found.says("1 to 1 of 1").says(">administrator<");
    let (_, me) = world.read("/people/me", &knows.personal.access_token).await;
    browser.see(&format!("/hub/users/{}", text(&me, "/id"))).await.says("Full administrator").says(&knows.admin.email);
    browser.see("/hub/users?search=no%20such%20person").await.says("Nothing found");
    assert_eq!(browser.open("/hub/users/nobody").await.status, 404);
    let (_, licences) = world.read("/licenses", &knows.personal.access_token).await;
    let page = browser.see("/hub/licenses").await;
    for licence in licences["items"].as_array().unwrap() {
        page.says(&text(licence, "/name")).says(&format!(">{}<", licence["consumedUnits"]));
    }
}

#[tokio::test]
async fn an_administrator_gives_and_takes_licences_and_the_api_says_the_same() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    let token = world.knows().personal.access_token.clone();
    let (_, me) = world.read("/people/me", &token).await;
    let (path, api) =
        (format!("/hub/users/{}", text(&me, "/id")), format!("/people/{}?callingData=true", text(&me, "/id")));
    let (_, all) = world.read("/licenses", &token).await;
    let id = |name: &str| {
        let found = all["items"].as_array().unwrap().iter().find(|licence| licence["name"] == name).unwrap();
        text(found, "/id")
    };
    let (standard, messaging) = (id("Webex Calling - Standard"), id("Advanced Messaging"));
    let (_, locations) = world.read("/locations", &token).await;
    let location = text(&locations, "/items/1/id");
    let held = async || world.read(&api, &token).await.1["licenses"].as_array().unwrap().clone();

    let page = browser.see(&path).await;
    page.says("Full administrator").says("Messaging");
    let remove = browser.send(&format!("{path}/licenses/remove"), &page, &[("license", &messaging)]).await;
    assert_eq!(remove.location, path);
    assert!(!held().await.contains(&json!(messaging)));
    let add = async |extension: &str, licence: &str| {
        let fields = [("license", licence), ("extension", extension), ("location", &location)];
        browser.send(&format!("{path}/licenses/add"), &page, &fields).await
    };
    assert_eq!(add("", &messaging).await.location, path);
    assert!(held().await.contains(&json!(messaging)));

    let before = held().await;
    let without = add("", &standard).await;
    assert_eq!(without.status, 400);
    without.says("needs a phone number or an extension").says(&format!("value=\"{standard}\" selected"));
    without.says(&format!("value=\"{location}\" selected"));
    assert_eq!(held().await, before);
    assert_eq!(add("7001", &standard).await.location, path);
    let (_, person) = world.read(&api, &token).await;
    assert_eq!((&person["extension"], &person["locationId"]), (&json!("7001"), &json!(location)));
    browser.see(&path).await.says("extension 7001");
    assert_eq!(add("7001", "made-up").await.status, 404);
}
