//! The developer portal, as a person goes through it.

use std::time::Duration;

use lanyard_simulator::Options;
use reqwest::Method;
use serde_json::json;

use crate::browser::Browser;
use crate::world::{REDIRECT, World, location, nonce, parameter, text};

#[tokio::test]
async fn a_bots_token_is_shown_once_and_regenerating_kills_it() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    let form = browser.see("/portal/bots/new").await;
    let fields = [("name", "Door Bell"), ("username", "door-bell")];
    let made = browser.send("/portal/bots/new", &form, &fields).await;
    made.says("Shown once").says("door-bell@webex.bot");
    let token = made.value("Bot access token");
    let (_, me) = world.read("/people/me", &token).await;
    assert_eq!((&me["type"], &me["displayName"]), (&json!("bot"), &json!("Door Bell")));

    let again = browser.send("/portal/bots/new", &form, &fields).await;
    assert_eq!(again.status, 400);
    again.says("is taken").says("value=\"Door Bell\"");
    browser.see("/portal").await.says("door-bell@webex.bot").does_not_say(&token);
    browser.see("/portal/bots/door-bell@webex.bot").await.says("Regenerate access token").does_not_say(&token);

    let confirm = browser.see("/portal/bots/door-bell@webex.bot/regenerate").await;
    confirm.says("stops working at once");
    assert_eq!(world.status("/people/me", &token).await, 200, "asking changes nothing");
    let fresh = browser.send("/portal/bots/door-bell@webex.bot/regenerate", &confirm, &[]).await;
    assert_eq!(world.status("/people/me", &token).await, 401);
    assert_eq!(world.status("/people/me", &fresh.value("Bot access token")).await, 200);
}

#[tokio::test]
async fn a_bot_has_the_icon_that_was_chosen() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    let form = browser.see("/portal/bots/new").await;
    let fields = [("name", "Door Bell"), ("username", "door-bell"), ("icon", "violet")];
    let token = browser.send("/portal/bots/new", &form, &fields).await.value("Bot access token");
    let avatar = text(&world.read("/people/me", &token).await.1, "/avatar");
    assert!(avatar.ends_with("/icons/violet.svg"), "{avatar}");
    let image = world.http.get(&avatar).send().await.unwrap();
    assert_eq!(image.headers()["content-type"], "image/svg+xml");
    browser.see("/portal/bots/door-bell@webex.bot").await.says(&avatar);
}

#[tokio::test]
async fn a_personal_token_is_shown_to_the_person_whose_it_is_for_twelve_hours() {
    let world = World::start().await;
    let someone = world.someone().await;
    let browser = Browser::of(&world, &someone).await;
    let home = browser.see("/portal").await;
    let token = browser.send("/portal/personal-token", &home, &[]).await.value("Personal access token");
    let (_, me) = world.read("/people/me", &token).await;
    assert_eq!(me["emails"][0], someone);
    world.pass(Duration::from_hours(12));
    assert_eq!(world.status("/people/me", &token).await, 401);
}

#[tokio::test]
async fn an_integration_made_in_the_portal_signs_people_in() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    let form = browser.see("/portal/integrations/new").await;
    let fields = [("name", "Wall Display"), ("redirect_uris", REDIRECT), ("scope", "spark:people_read")];
    let made = browser.send("/portal/integrations/new", &form, &fields).await;
    let (client, secret) = (made.value("Client ID"), made.value("Client secret"));

    let exchange = async |secret: &str| {
        let page = world.authorize(&[("client_id", &client)]).await.text().await.unwrap();
        assert!(page.contains("Wall Display"), "{page}");
        let admin = &world.knows().admin;
        let credentials = [("form", nonce(&page)), ("email", &admin.email), ("password", &admin.password)];
        let page = world.submit("sign-in", &credentials).await.text().await.unwrap();
        let back = location(&world.submit("consent", &[("form", nonce(&page)), ("decision", "accept")]).await);
        let code = parameter(&back, "code").unwrap();
        let mut fields = world.exchange(&code);
        fields[1].1 = &client;
        fields[2].1 = secret;
        world.token_request(&fields).await
    };
    let (status, reply) = exchange(&secret).await;
    assert_eq!((status.as_u16(), &reply["scope"]), (200, &json!("spark:people_read")), "{reply}");

    let page = browser.see(&format!("/portal/integrations/{client}")).await;
    page.says(REDIRECT).does_not_say(&secret);
    let path = format!("/portal/integrations/{client}/secret");
    let confirm = browser.see(&path).await;
    let fresh = browser.send(&path, &confirm, &[]).await.value("Client secret");
    assert_eq!(exchange(&secret).await.0, 401);
    assert_eq!(exchange(&fresh).await.0, 200);
}

