//! A service app: an administrator authorised it, in each organisation separately.

use std::time::Duration;

use lanyard_testkit::{Home, Method, Options, RefreshBehaviour, Running, Webex, wait};
use serde_json::{Value, json as value};

use super::{add, add_service_app, administrator, home, json};

const MINTS: [&str; 3] = ["spark:people_read", "spark:applications_token", "spark-admin:organizations_read"];

/// Another service app than the simulator's own: nobody has authorised it yet.
fn registered(webex: &Webex, home: &Home) -> String {
    let app = webex.control(
        Method::POST,
        "/service-apps",
        Some(&value!({ "scopes": ["spark:people_read", "spark-admin:devices_read"] })),
    );
    let text = |field: &str| app[field].as_str().unwrap().to_owned();
    add_service_app(webex, home, &text("application_id"), &text("client_id"), &text("client_secret"));
    text("application_id")
}

/// The client id of a service app.
fn client_of(webex: &Webex, application: &str) -> String {
    let apps = webex.control(Method::GET, "/service-apps", None);
    let app = apps.as_array().unwrap().iter().find(|app| app["application_id"] == application).unwrap();
    app["client_id"].as_str().unwrap().to_owned()
}

fn authorise(webex: &Webex, application: &str, organisation: &str) {
    let body = value!({ "organisation_id": organisation });
    webex.control(Method::POST, &format!("/service-apps/{application}/authorise"), Some(&body));
}

fn withdraw(webex: &Webex, application: &str, organisation: &str) {
    let body = value!({ "organisation_id": organisation });
    webex.control(Method::POST, &format!("/service-apps/{application}/withdraw"), Some(&body));
}

#[test]
fn a_pasted_refresh_token_is_spent_by_the_protocol_and_lives_on() {
    for refresh in [RefreshBehaviour::Keep, RefreshBehaviour::RotateStrict] {
        let webex = Webex::start(refresh, Duration::from_hours(1));
        let home = home();
        let app = webex.description().service_app.clone();
        add_service_app(&webex, &home, &app.application_id, &app.client_id, &app.client_secret);
        let words = ["service-app", "fleet", "--app", "fleet", "--refresh-token-file", "-"];
        let wrong = add(&webex, &home, &words, "not-a-refresh-token");
        assert!(wrong.stderr.contains("Webex does not accept this refresh token"), "{}", wrong.stderr);
        wrong.fails(4);
        home.run(["show", "fleet"]).fails(3);

        add(&webex, &home, &words, &app.refresh_token).ok();
        let shown = home.show("fleet");
        assert_eq!((&shown["kind"], &shown["state"]), (&value!("service-app"), &value!("active")), "{shown}");
        assert_eq!(shown["subject"]["type"], "appuser");
        assert!(webex.accepts(&home.run(["token", "fleet"]).ok()));
        home.run(["refresh", "fleet", "--force"]).ok();
        let (code, report) = json(&home, &["test", "fleet", "--for", "phones"]);
        assert_eq!(code, 4, "{report}");
        assert!(report["jobs"][0]["impossible"].as_str().unwrap().contains("person's own token"), "{report}");

        // Without another credential to ask through, what ended it is not known: both are said, and the next refresh token helps.
        let id = home.show("fleet")["id"].clone();
        withdraw(&webex, &app.application_id, &app.organisation_id);
        let ended = home.run(["refresh", "fleet", "--force"]);
        assert!(
            ended.hint().contains("withdrew") && ended.hint().contains("lanyard add service-app fleet"),
            "{}",
            ended.stderr
        );
        ended.fails(4);
        assert_eq!(home.show("fleet")["state"], "needs-login");
        let again =
            webex.control(Method::POST, &format!("/service-apps/{}/authorise", app.application_id), Some(&value!({})));
        add(&webex, &home, &words, again["refresh_token"].as_str().unwrap()).ok();
        let shown = home.show("fleet");
        assert_eq!((&shown["state"], &shown["id"]), (&value!("active"), &id), "{shown}");

        let cleared = home.run(["clear", "fleet"]);
        assert!(!cleared.stderr.contains("NOT"), "{}", cleared.stderr);
        cleared.ok();
    }
}

/// Gives `fleet` a refresh token.
fn give(webex: &Webex, home: &Home, token: &str) -> lanyard_testkit::Ended {
    add(webex, home, &["service-app", "fleet", "--app", "fleet", "--refresh-token-file", "-"], token)
}

