//! Service apps: authorised in one organisation after the other, each with tokens of its own.

use lanyard_protocol::WebexId;
use lanyard_simulator::Options;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, World, answer, text};

/// A service app that a test registered.
struct App {
    id: String,
    client: String,
    secret: String,
}

impl App {
    async fn registered(world: &World) -> Self {
        let scopes = json!({"scopes": ["spark:people_read"]});
        let (status, app) = world.control(Method::POST, "/service-apps", scopes).await;
        assert_eq!(status, 201, "{app}");
        Self {
            id: text(&app, "/application_id"),
            client: text(&app, "/client_id"),
            secret: text(&app, "/client_secret"),
        }
    }

    async fn decided(&self, world: &World, decision: &str, organisation: &str) -> Answer {
        let path = format!("/service-apps/{}/{decision}", self.id);
        world.control(Method::POST, &path, json!({"organisation_id": organisation})).await
    }

    fn order(&self, organisation: &str) -> Value {
        json!({"clientId": self.client, "clientSecret": self.secret, "targetOrgId": organisation})
    }

    /// Asks for a pair with the administrator's personal token.
    async fn mint(&self, world: &World, order: Value) -> Answer {
        let path = format!("/applications/{}/token", self.id);
        world.tell(&path, &world.knows().personal.access_token, order).await
    }

    async fn refresh(&self, world: &World, token: &str) -> Answer {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.client),
            ("client_secret", &self.secret),
            ("refresh_token", token),
        ];
        world.token_request(&fields).await
    }
}

async fn world() -> World {
    World::with(Options { organisations: 3, people: 5, ..Options::default() }).await
}

/// The ids of all organisations.
async fn organisations(world: &World) -> Vec<String> {
    let (_, all) = world.control(Method::GET, "/organisations", json!({})).await;
    all.as_array().unwrap().iter().map(|organisation| text(organisation, "/id")).collect()
}

#[tokio::test]
async fn one_app_acts_in_each_organisation_as_a_machine_account_of_that_organisation() {
    let world = world().await;
    let app = App::registered(&world).await;
    let mut subjects = Vec::new();
    for organisation in organisations(&world).await {
        let (_, authorised) = app.decided(&world, "authorise", &organisation).await;
        let (status, pair) = app.refresh(&world, &text(&authorised, "/refresh_token")).await;
        assert_eq!(status, 200, "{pair}");
        let token = text(&pair, "/access_token");
        let uuid = WebexId::decode(&organisation).unwrap().value;
        assert!(token.ends_with(&format!("_{uuid}")), "{token} ends in {uuid}");
        let (_, me) = world.read("/people/me", &token).await;
        assert_eq!((&me["type"], &me["orgId"]), (&json!("appuser"), &json!(organisation)));
        subjects.push(text(&me, "/id"));
    }
    assert_eq!(subjects.len(), 3);
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), 3, "no account serves two organisations");
}

#[tokio::test]
async fn further_organisations_leave_the_first_as_it_is() {
    let (alone, among) = (World::with(Options { people: 5, ..Options::default() }).await, world().await);
    assert_eq!(alone.knows().organisation, among.knows().organisation);
    assert_eq!(alone.knows().integration.client_id, among.knows().integration.client_id);
    let mut lists = Vec::new();
    for world in [&alone, &among] {
        let (_, list) = world.read("/people", &world.knows().personal.access_token).await;
        lists.push(list["items"].as_array().unwrap().iter().map(|person| person["id"].clone()).collect::<Vec<_>>());
    }
    assert!(lists[0].len() >= 5, "{lists:?}");
    assert_eq!(lists[0], lists[1]);

    let (_, all) = among.control(Method::GET, "/organisations", json!({})).await;
    let emails: Vec<_> = (0..3).map(|index| text(&all[index], "/admin/email")).collect();
    assert_eq!(emails[0], among.knows().admin.email);
    let reply = among.signed_in(&emails[2], "spark:people_read").await;
    let (_, me) = among.read("/people/me", &text(&reply, "/access_token")).await;
    assert_eq!((&me["orgId"], &me["emails"][0]), (&all[2]["id"], &json!(emails[2])));
}

