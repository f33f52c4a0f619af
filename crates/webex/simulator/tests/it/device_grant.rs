//! Signing in by a code on another device (RFC 8628, and where Webex leaves it).

use serde_json::{Value, json};
use url::Url;

use crate::world::{Answer, World, answer, broker, gateway, nonce, text};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A device that has shown its code.
struct Device {
    world: World,
    codes: Value,
}

impl Device {
    async fn waiting() -> Self {
        let world = World::start().await;
        let (status, codes) = ask(&world, &[("scope", "spark:people_read spark-admin:people_read")]).await;
        assert_eq!(status, 200, "{codes}");
        Self { world, codes }
    }

    async fn poll(&self) -> Answer {
        let app = &self.world.knows().integration;
        poll(
            &self.world,
            Some((&app.client_id, &app.client_secret)),
            &[("device_code", &text(&self.codes, "/device_code"))],
        )
        .await
    }

    async fn later(&self, seconds: u64) -> Answer {
        self.pass(seconds).await;
        self.poll().await
    }

    async fn pass(&self, seconds: u64) {
        self.world.done("/clock", json!({ "advance_ms": seconds * 1000 })).await;
    }

    /// Types the code, signs in and decides as the person. Returns the last page: the result, or the page that went no further.
    async fn decide(&self, changes: &[(&str, &str)]) -> String {
        let (admin, code) = (&self.world.knows().admin, text(&self.codes, "/user_code"));
        let usual = [
            ("user_code", code.as_str()),
            ("email", &admin.email),
            ("password", &admin.password),
            ("decision", "accept"),
        ];
        let field = |name: &'static str| {
            let other = changes.iter().find(|(field, _)| *field == name);
            let (_, value) = other.or_else(|| usual.iter().find(|(field, _)| *field == name)).unwrap();
            (name, *value)
        };
        let code = [field("user_code")];
        let page = self.world.http.post(self.world.url("/device")).form(&code).send().await.unwrap();
        let page = page.text().await.unwrap();
        if !page.contains("name=\"password\"") {
            return page;
        }
        let credentials = [("form", nonce(&page)), field("email"), field("password")];
        let page = self.world.submit("sign-in", &credentials).await.text().await.unwrap();
        if !page.contains("name=\"decision\"") {
            return page;
        }
        let decision = [("form", nonce(&page)), field("decision")];
        self.world.submit("consent", &decision).await.text().await.unwrap()
    }
}

async fn ask(world: &World, changes: &[(&str, &str)]) -> Answer {
    let mut fields = vec![("client_id", world.knows().integration.client_id.as_str()), ("scope", "spark:people_read")];
    fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    answer(world.http.post(world.url("/device/authorize")).form(&fields).send().await.unwrap()).await
}