/// The next refresh token of the simulator's own service app.
fn pasted(webex: &Webex) -> String {
    webex.authorise(&webex.description().service_app.application_id, None)
}

#[test]
fn a_next_refresh_token_survives_the_process_that_spends_it() {
    for step in ["beginning", "declared", "sending", "committed"] {
        let webex = Webex::start(RefreshBehaviour::RotateStrict, Duration::from_hours(1));
        let home = home();
        let app = webex.description().service_app.clone();
        add_service_app(&webex, &home, &app.application_id, &app.client_id, &app.client_secret);
        give(&webex, &home, &app.refresh_token).ok();
        withdraw(&webex, &app.application_id, &app.organisation_id);

        let next = home.file("next", &pasted(&webex));
        let mut command = home.command(["add", "service-app", "fleet", "--app", "fleet", "--refresh-token-file"]);
        let killed = Running::start(command.arg(next).env("LANYARD_FAILPOINT", format!("rotation.{step}=kill")));
        assert_eq!(killed.end().code(), -1, "{step}");
        home.run(["refresh", "fleet", "--force"]).ok();
        assert!(webex.accepts(&home.run(["token", "fleet"]).ok()), "{step}");
        assert_eq!(home.show("fleet")["state"], "active", "{step}");
    }
}

#[test]
fn a_next_refresh_token_that_is_refused_leaves_what_was_there() {
    let webex = Webex::start(RefreshBehaviour::RotateStrict, Duration::from_hours(1));
    let home = home();
    let app = webex.description().service_app.clone();
    add_service_app(&webex, &home, &app.application_id, &app.client_id, &app.client_secret);
    give(&webex, &home, &app.refresh_token).ok();
    let refused = give(&webex, &home, "not-a-refresh-token");
    assert!(refused.stderr.contains("fleet keeps the grant that it had"), "{}", refused.stderr);
    refused.fails(4);
    assert!(webex.accepts(&home.run(["token", "fleet"]).ok()));
    assert_eq!(home.show("fleet")["state"], "active");
    home.run(["refresh", "fleet", "--force"]).ok();
}

#[test]
fn a_wrong_refresh_token_costs_no_grant_whatever_happens_meanwhile() {
    for refresh in [RefreshBehaviour::Keep, RefreshBehaviour::RotateStrict] {
        let webex = Webex::start(refresh, Duration::from_hours(1));
        let home = home();
        let app = webex.description().service_app.clone();
        add_service_app(&webex, &home, &app.application_id, &app.client_id, &app.client_secret);
        give(&webex, &home, &app.refresh_token).ok();
        let token = home.run(["token", "fleet"]).ok();

        webex.fault(&value!({ "path": "/v1/access_token", "count": 100, "action": { "status": 503 } }));
        let failed = give(&webex, &home, "not-a-refresh-token");
        let said = "cannot check this refresh token";
        assert!(failed.stderr.contains(said) && !failed.stderr.contains("renew"), "{}", failed.stderr);
        assert!(failed.stderr.contains("fleet keeps the tokens that it had"), "{}", failed.stderr);
        assert_eq!(failed.hint(), "run this again when Webex answers: lanyard add service-app fleet --app fleet");
        failed.fails(5);
        assert_eq!(home.run(["token", "fleet"]).ok(), token);
        webex.control(Method::DELETE, "/faults", None);
        home.run(["refresh", "fleet", "--force"]).ok();
        give(&webex, &home, "not-a-refresh-token").fails(4);
        let audit = home.run(["audit", "--json"]).ok();
        let times = |action: &str| audit.matches(&format!("\"action\": \"{action}\"")).count();
        assert_eq!(times("signed-in"), 0, "nobody signed in: {audit}");
        assert_eq!((times("refresh-token-stored"), times("tokens-put-back")), (2, 1), "{audit}");
        assert!(audit.contains("with the spare refresh token: Webex refused the stored one"), "{audit}");

        let wrong = home.file("wrong", "not-a-refresh-token");
        for step in ["beginning", "declared", "sending", "answered"] {
            let mut command = home.command(["add", "service-app", "fleet", "--app", "fleet", "--refresh-token-file"]);
            command.arg(&wrong).env("LANYARD_FAILPOINT", format!("rotation.{step}=kill"));
            assert_eq!(Running::start(&mut command).end().code(), -1, "{refresh:?} {step}");
            home.run(["refresh", "fleet", "--force"]).ok();
            assert!(webex.accepts(&home.run(["token", "fleet"]).ok()), "{refresh:?} {step}");
            assert_eq!(home.show("fleet")["state"], "active", "{refresh:?} {step}");
        }
    }
}

