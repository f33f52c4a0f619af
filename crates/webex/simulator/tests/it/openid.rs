//! Login with Webex: ID tokens, the keys that verify them, and userinfo.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::browser::Browser;
use crate::world::{World, answer, location, nonce, parameter, text};

const SCOPES: &str = "openid email profile";

fn bytes(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// The claims of an ID token that the simulator's keys verify for this app.
async fn verified(world: &World, token: &str, audience: &str) -> Result<Value, &'static str> {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&bytes(header)).unwrap();
    let (_, metadata) = got(world, "/idb/.well-known/openid-configuration").await;
    let keys: Value = world.http.get(text(&metadata, "/jwks_uri")).send().await.unwrap().json().await.unwrap();
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).ok_or("no such key")?;
    assert_eq!((&key["alg"], &header["alg"]), (&json!("RS256"), &json!("RS256")));
    let key = RsaPublicKeyComponents { n: bytes(&text(key, "/n")), e: bytes(&text(key, "/e")) };
    let verified = key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &bytes(signature));
    verified.map_err(|_| "the signature is wrong")?;
    let claims: Value = serde_json::from_slice(&bytes(claims)).unwrap();
    if claims["aud"] != audience {
        return Err("it is another app's");
    }
    assert_eq!(claims["iss"], metadata["issuer"]);
    Ok(claims)
}

async fn got(world: &World, path: &str) -> (reqwest::StatusCode, Value) {
    answer(world.http.get(Browser::new(world).address(path)).send().await.unwrap()).await
}

/// The token reply of a sign-in with these changes to the request.
async fn signed_in(world: &World, changes: &[(&str, &str)]) -> Value {
    let page = world.authorize(changes).await.text().await.unwrap();
    let admin = &world.knows().admin;
    let credentials = [("form", nonce(&page)), ("email", &admin.email), ("password", &admin.password)];
    let page = world.submit("sign-in", &credentials).await.text().await.unwrap();
    let back = location(&world.submit("consent", &[("form", nonce(&page)), ("decision", "accept")]).await);
    let (status, reply) = world.token_request(&world.exchange(&parameter(&back, "code").unwrap())).await;
    assert_eq!(status, 200, "{reply}");
    reply
}

#[tokio::test]
async fn an_id_token_says_who_signed_in_to_which_app_and_is_signed() {
    let world = World::start().await;
    let reply = signed_in(&world, &[("scope", SCOPES), ("nonce", "n-0S6")]).await;
    let (token, client) = (text(&reply, "/id_token"), world.knows().integration.client_id.clone());
    let claims = verified(&world, &token, &client).await.unwrap();
    let now = world.clock_seconds();
    assert_eq!((&claims["nonce"], &claims["iat"], &claims["auth_time"]), (&json!("n-0S6"), &json!(now), &json!(now)));
    assert_eq!(claims["exp"], json!(now + 3600));
    let hash = Sha256::digest(text(&reply, "/access_token").as_bytes());
    assert_eq!(bytes(&text(&claims, "/at_hash")), hash[..16]);

    assert_eq!(verified(&world, &token, "C0").await, Err("it is another app's"));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let other = URL_SAFE_NO_PAD.encode(json!({ "aud": client, "sub": "somebody" }).to_string());
    let forged = format!("{header}.{other}.{signature}");
    assert_eq!(verified(&world, &forged, &client).await, Err("the signature is wrong"));
}

