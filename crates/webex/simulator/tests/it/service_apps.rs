//! Service apps: one registration, authorised in one organisation after the other.

use lanyard_simulator::Options;
use serde_json::{Value, json};

use crate::world::{Answer, World, answer, broker, gateway, text};

/// A service app that nobody has authorised yet, in a Webex of three organisations.
struct App {
    world: World,
    id: String,
    client: String,
    secret: String,
}

impl App {
    async fn registered() -> Self {
        let world = World::with(Options { organisations: 3, ..Options::default() }).await;
        let scopes = json!({ "scopes": ["spark-admin:people_read", "spark-admin:devices_read", "spark:people_read"] });
        let app = world.done("/service-apps", scopes).await;
        let field = |name: &str| text(&app, name);
        Self { id: field("/application_id"), client: field("/client_id"), secret: field("/client_secret"), world }
    }

    async fn authorise(&self, organisation: &str) -> String {
        let path = format!("/service-apps/{}/authorise", self.id);
        text(&self.world.done(&path, json!({ "organisation_id": organisation })).await, "/refresh_token")
    }

    async fn withdraw(&self, organisation: &str) -> Value {
        let path = format!("/service-apps/{}/withdraw", self.id);
        self.world.done(&path, json!({ "organisation_id": organisation })).await["ended"].clone()
    }

    async fn mint(&self, organisation: &str) -> Answer {
        let order = json!({ "clientId": self.client, "clientSecret": self.secret, "targetOrgId": organisation });
        let via = self.world.knows().personal.access_token.clone();
        self.world.posted(&format!("/applications/{}/token", self.id), &via, &order).await
    }

    async fn refresh(&self, token: &str) -> Answer {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", self.client.as_str()),
            ("client_secret", self.secret.as_str()),
            ("refresh_token", token),
        ];
        self.world.token_request(&fields).await
    }
}

fn ids(organisations: &[Value]) -> Vec<String> {
    organisations.iter().map(|organisation| text(organisation, "/id")).collect()
}

#[tokio::test]
async fn nobody_gets_tokens_before_an_administrator_has_authorised_the_app_there() {
    let app = App::registered().await;
    let [first, second, _] = &ids(&app.world.organisations().await)[..] else { panic!("three were asked for") };
    let refused = gateway(&app.mint(first).await, 403);
    assert!(refused.contains("not authorized by a full administrator"), "{refused}");

    let refresh = app.authorise(first).await;
    let (status, reply) = app.mint(first).await;
    assert_eq!((status.as_u16(), reply.get("scope")), (200, None), "{reply}");
    assert_eq!((&reply["expires_in"], &reply["refresh_token_expires_in"]), (&json!(1_209_599), &json!(7_775_999)));
    assert_ne!(text(&reply, "/refresh_token"), refresh, "each order starts a grant of its own");
    gateway(&app.mint(second).await, 403);

    // From then on it is the ordinary refresh, and that one names the scopes.
    let (status, renewed) = app.refresh(&text(&reply, "/refresh_token")).await;
    assert_eq!((status.as_u16(), renewed["scope"].is_string()), (200, true), "{renewed}");
    assert_eq!(app.refresh(&refresh).await.0, 200, "the portal's refresh token lives beside it");
    let (_, me) = app.world.got("/people/me", &text(&renewed, "/access_token")).await;
    assert_eq!((&me["type"], &me["orgId"]), (&json!("appuser"), &json!(first)));
}

#[tokio::test]
async fn an_order_that_does_not_fit_is_refused_for_what_is_wrong_with_it() {
    let app = App::registered().await;
    let (world, organisation) = (&app.world, app.world.knows().organisation.id.clone());
    app.authorise(&organisation).await;
    let path = format!("/applications/{}/token", app.id);
    let good = json!({ "clientId": app.client, "clientSecret": app.secret, "targetOrgId": organisation });
    let with = |field: &str, value: Value| {
        let mut order = good.clone();
        order[field] = value;
        order
    };
    let via = world.knows().personal.access_token.clone();
    for (order, status) in [
        (with("clientSecret", json!("wrong")), 400),
        (with("clientId", json!("C0")), 400),
        (with("clientId", json!(world.knows().integration.client_id)), 400),
        (with("clientSecret", Value::Null), 400),
        (json!("not an object"), 400),
        (with("targetOrgId", json!("nowhere")), 403),
        (with("targetOrgId", json!(world.knows().service_app.application_id)), 403),
    ] {
        gateway(&world.posted(&path, &via, &order).await, status);
    }
    let unknown = format!("/applications/{}/token", world.knows().organisation.id);
    gateway(&world.posted(&unknown, &via, &good).await, 404);
    gateway(&world.posted(&path, "made-up", &good).await, 401);

    let scoped = async |scope| text(&world.signed_in(&world.knows().admin.email, scope).await, "/access_token");
    gateway(&world.posted(&path, &scoped("spark:people_read").await, &good).await, 403);
    gateway(&world.posted(&path, &world.knows().bot.access_token, &good).await, 403);
    let permitted = scoped("spark:applications_token").await;
    assert_eq!(world.posted(&path, &permitted, &good).await.0, 200);
    assert_eq!(
        world.posted(&path.replace("/token", "==/token"), &permitted, &good).await.0,
        200,
        "padding is no matter"
    );
}