#[test]
fn one_refresh_token_has_one_name_even_if_many_ask_at_once() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = home();
    let app = webex.description().service_app.clone();
    add_service_app(&webex, &home, &app.application_id, &app.client_id, &app.client_secret);
    let token = home.file("token", &app.refresh_token);
    let adding: Vec<_> = (0..6)
        .map(|number| {
            let name = format!("fleet-{number}");
            let mut command = home.command(["add", "service-app", &name, "--app", "fleet", "--refresh-token-file"]);
            Running::start(command.arg(&token))
        })
        .collect();
    let ended: Vec<_> = adding.into_iter().map(Running::end).collect();
    let held = webex.refreshes().len();
    let added = ended.iter().filter(|ended| ended.code() == 0).count();
    assert_eq!((added, held), (1, 1), "{:?}", ended.iter().map(|ended| &ended.stderr).collect::<Vec<_>>());
    assert!(ended.iter().filter(|ended| ended.code() != 0).all(|ended| ended.stderr.contains("already")));
}

#[test]
fn an_app_waits_for_its_administrator_and_is_picked_up_by_itself() {
    let webex = Webex::with(Options::default());
    let home = home();
    let organisation = webex.description().organisation.id.clone();
    administrator(&webex, &home, &MINTS);
    let application = registered(&webex, &home);

    let words = ["add", "service-app", "fleet", "--app", "fleet", "--target-org", &organisation, "--via", "admin"];
    let added = home.run(words);
    assert!(added.stderr.contains("no administrator of that organisation has authorised the app"), "{}", added.stderr);
    assert!(added.hint().contains("Control Hub"), "{}", added.stderr);
    added.fails(4);
    assert_eq!(home.show("fleet")["state"], "pending");
    let token = home.run(["token", "fleet"]);
    assert!(token.stderr.contains("no administrator"), "{}", token.stderr);
    token.fails(4);

    authorise(&webex, &application, &organisation);
    let token = home.run(["token", "fleet"]).ok();
    assert!(webex.accepts(&token));
    let shown = home.show("fleet");
    assert_eq!((&shown["state"], &shown["generation"]), (&value!("active"), &value!(1)), "{shown}");
    assert_eq!(shown["organisation"]["id"], organisation.as_str());
}

#[test]
fn a_withdrawn_authorisation_is_told_from_a_dead_token() {
    let webex = Webex::with(Options::default());
    let home = home();
    let organisation = webex.description().organisation.id.clone();
    administrator(&webex, &home, &MINTS);
    let application = registered(&webex, &home);
    authorise(&webex, &application, &organisation);
    home.run(["add", "service-app", "fleet", "--app", "fleet", "--target-org", &organisation, "--via", "admin"]).ok();
    let first = home.run(["token", "fleet"]).ok();

    // The grant alone is dead: it is minted again, and nobody is asked.
    let client = client_of(&webex, &application);
    webex.control(Method::POST, "/grants/revoke", Some(&value!({ "client_id": client })));
    home.run(["refresh", "fleet", "--force"]).ok();
    let second = home.run(["token", "fleet"]).ok();
    assert_ne!(first, second);
    assert!(webex.accepts(&second));

    // The administrator has withdrawn it: that is another thing, and it is said.
    withdraw(&webex, &application, &organisation);
    let refused = home.run(["refresh", "fleet", "--force"]);
    assert!(refused.stderr.contains("has withdrawn it"), "{}", refused.stderr);
    assert!(refused.hint().contains("service-apps"), "{}", refused.stderr);
    refused.fails(4);
    let shown = home.show("fleet");
    assert_eq!((&shown["state"], &shown["last_error"]["kind"]), (&value!("needs-login"), &value!("not-authorised")));
    // Once Webex has refused the token itself, nobody is given it as if it lasted.
    home.run(["token", "fleet"]).ok();
    home.run(["test", "fleet"]).fails(4);
    let listed = home.run(["list"]).ok();
    assert!(listed.contains("needs-login  no ") && !listed.contains("expired"), "{listed}");
    home.run(["token", "fleet"]).fails(4);

    authorise(&webex, &application, &organisation);
    home.run(["refresh", "fleet", "--force"]).ok();
    assert_eq!(home.show("fleet")["state"], "active");
}