async fn poll(world: &World, basic: Option<(&str, &str)>, changes: &[(&str, &str)]) -> Answer {
    let mut fields = vec![("grant_type", GRANT), ("client_id", world.knows().integration.client_id.as_str())];
    fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    fields.extend(changes);
    let mut request = world.http.post(world.url("/device/token")).form(&fields);
    if let Some((client, secret)) = basic {
        request = request.basic_auth(client, Some(secret));
    }
    answer(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_device_shows_a_code_waits_and_gets_its_tokens_once() {
    let device = Device::waiting().await;
    let codes = &device.codes;
    assert_eq!((&codes["expires_in"], &codes["interval"]), (&json!(300), &json!(2)));
    let code = text(codes, "/user_code");
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    assert!(gateway(&device.poll().await, 428).contains("pending"));

    let page: Url = text(codes, "/verification_uri_complete").parse().unwrap();
    let shown = device.world.http.get(page).send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("Lanyard Integration") && shown.contains(&code), "{shown}");
    assert!(device.decide(&[]).await.contains("Signed in"));

    let (status, reply) = device.later(2).await;
    assert_eq!((status.as_u16(), &reply["token_type"]), (200, &json!("Bearer")), "{reply}");
    let (_, me) = device.world.got("/people/me", &text(&reply, "/access_token")).await;
    assert_eq!(me["emails"], json!([device.world.knows().admin.email]));
    assert!(reply["scope"].as_str().unwrap().contains("spark-admin:people_read") && reply["refresh_token"].is_string());
    broker(&device.later(2).await, 400, "expired_token");
    assert!(device.decide(&[]).await.contains("unknown or has expired"), "nor is the page's code good again");
}

#[tokio::test]
async fn polling_too_fast_is_slowed_down_for_good() {
    let device = Device::waiting().await;
    assert!(gateway(&device.poll().await, 428).contains("pending"));
    assert!(gateway(&device.later(1).await, 428).contains("slow_down"));
    assert!(gateway(&device.later(6).await, 428).contains("slow_down"), "it is seven seconds now");
    assert!(gateway(&device.later(12).await, 428).contains("pending"), "and twelve");

    // The words of the RFC in their place.
    device.world.behave(json!({ "device_pending": "rfc" })).await;
    broker(&device.later(12).await, 400, "authorization_pending");
    broker(&device.later(1).await, 400, "slow_down");
    device.decide(&[]).await;
    assert_eq!(device.poll().await.0, 200, "who has signed in waits no longer");
}

#[tokio::test]
async fn a_code_lasts_five_minutes() {
    let device = Device::waiting().await;
    device.pass(299).await;
    gateway(&device.poll().await, 428);
    broker(&device.later(1).await, 400, "expired_token");
    assert!(device.decide(&[]).await.contains("unknown or has expired"));
    broker(&device.poll().await, 400, "expired_token");
}

#[tokio::test]
async fn who_says_no_or_gets_the_password_wrong_gives_nothing() {
    let device = Device::waiting().await;
    for wrong in
        [("password", "wrong"), ("email", "nobody@nowhere.example"), ("email", &device.world.knows().bot.email)]
    {
        assert!(device.decide(&[wrong]).await.contains("password is wrong"), "{wrong:?}");
    }
    assert!(device.decide(&[("user_code", "000000x")]).await.contains("unknown or has expired"));
    gateway(&device.poll().await, 428);
    assert!(device.decide(&[("decision", "deny")]).await.contains("Denied"));
    broker(&device.later(2).await, 400, "access_denied");
    broker(&device.later(2).await, 400, "expired_token");
}

#[tokio::test]
async fn a_device_may_not_ask_for_what_the_app_has_not_or_for_openid() {
    let world = World::start().await;
    for change in [
        ("scope", "openid"),
        ("scope", "spark:people_read email"),
        ("scope", ""),
        ("scope", "spark:lasers"),
        ("client_id", "C0"),
        ("client_id", ""),
    ] {
        gateway(&ask(&world, &[change]).await, 400);
    }
}

#[tokio::test]
async fn the_poll_needs_basic_the_right_app_and_the_right_words() {
    let device = Device::waiting().await;
    let world = &device.world;
    let (app, fleet) = (&world.knows().integration, &world.knows().service_app);
    let code = text(&device.codes, "/device_code");
    let good = Some((app.client_id.as_str(), app.client_secret.as_str()));
    device.decide(&[]).await;
    let in_the_form = [("device_code", code.as_str()), ("client_secret", app.client_secret.as_str())];
    broker(&poll(world, None, &in_the_form).await, 401, "invalid_client");
    broker(&poll(world, Some((&app.client_id, "wrong")), &in_the_form).await, 401, "invalid_client");
    let other = Some((fleet.client_id.as_str(), fleet.client_secret.as_str()));
    broker(&poll(world, other, &[("device_code", &code)]).await, 400, "expired_token");
    broker(&poll(world, good, &[("device_code", "made-up")]).await, 400, "expired_token");
    gateway(&poll(world, good, &[]).await, 400);
    let refresh = [("grant_type", "refresh_token"), ("device_code", code.as_str())];
    broker(&poll(world, good, &refresh).await, 400, "unsupported_grant_type");
    assert_eq!(device.poll().await.0, 200, "none of that has spent the code");
}
