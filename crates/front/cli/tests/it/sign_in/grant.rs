//! The credential that a sign-in creates or replaces.

use lanyard_testkit::{Ended, Home, Method, Options, Running, SCOPES, Webex};
use serde_json::{Value, json};

use super::{desk, login};
use crate::LANYARD;

/// Signs in as somebody, with these arguments beside.
fn sign_in(webex: &Webex, home: &Home, email: &str, arguments: &[&str]) -> Ended {
    let (login, url) = login(home, &[&["acme"], arguments].concat());
    webex.browse(&webex.signs_in(email, &url, true));
    login.end()
}

/// The live grants of whoever has that address.
fn grants(webex: &Webex, email: &str) -> usize {
    let grants = webex.control(Method::GET, "/grants", None);
    let of_app = |grant: &&Value| grant["client_id"] == webex.description().integration.client_id.as_str();
    grants.as_array().into_iter().flatten().filter(of_app).filter(|grant| grant["subject"]["email"] == email).count()
}

#[test]
fn signing_in_again_replaces_the_grant_under_the_same_name_and_id() {
    let (webex, home) = desk(Options::default());
    let admin = webex.description().admin.email.clone();
    sign_in(&webex, &home, &admin, &["--app", "desk"]).ok();
    let (before, token) = (home.show("acme"), home.token());

    sign_in(&webex, &home, &admin, &[]).ok();
    let after = home.show("acme");
    assert_eq!(after["id"], before["id"]);
    assert_eq!(after["generation"], 2);
    assert_ne!(home.token(), token);
    home.run(["refresh", "acme", "--force"]).ok();
    assert_eq!(home.show("acme")["generation"], 3);
}

#[test]
fn signing_in_again_mends_a_dead_grant() {
    let (webex, home) = desk(Options::default());
    let admin = webex.description().admin.email.clone();
    sign_in(&webex, &home, &admin, &["--app", "desk"]).ok();
    webex.control(Method::POST, "/grants/revoke", Some(&json!({ "subject": admin })));

    let ended = home.run(["refresh", "acme", "--force"]);
    assert_eq!(ended.hint(), "sign in again: lanyard login acme");
    ended.fails(4);
    assert_eq!(home.show("acme")["state"], "needs-login");
    sign_in(&webex, &home, &admin, &[]).ok();
    assert_eq!(home.show("acme")["state"], "active");
    assert_eq!(home.show("acme")["last_error"], Value::Null);
    assert!(webex.accepts(&home.token()));
}

#[test]
fn another_person_takes_a_name_over_only_when_told_so() {
    let (webex, home) = desk(Options::default());
    let (admin, colleague) = (webex.description().admin.email.clone(), webex.colleague());
    sign_in(&webex, &home, &admin, &["--app", "desk"]).ok();
    let token = home.token();

    let refused = sign_in(&webex, &home, &colleague, &[]);
    let message = format!("acme acts as {admin}, but the new token belongs to {colleague}");
    assert!(refused.stderr.contains(&message), "{}", refused.stderr);
    assert!(refused.hint().contains("--replace"), "{}", refused.stderr);
    refused.fails(1);
    assert_eq!(home.token(), token);
    assert_eq!(home.show("acme")["generation"], 1);
    assert_eq!(grants(&webex, &colleague), 0, "the tokens that nobody keeps are given back");
    assert_eq!(grants(&webex, &admin), 1);

    sign_in(&webex, &home, &colleague, &["--replace"]).ok();
    assert_eq!(home.show("acme")["subject"]["email"], colleague.as_str());
    assert_ne!(home.token(), token);
}

#[test]
fn whose_it_is_may_stay_unknown_and_nothing_is_lost() {
    for (status, reason) in
        [(403, "it needs spark:people_read"), (404, "404 Not Found"), (500, "500 Internal Server Error")]
    {
        let (webex, home) = desk(Options::default());
        let admin = webex.description().admin.email.clone();
        webex.fault(&json!({ "path": "/v1/people/me", "count": null, "action": { "status": status } }));

        let ended = sign_in(&webex, &home, &admin, &["--app", "desk"]);
        assert!(ended.stderr.contains("who acme acts as is unknown"), "{}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{}", ended.stderr);
        ended.ok();
        let shown = home.show("acme");
        assert_eq!(shown["subject"], json!({ "type": null, "display_name": null, "email": null }));
        assert_eq!(shown["state"], "active");
        let said = home.run(["show", "acme"]).ok();
        assert!(said.contains(reason), "{said}");
        home.run(["refresh", "acme", "--force"]).ok();
        webex.control(Method::DELETE, "/faults", None);
        assert!(webex.accepts(&home.token()));
    }
}