#[tokio::test]
async fn in_each_organisation_an_app_sees_that_one_alone() {
    let app = App::registered().await;
    let world = &app.world;
    let organisations = ids(&world.organisations().await);
    let mut seen = Vec::new();
    for organisation in &organisations {
        app.authorise(organisation).await;
        let token = text(&app.mint(organisation).await.1, "/access_token");
        let (_, people) = world.got("/people?max=1000", &token).await;
        let people = people["items"].as_array().unwrap().clone();
        assert!(people.iter().all(|person| person["orgId"] == organisation.as_str()));
        seen.push((token, text(&people[0], "/id"), people.len()));
    }
    assert_eq!(seen.iter().map(|(.., count)| *count).collect::<Vec<_>>(), [250, 3, 3]);

    let (first, second) = (&seen[0], &seen[1]);
    let (_, devices) = world.got("/devices", &first.0).await;
    let device = text(&devices, "/items/0/id");
    assert_eq!(world.status(&format!("/devices/{device}"), &first.0).await, 200);
    gateway(&world.got(&format!("/devices/{device}"), &second.0).await, 404);
    assert_eq!(world.got("/devices", &second.0).await.1["items"], json!([]));
    gateway(&world.got(&format!("/people/{}", first.1), &second.0).await, 404);
    gateway(&world.got(&format!("/people/{}", second.1), &first.0).await, 404);
    let (_, found) = world.got(&format!("/people?id={}", second.1), &first.0).await;
    assert_eq!((&found["items"], &found["notFoundIds"]), (&json!([]), &json!([second.1])));
    let (_, found) = world.got(&format!("/people?email={}", world.knows().admin.email), &second.0).await;
    assert_eq!(found["items"], json!([]));
}

#[tokio::test]
async fn another_organisations_administrator_sees_nothing_of_the_first_one() {
    let world = World::with(Options { organisations: 2, ..Options::default() }).await;
    let own = world.knows().personal.access_token.clone();
    let other = world.administrator_of(&world.organisations().await[1]).await;
    let items = async |path: &str, token: &str| world.got(path, token).await.1["items"].as_array().unwrap().clone();
    assert!(!items("/devices", &own).await.is_empty() && !items("/workspaces", &own).await.is_empty());
    assert!(items("/devices", &other).await.is_empty());
    assert!(items("/workspaces", &other).await.is_empty());
    for path in ["/people", "/organizations", "/licenses", "/locations"] {
        let of = async |token: &str| items(path, token).await.iter().map(|item| text(item, "/id")).collect::<Vec<_>>();
        let (own, other) = (of(&own).await, of(&other).await);
        assert!(!other.is_empty() && other.iter().all(|id| !own.contains(id)), "{path}: {other:?}");
    }
    let workspace = text(&items("/workspaces", &own).await[0], "/id");
    gateway(&world.got(&format!("/workspaces/{workspace}"), &other).await, 404);
    gateway(&world.got(&format!("/organizations/{}", world.knows().organisation.id), &other).await, 404);
    let email = &world.knows().admin.email;
    gateway(&world.got(&format!("/authorizations?personEmail={email}"), &other).await, 404);
}

#[tokio::test]
async fn a_withdrawal_ends_every_token_of_that_organisation_and_no_other() {
    let app = App::registered().await;
    let world = &app.world;
    let organisations = ids(&world.organisations().await);
    let mut tokens = Vec::new();
    for organisation in &organisations {
        app.authorise(organisation).await;
        let (_, reply) = app.mint(organisation).await;
        tokens.push((text(&reply, "/access_token"), text(&reply, "/refresh_token")));
    }
    assert_eq!(app.withdraw(&organisations[1]).await, json!(2), "the portal's grant and the ordered one");
    for (number, (access, refresh)) in tokens.iter().enumerate() {
        let withdrawn = number == 1;
        assert_eq!(world.status("/people/me", access).await, if withdrawn { 401 } else { 200 }, "{number}");
        let refreshed = app.refresh(refresh).await;
        if withdrawn {
            broker(&refreshed, 400, "invalid_request");
        } else {
            assert_eq!(refreshed.0, 200, "{number}");
        }
    }
    gateway(&app.mint(&organisations[1]).await, 403);

    // Authorised again it is the same machine account, and the old tokens stay dead.
    app.authorise(&organisations[1]).await;
    assert_eq!(app.mint(&organisations[1]).await.0, 200);
    broker(&app.refresh(&tokens[1].1).await, 400, "invalid_request");
}

#[tokio::test]
async fn a_password_change_does_not_touch_a_service_app() {
    let world = World::start().await;
    let machine = world.machine().await;
    let email = world.knows().admin.email.clone();
    let signed_in = world.signed_in(&email, "spark:people_read").await;
    world.done(&format!("/people/{email}/change-password"), json!({})).await;
    assert_eq!(world.status("/people/me", &text(&signed_in, "/access_token")).await, 401);
    assert_eq!(world.status("/people/me", &world.knows().personal.access_token).await, 401);
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", &world.knows().integration.client_id),
        ("client_secret", &world.knows().integration.client_secret),
        ("refresh_token", &text(&signed_in, "/refresh_token")),
    ];
    let refused = world.http.post(world.url("/access_token")).form(&fields).send().await.unwrap();
    broker(&answer(refused).await, 400, "invalid_request");
    assert_eq!(world.status("/people/me", &machine).await, 200);
    assert_eq!(world.status("/people/me", &world.knows().bot.access_token).await, 200);
}