#[tokio::test]
async fn a_form_that_is_wrong_says_where_and_keeps_what_was_typed() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    let form = browser.see("/portal/integrations/new").await;
    let good = [("name", "Wall"), ("redirect_uris", REDIRECT), ("scope", "spark:people_read")];
    for (field, value, words) in [
        ("name", " ", "needs a name"),
        ("redirect_uris", "not a uri", "is no URI"),
        ("redirect_uris", "javascript:alert(1)", "is no URI"),
        ("redirect_uris", "", "needs a redirect URI"),
        ("scope", "spark:lasers", "at least one scope"),
        ("scope", "", "at least one scope"),
    ] {
        let fields = good.map(|(name, usual)| (name, if name == field { value } else { usual }));
        let page = browser.send("/portal/integrations/new", &form, &fields).await;
        assert_eq!(page.status, 400, "{field} {value}");
        page.says(words).says("aria-describedby=\"problem");
        if field != "scope" {
            page.says("value=\"spark:people_read\" checked");
        }
    }
    for (name, username) in [("", "bell"), ("Bell", "größe"), ("Bell", "a b"), ("Bell", "")] {
        let form = browser.see("/portal/bots/new").await;
        let page = browser.send("/portal/bots/new", &form, &[("name", name), ("username", username)]).await;
        assert_eq!(page.status, 400, "{name} {username}");
    }
}

#[tokio::test]
async fn a_service_app_waits_for_its_administrator_and_dies_with_the_withdrawal() {
    let world = World::start().await;
    let someone = world.someone().await;
    let developer = Browser::of(&world, &someone).await;
    let administrator = Browser::administrator(&world).await;
    let form = developer.see("/portal/service-apps/new").await;
    let fields = [("name", "Fleet"), ("scope", "spark-admin:devices_read"), ("scope", "spark:people_read")];
    let made = developer.send("/portal/service-apps/new", &form, &fields).await;
    let (client, secret) = (made.value("Client ID"), made.value("Client secret"));
    let path = format!("/portal/service-apps/{client}");
    let hub = format!("/hub/apps/service-apps/{client}");
    assert_eq!(administrator.open(&hub).await.status, 404, "nobody has asked");

    let page = developer.see(&path).await;
    page.says("not requested").does_not_say("Generate tokens");
    let organisation = page.hidden("organisation").to_owned();
    let asked = developer.send(&format!("{path}/request"), &page, &[("organisation", &organisation)]).await;
    assert_eq!((asked.status, &asked.location), (303, &path));
    developer.see(&path).await.says("pending");
    let generate = [("organisation", organisation.as_str()), ("client_secret", secret.as_str())];
    let early = developer.send(&format!("{path}/tokens"), &page, &generate).await;
    assert_eq!(early.status, 400, "it is pending");

    administrator.see("/hub").await.says("One service app waits");
    let request = administrator.see(&hub).await;
    request.says("pending").says("See every device of your organization");
    assert_eq!(administrator.send(&format!("{hub}/authorize"), &request, &[]).await.status, 303);
    administrator.see(&hub).await.says("authorized").says("Withdraw authorization");

    let page = developer.see(&path).await;
    page.says("Generate tokens");
    let wrong = [("organisation", organisation.as_str()), ("client_secret", "wrong")];
    developer.send(&format!("{path}/tokens"), &page, &wrong).await.says("client secret is wrong");
    let tokens = developer.send(&format!("{path}/tokens"), &page, &generate).await;
    let (access, refresh) = (tokens.value("Access token"), tokens.value("Refresh token"));
    assert_eq!(world.status("/devices", &access).await, 200);
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", client.as_str()),
        ("client_secret", secret.as_str()),
        ("refresh_token", refresh.as_str()),
    ];
    let (status, renewed) = world.token_request(&fields).await;
    assert_eq!(status, 200, "{renewed}");

    let page = administrator.see(&hub).await;
    assert_eq!(administrator.send(&format!("{hub}/withdraw"), &page, &[]).await.status, 303);
    for token in [access, text(&renewed, "/access_token")] {
        assert_eq!(world.status("/devices", &token).await, 401);
    }
    assert_eq!(world.token_request(&fields).await.0, 400);
    developer.see(&path).await.says("not requested");
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_there() {
    let world = World::start().await;
    let someone = Browser::of(&world, &world.someone().await).await;
    let knows = world.knows();
    let mine = someone.see("/portal").await;
    mine.says("You have made none yet");
    for path in [
        format!("/portal/bots/{}", knows.bot.email),
        format!("/portal/bots/{}/regenerate", knows.bot.email),
        format!("/portal/integrations/{}", knows.integration.client_id),
        format!("/portal/integrations/{}/edit", knows.integration.client_id),
        format!("/portal/service-apps/{}", knows.service_app.client_id),
        format!("/portal/service-apps/{}/secret", knows.service_app.client_id),
        format!("/portal/bots/{}", knows.admin.email),
        "/portal/nothing".to_owned(),
    ] {
        assert_eq!(someone.open(&path).await.status, 404, "{path}");
        let posted = someone.send(&path, &mine, &[]).await.status;
        assert!(matches!(posted, 404 | 405), "{path}: {posted}");
    }
    assert_eq!(world.status("/people/me", &knows.bot.access_token).await, 200);

    let form = someone.see("/portal/bots/new").await;
    someone.send("/portal/bots/new", &form, &[("name", "Bell"), ("username", "bell")]).await;
    let administrator = Browser::administrator(&world).await;
    assert_eq!(administrator.open("/portal/bots/bell@webex.bot").await.status, 404, "not even for an administrator");
    let all = administrator.see("/portal").await;
    all.does_not_say("bell@webex.bot");
    for name in [&knows.bot.email, &knows.integration.client_id, &knows.service_app.client_id] {
        all.says(name);
    }
}