#[test]
fn one_app_serves_many_organisations() {
    let webex = Webex::with(Options { organisations: 5, ..Options::default() });
    let home = home();
    administrator(&webex, &home, &MINTS);
    let application = registered(&webex, &home);
    let organisations = webex.control(Method::GET, "/organisations", None);
    let organisations = organisations.as_array().unwrap();
    assert_eq!(organisations.len(), 5);
    for (number, organisation) in organisations.iter().enumerate() {
        let id = organisation["id"].as_str().unwrap();
        authorise(&webex, &application, id);
        let name = format!("fleet-{number}");
        home.run(["add", "service-app", &name, "--app", "fleet", "--target-org", id, "--via", "admin"]).ok();
        let shown = home.show(&name);
        assert_eq!(shown["organisation"]["id"], id, "{shown}");
    }
    let withdrawn = organisations[2]["id"].as_str().unwrap();
    withdraw(&webex, &application, withdrawn);
    for number in 0..5 {
        let refreshed = home.run(["refresh", &format!("fleet-{number}"), "--force"]);
        assert_eq!(refreshed.code(), if number == 2 { 4 } else { 0 }, "{number}: {}", refreshed.stderr);
    }
}

#[test]
fn what_it_is_minted_through_may_be_at_fault() {
    let webex = Webex::with(Options::default());
    let home = home();
    let organisation = webex.description().organisation.id.clone();
    administrator(&webex, &home, &["spark:people_read"]);
    let application = registered(&webex, &home);
    authorise(&webex, &application, &organisation);
    let words = ["add", "service-app", "fleet", "--app", "fleet", "--target-org", &organisation, "--via", "admin"];
    let refused = home.run(words);
    assert!(refused.stderr.contains("lacks the scope spark:applications_token"), "{}", refused.stderr);
    refused.fails(4);
    home.run(["show", "fleet"]).fails(3);
}

#[test]
fn a_client_secret_is_replaced_while_forty_credentials_of_the_app_are_due() {
    const LIFE: Duration = Duration::from_secs(4);
    let webex =
        Webex::with(Options { organisations: 40, access_token_ttl: Duration::from_hours(1), ..Options::default() });
    let home = home();
    administrator(&webex, &home, &MINTS);
    let application = registered(&webex, &home);
    let client_id = client_of(&webex, &application);
    let organisations = webex.control(Method::GET, "/organisations", None);
    webex.live_longer(LIFE);
    for (number, organisation) in organisations.as_array().unwrap().iter().enumerate() {
        let id = organisation["id"].as_str().unwrap();
        authorise(&webex, &application, id);
        home.run([
            "add",
            "service-app",
            &format!("fleet-{number}"),
            "--app",
            "fleet",
            "--target-org",
            id,
            "--via",
            "admin",
        ])
        .ok();
    }
    wait(LIFE);
    webex.live_longer(Duration::from_hours(1));

    // The secret is changed at Webex: every credential of the app is told, and none is lost.
    let fresh = webex.control(Method::POST, &format!("/clients/{client_id}/secret"), None);
    let fresh = fresh["client_secret"].as_str().unwrap();
    let asking: Vec<_> =
        (0..40).map(|number| Running::start(&mut home.command(["token", &format!("fleet-{number}")]))).collect();
    let mut told = 0;
    for (number, asking) in asking.into_iter().enumerate() {
        let ended = asking.end();
        if number == 0 {
            // In the middle of it the new secret comes in.
            let secret = home.file("new-secret", fresh);
            let mut command = home.command(["app", "secret", "fleet", "--client-secret-file"]);
            Running::start(command.arg(secret)).end().ok();
        }
        if ended.code() != 0 {
            assert!(ended.stderr.contains("client id and secret"), "fleet-{number}: {}", ended.stderr);
            assert!(ended.stderr.contains("lanyard app secret"), "fleet-{number}: {}", ended.stderr);
            ended.fails(4);
            told += 1;
        }
    }
    assert!(told > 0, "somebody asked before the secret was replaced");
    let asking: Vec<_> =
        (0..40).map(|number| Running::start(&mut home.command(["token", &format!("fleet-{number}")]))).collect();
    for (number, asking) in asking.into_iter().enumerate() {
        assert!(webex.accepts(&asking.end().ok()), "fleet-{number}");
    }
    let list: Value = serde_json::from_str(&home.run(["--json", "list"]).ok()).unwrap();
    let states: Vec<_> =
        list.as_array().unwrap().iter().filter(|one| one["kind"] == "service-app").map(|one| &one["state"]).collect();
    assert_eq!(states, vec!["active"; 40]);
}