#[tokio::test]
async fn userinfo_tells_what_the_scopes_allow_and_the_same_subject() {
    let world = World::start().await;
    let reply = signed_in(&world, &[("scope", SCOPES)]).await;
    let claims = verified(&world, &text(&reply, "/id_token"), &world.knows().integration.client_id).await.unwrap();
    assert!(claims.get("nonce").is_none(), "{claims}");
    let token = text(&reply, "/access_token");
    let (status, who) = world.read("/userinfo", &token).await;
    assert_eq!((status.as_u16(), &who["sub"]), (200, &claims["sub"]), "{who}");
    assert_eq!((&who["email"], &who["email_verified"]), (&json!(world.knows().admin.email), &json!("true")));
    let (_, posted) = world.tell("/userinfo", &token, json!({})).await;
    assert_eq!(posted, who);
    let (_, me) = world.read("/people/me", &world.knows().personal.access_token).await;
    assert_eq!(who["name"], me["displayName"]);
    assert_eq!(world.status("/people/me", &token).await, 403, "that is another scope");

    let bare = signed_in(&world, &[("scope", "openid")]).await;
    let (_, who) = world.read("/userinfo", &text(&bare, "/access_token")).await;
    assert_eq!(who, json!({ "sub": claims["sub"] }));
    let without = signed_in(&world, &[("scope", "spark:people_read")]).await;
    assert!(without.get("id_token").is_none(), "{without}");
    assert_eq!(world.status("/userinfo", &text(&without, "/access_token")).await, 403);
    assert_eq!(world.status("/userinfo", &world.knows().bot.access_token).await, 403);
    assert_eq!(world.status("/userinfo", "made-up").await, 401);
}

#[tokio::test]
async fn discovery_leads_to_everything_and_its_issuer_is_where_it_stands() {
    let world = World::start().await;
    let (status, metadata) = got(&world, "/.well-known/openid-configuration").await;
    assert_eq!(status, 200);
    assert_eq!(metadata["issuer"], Browser::new(&world).address("/idb"));
    assert_eq!(got(&world, "/idb/.well-known/openid-configuration").await.1, metadata);
    for (name, path) in [
        ("authorization_endpoint", "/authorize"),
        ("token_endpoint", "/access_token"),
        ("userinfo_endpoint", "/userinfo"),
    ] {
        assert_eq!(metadata[name], world.url(path));
    }
}

#[tokio::test]
async fn without_a_page_there_is_an_answer_for_who_is_signed_in_and_has_consented() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    let silent = async |browser: &Browser<'_>, scope: &str| {
        let url = world.authorize_url(&[("prompt", "none"), ("scope", scope)]);
        let page = browser.open(url.strip_prefix(&browser.address("")).unwrap()).await;
        assert_eq!(page.status, 302, "{}", page.html);
        page.location.parse::<url::Url>().unwrap()
    };
    let error = |back: &url::Url| parameter(back, "error").unwrap();
    assert_eq!(error(&silent(&Browser::new(&world), SCOPES).await), "login_required");
    assert_eq!(error(&silent(&browser, SCOPES).await), "consent_required");
    world.signed_in(&world.knows().admin.email, SCOPES).await;
    assert_eq!(error(&silent(&Browser::new(&world), SCOPES).await), "login_required");
    world.pass(Duration::from_mins(1));
    let back = silent(&browser, "openid").await;
    let (_, reply) = world.token_request(&world.exchange(&parameter(&back, "code").unwrap())).await;
    let claims = verified(&world, &text(&reply, "/id_token"), &world.knows().integration.client_id).await.unwrap();
    assert_eq!(claims["auth_time"], json!(world.clock_seconds() - 60), "when the person signed in");
    assert_eq!(error(&silent(&browser, "openid spark:people_read").await), "consent_required");
    let mixed = location(&world.authorize(&[("prompt", "none login")]).await);
    assert_eq!(error(&mixed), "invalid_request");
}

#[tokio::test]
async fn who_is_signed_in_goes_straight_to_the_consent_unless_the_app_wants_the_account_chosen() {
    let world = World::start().await;
    let browser = Browser::administrator(&world).await;
    let open = async |changes: &[(&str, &str)]| {
        let url = world.authorize_url(changes);
        browser.see(url.strip_prefix(&browser.address("")).unwrap()).await
    };
    let consent = open(&[]).await;
    consent.says("Allow access?").says(&world.knows().admin.email);
    open(&[("prompt", "select_account")]).await.says("name=\"password\"").does_not_say("Allow access?");
    let form = consent.hidden("form");
    let other = browser.post("/v1/authorize/consent", &[("form", form), ("decision", "switch")]).await;
    other.says("name=\"password\"").says("Lanyard Integration");
    let someone = world.someone().await;
    let credentials =
        [("form", other.hidden("form")), ("email", &someone), ("password", &world.knows().admin.password)];
    browser.post("/v1/authorize/sign-in", &credentials).await.says(&someone).says("Allow access?");
}