#[tokio::test]
async fn a_bot_belongs_to_its_makers_organisation() {
    let world = World::with(Options { organisations: 2, people: 5, ..Options::default() }).await;
    let (_, organisations) = world.control(Method::GET, "/organisations", json!({})).await;
    let browser = Browser::of(&world, &text(&organisations[1], "/admin/email")).await;
    let form = browser.see("/portal/bots/new").await;
    let made = browser.send("/portal/bots/new", &form, &[("name", "Bell"), ("username", "bell")]).await;
    let (_, me) = world.read("/people/me", &made.value("Bot access token")).await;
    assert_eq!((&me["type"], &me["orgId"]), (&json!("bot"), &organisations[1]["id"]));
    browser.see("/portal").await.says("bell@webex.bot");
    Browser::administrator(&world).await.see("/portal").await.does_not_say("bell@webex.bot");
}

#[tokio::test]
async fn names_are_text_and_never_markup() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    let name = "<b id=x>\"'&";
    let form = browser.see("/portal/bots/new").await;
    browser.send("/portal/bots/new", &form, &[("name", name), ("username", "x")]).await.does_not_say("<b id");
    let app = json!({ "name": name, "redirect_uris": [REDIRECT], "scopes": ["spark:people_read"] });
    let (_, app) = world.control(Method::POST, "/clients", app).await;
    let client = text(&app, "/client_id");
    let consent = format!("/portal/integrations/{client}");
    for path in ["/portal", "/portal/bots/x@webex.bot", &consent, "/hub/users?search=%3Cb%20id%3Dx%3E"] {
        browser.see(path).await.does_not_say("<b id").says("&#60;b id");
    }
}

#[tokio::test]
async fn an_app_that_is_changed_may_ask_for_more() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    let form = browser.see("/portal/integrations/new").await;
    let fields = [("name", "Wall"), ("redirect_uris", REDIRECT), ("scope", "spark:people_read")];
    let client = browser.send("/portal/integrations/new", &form, &fields).await.value("Client ID");
    let path = format!("/portal/integrations/{client}/edit");
    let form = browser.see(&path).await;
    form.says("value=\"Wall\"").says(REDIRECT);
    let refused = browser.send(&path, &form, &[("name", "Wall"), ("redirect_uris", "x"), ("scope", "spark:kms")]).await;
    assert_eq!(refused.status, 400);
    refused.says("is no URI");

    let wanted = [("client_id", client.as_str()), ("scope", "spark:rooms_read")];
    let before = world.authorize(&wanted).await;
    assert_eq!(parameter(&location(&before), "error").as_deref(), Some("invalid_scope"));
    let fields = [("name", "Wall 2"), ("redirect_uris", REDIRECT), ("scope", "spark:rooms_read")];
    browser.send(&path, &form, &fields).await;
    browser.see(&format!("/portal/integrations/{client}")).await.says("Wall 2").does_not_say("spark:people_read");
    let after = world.authorize(&wanted).await.text().await.unwrap();
    assert!(after.contains("Wall 2"), "{after}");
}