#[test]
fn scopes_that_were_not_granted_are_named() {
    let (webex, home) = desk(Options::default());
    let admin = webex.description().admin.email.clone();
    let merge = json!({ "merge": { "scope": "spark:people_read spark-admin:people_read" } });
    webex.fault(&json!({ "path": "/v1/access_token", "action": merge }));
    let ended = sign_in(&webex, &home, &admin, &["--app", "desk"]);
    let warning = "warning: requested but not granted: spark-admin:organizations_read\n";
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);
    ended.ok();
    assert_eq!(home.show("acme")["scopes"], json!(["spark-admin:people_read", "spark:people_read"]));
}

#[test]
fn a_reply_without_scopes_says_that_they_are_unknown() {
    let (webex, home) = desk(Options::default());
    webex.control(Method::POST, "/behaviour", Some(&json!({ "scope_in_reply": false })));
    let admin = webex.description().admin.email.clone();
    let ended = sign_in(&webex, &home, &admin, &["--app", "desk"]);
    assert!(!ended.stderr.contains("not granted"), "{}", ended.stderr);
    ended.ok();
    assert_eq!(home.show("acme")["scopes"], Value::Null);
    let said = home.run(["show", "acme"]).ok();
    assert!(said.contains("unknown: Webex did not say"), "{said}");
}

#[test]
fn a_reply_without_a_refresh_token_is_given_back() {
    let (webex, home) = desk(Options::default());
    let admin = webex.description().admin.email.clone();
    webex.fault(&json!({ "path": "/v1/access_token", "action": { "merge": { "refresh_token": null } } }));
    let ended = sign_in(&webex, &home, &admin, &["--app", "desk"]);
    assert!(ended.stderr.contains("without the means to renew it"), "{}", ended.stderr);
    ended.fails(1);
    home.run(["show", "acme"]).fails(3);
    let grants = webex.control(Method::GET, "/grants", None);
    let of_app = |grant: &&Value| grant["client_id"] == webex.description().integration.client_id.as_str();
    let live: Vec<_> = grants.as_array().unwrap().iter().filter(of_app).collect();
    assert!(live.iter().all(|grant| grant["live_access_tokens"] == 0), "{live:?}");
}

#[test]
fn a_wrong_client_secret_is_named_and_can_be_replaced() {
    let redirect_uris = lanyard_testkit::free_redirect_uris();
    let webex = Webex::with(Options { redirect_uris: redirect_uris.clone(), ..Options::default() });
    let app = webex.description().integration.clone();
    let admin = webex.description().admin.email.clone();
    let home = Home::new(LANYARD);
    home.add_app_as(&webex, (&app.client_id, "wrong-canary"), &redirect_uris, &SCOPES).ok();

    let (login, url) = login(&home, &["acme", "--app", "desk"]);
    let (status, page) = webex.browse(&webex.person_signs_in(&url, true));
    assert_eq!(status, 400);
    assert!(page.contains("client id and secret of the app desk"), "{page}");
    let ended = login.end();
    assert!(ended.hint().contains("lanyard app secret desk"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("wrong-canary"), "{}", ended.stderr);
    ended.fails(4);

    let replace = |secret: &str| {
        let mut command = home.command(["app", "secret", "desk", "--client-secret-file"]);
        Running::start(command.arg(home.file("next-secret", secret))).end().ok()
    };
    replace(&app.client_secret);
    sign_in(&webex, &home, &admin, &["--app", "desk"]).ok();

    // Later the secret is replaced at Webex: every credential of the app stalls, its token is still good.
    let token = home.token();
    let path = format!("/clients/{}/secret", app.client_id);
    let next = webex.control(Method::POST, &path, Some(&json!({})));
    let ended = home.run(["refresh", "acme", "--force"]);
    assert!(ended.hint().contains("lanyard app secret"), "{}", ended.stderr);
    ended.fails(4);
    assert_eq!(home.show("acme")["state"], "stalled");
    assert_eq!(home.token(), token);
    replace(next["client_secret"].as_str().unwrap());
    home.run(["refresh", "acme"]).ok();
    assert_eq!(home.show("acme")["state"], "active");
}