#[tokio::test]
async fn a_pair_is_asked_for_by_api_and_the_earlier_one_lives_on() {
    let world = world().await;
    let app = App::registered(&world).await;
    let second = organisations(&world).await.remove(1);
    app.decided(&world, "authorise", &second).await;
    let (status, first) = app.mint(&world, app.order(&second)).await;
    assert_eq!(status, 200, "{first}");
    let mut fields: Vec<_> = first.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["access_token", "expires_in", "refresh_token", "refresh_token_expires_in", "token_type"]);
    assert_eq!((&first["expires_in"], &first["refresh_token_expires_in"]), (&json!(1_209_599), &json!(7_775_999)));

    let (_, again) = app.mint(&world, app.order(&second)).await;
    for field in ["access_token", "refresh_token"] {
        assert_ne!(first[field], again[field], "{field}");
    }
    for pair in [&first, &again] {
        assert_eq!(world.status("/people/me", &text(pair, "/access_token")).await, 200);
        assert_eq!(app.refresh(&world, &text(pair, "/refresh_token")).await.0, 200);
    }
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_pair_is_told_apart() {
    let world = world().await;
    let app = App::registered(&world).await;
    let all = organisations(&world).await;
    app.decided(&world, "authorise", &all[1]).await;
    let path = format!("/applications/{}/token", app.id);
    let says = |answer: &Answer, status: u16, words: &str| {
        assert_eq!(answer.0.as_u16(), status, "{}", answer.1);
        assert!(answer.1["message"].as_str().unwrap().contains(words), "{}", answer.1);
        assert!(answer.1["trackingId"].is_string(), "{}", answer.1);
    };
    says(&world.tell(&path, "made-up", app.order(&all[1])).await, 401, "valid access token");
    let narrow = world.signed_in(&world.knows().admin.email, "spark:people_read").await;
    let narrow = text(&narrow, "/access_token");
    says(&world.tell(&path, &narrow, app.order(&all[1])).await, 403, "missing required scopes");
    let wrong = |field: &str| {
        let mut order = app.order(&all[1]);
        order[field] = json!("wrong");
        order
    };
    for field in ["clientId", "clientSecret"] {
        says(&app.mint(&world, wrong(field)).await, 400, "Invalid client credentials");
    }
    for order in [app.order(&all[2]), wrong("targetOrgId")] {
        says(&app.mint(&world, order).await, 403, "not authorized by a full administrator");
    }
    says(&app.mint(&world, json!({"clientId": app.client})).await, 400, "required");
    let unknown = App { id: "unknown".to_owned(), ..app };
    says(&unknown.mint(&world, unknown.order(&all[1])).await, 404, "could not be found");
}

#[tokio::test]
async fn a_withdrawal_ends_all_tokens_of_that_organisation_and_of_no_other() {
    let world = world().await;
    let app = App::registered(&world).await;
    let all = organisations(&world).await;
    let mut pairs = Vec::new();
    for organisation in &all[..2] {
        app.decided(&world, "authorise", organisation).await;
        pairs.push(app.mint(&world, app.order(organisation)).await.1);
    }
    let (_, me) = world.read("/people/me", &text(&pairs[0], "/access_token")).await;
    let machine = me["id"].clone();
    assert!(machine.is_string(), "{me}");
    assert_eq!(app.decided(&world, "withdraw", &all[0]).await.0, 200);
    assert_eq!(app.decided(&world, "withdraw", &all[0]).await.0, 404, "it is withdrawn");

    let (gone, kept) = (&pairs[0], &pairs[1]);
    assert_eq!(world.status("/people/me", &text(gone, "/access_token")).await, 401);
    let (status, dead) = app.refresh(&world, &text(gone, "/refresh_token")).await;
    assert_eq!((status, &dead["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
    assert!(dead["error_description"].as_str().unwrap().contains("expired, revoked"), "{dead}");
    assert_eq!(app.mint(&world, app.order(&all[0])).await.0, 403);
    assert_eq!(world.status("/people/me", &text(kept, "/access_token")).await, 200);
    assert_eq!(app.refresh(&world, &text(kept, "/refresh_token")).await.0, 200);

    app.decided(&world, "authorise", &all[0]).await;
    let (status, back) = app.mint(&world, app.order(&all[0])).await;
    assert_eq!(status, 200, "{back}");
    let (_, me) = world.read("/people/me", &text(&back, "/access_token")).await;
    assert_eq!(me["id"], machine, "the app comes back as the account that it had");
}

#[tokio::test]
async fn the_control_plane_lists_service_apps_and_where_they_are_authorised() {
    let world = world().await;
    let app = App::registered(&world).await;
    let all = organisations(&world).await;
    assert_eq!(app.decided(&world, "authorise", "nowhere").await.0, 404);
    for organisation in &all[1..] {
        app.decided(&world, "authorise", organisation).await;
    }
    let (_, apps) = world.control(Method::GET, "/service-apps", json!({})).await;
    let authorised = |id: &str| {
        let found = apps.as_array().unwrap().iter().find(|app| app["application_id"] == id).unwrap();
        let ids: Vec<_> = found["authorised_in"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        ids
    };
    assert_eq!(authorised(&world.knows().service_app.application_id), [&all[0]]);
    let mine = authorised(&app.id);
    assert!(mine.len() == 2 && all[1..].iter().all(|id| mine.contains(&id.as_str())), "{mine:?}");

    let without = world.http.post(format!("{}/service-apps", world.knows().control_url)).send().await.unwrap();
    assert_eq!(answer(without).await.0, 401);
}
