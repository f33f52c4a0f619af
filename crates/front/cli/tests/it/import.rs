//! Tokens that another program obtained: `lanyard import`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use lanyard_testkit::{Ended, Home, Method, Options, Running, SCOPES, Webex};
use serde_json::{Value, json};
use url::Url;

use crate::LANYARD;

/// Signs in as another program would, and gives what the token endpoint printed.
fn reply(webex: &Webex) -> String {
    let app = &webex.description().integration;
    let mut url: Url = format!("{}/authorize", webex.url()).parse().unwrap();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &app.client_id)
        .append_pair("redirect_uri", &app.redirect_uris[0])
        .append_pair("scope", &SCOPES.join(" "))
        .append_pair("state", "another-program");
    let arrived = webex.person_signs_in(url.as_str(), true);
    let code = arrived.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "authorization_code")
        .append_pair("code", &code)
        .append_pair("redirect_uri", &app.redirect_uris[0])
        .append_pair("client_id", &app.client_id)
        .append_pair("client_secret", &app.client_secret)
        .finish();
    let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect(&host).unwrap();
    let head = format!(
        "POST /v1/access_token HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    body.to_owned()
}

fn field(reply: &str, name: &str) -> String {
    serde_json::from_str::<Value>(reply).unwrap()[name].as_str().unwrap().to_owned()
}

/// A home that knows the app `desk` and has no credential.
fn desk() -> (Webex, Home) {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    home.add_app(&webex);
    (webex, home)
}

/// A file that nobody else may read.
fn private(home: &Home, name: &str, content: &str) -> std::path::PathBuf {
    let path = home.file(name, content);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn import(home: &Home, name: &str, file: &Path) -> Ended {
    let mut command = home.command(["import", name]);
    Running::start(command.arg(file).args(["--app", "desk"])).end()
}

#[test]
fn a_token_reply_is_kept_alive_from_then_on() {
    let (webex, home) = desk();
    let reply = reply(&webex);
    let file = private(&home, "reply.json", &reply);
    let imported = import(&home, "acme", &file);
    assert!(imported.stderr.contains(&webex.description().admin.email), "{}", imported.stderr);
    assert!(imported.stderr.contains("still holds the grant"), "{}", imported.stderr);
    assert!(imported.hint().contains(&format!("rm {}", file.display())), "{}", imported.stderr);
    assert!(!imported.stderr.contains("can read"), "{}", imported.stderr);
    imported.ok();

    assert_eq!(home.token(), field(&reply, "access_token"));
    let shown = home.show("acme");
    assert_eq!(
        (&shown["kind"], &shown["state"], &shown["generation"]),
        (&json!("integration"), &json!("active"), &json!(1))
    );
    assert_eq!(shown["scopes"].as_array().unwrap().len(), SCOPES.len());
    assert_eq!(shown["refresh_token_expires_at"], Value::Null, "it counts from a moment that nobody knows");
    assert!(webex.refreshes().is_empty(), "to import spends nothing");
    home.run(["refresh", "acme", "--force"]).ok();
    assert!(webex.accepts(&home.token()));

    let again = import(&home, "acme", &file);
    assert!(again.stderr.contains("the name acme is taken"), "{}", again.stderr);
    again.fails(1);
    assert_eq!(home.show("acme")["generation"], 2);
}

#[test]
fn the_file_that_wxc_sdk_writes_is_read() {
    const WRITE: &str = "
import os
from wxc_sdk.integration import Integration
from wxc_sdk.tokens import Tokens

tokens = Tokens.model_validate_json(os.environ['REPLY'])
tokens.set_expiration()
integration = Integration(client_id='C', client_secret='s', scopes=[], redirect_url='http://localhost:6001/redirect')
integration.get_tokens_from_oauth_flow = lambda: tokens
assert integration.get_cached_tokens_from_yml(yml_path=os.environ['FILE'], force_new=True)
";
    let python = crate::sdk::wxc_sdk();
    let (webex, home) = desk();
    let reply = reply(&webex);
    let file = private(&home, "tokens.yml", "");
    let script = home.file("write.py", WRITE);
    let wrote = Command::new(python).arg(script).env("REPLY", &reply).env("FILE", &file).output().unwrap();
    assert!(wrote.status.success(), "{}", String::from_utf8_lossy(&wrote.stderr));
    import(&home, "acme", &file).ok();
    assert_eq!(home.token(), field(&reply, "access_token"));
    assert_eq!(home.show("acme")["scopes"].as_array().unwrap().len(), SCOPES.len());
    home.run(["refresh", "acme", "--force"]).ok();
    assert!(webex.accepts(&home.token()));
}

#[test]
fn a_refresh_token_alone_tells_at_once_whose_it_is() {
    let (webex, home) = desk();
    let bare = |reply: &str| json!({ "refresh_token": field(reply, "refresh_token") }).to_string();
    let imported = import(&home, "acme", &private(&home, "bare.json", &bare(&reply(&webex))));
    assert!(imported.stderr.contains("imported acme; it acts as"), "{}", imported.stderr);
    imported.ok();
    assert_eq!(home.show("acme")["subject"]["email"], webex.description().admin.email.as_str());
    assert!(webex.accepts(&home.token()));

    let file = private(&home, "late.json", &bare(&reply(&webex)));
    drop(webex);
    let later = import(&home, "late", &file);
    assert!(later.stderr.contains("could not be renewed yet"), "{}", later.stderr);
    later.ok();
}

#[test]
fn an_access_token_that_has_ended_is_renewed_when_one_is_asked_for() {
    let (webex, home) = desk();
    let reply = reply(&webex);
    let admin = &webex.description().admin.email;
    webex.control(Method::POST, "/access_tokens/revoke", Some(&json!({ "subject": admin })));
    let imported = import(&home, "acme", &private(&home, "reply.json", &reply));
    assert!(imported.stderr.contains("no valid access token"), "{}", imported.stderr);
    imported.ok();
    assert!(webex.refreshes().is_empty(), "to import spends nothing");
    assert!(webex.accepts(&home.token()));
    assert_eq!(webex.refreshes().len(), 1);

    let alone = json!({ "access_token": field(&reply, "access_token") }).to_string();
    let refused = import(&home, "other", &private(&home, "alone.json", &alone));
    assert!(refused.stderr.contains("there is no refresh token beside it"), "{}", refused.stderr);
    assert!(refused.hint().contains("lanyard login other"), "{}", refused.stderr);
    refused.fails(4);
    home.run(["show", "other"]).fails(3);
}

#[test]
fn a_service_apps_refresh_token_is_imported_from_standard_input() {
    let (webex, home) = desk();
    let app = &webex.description().service_app;
    let secret = home.file("secret", &app.client_secret);
    let mut command = home.command(["--webex-url", webex.url(), "app", "add", "fleet", "--kind", "service-app"]);
    command.args(["--client-id", &app.client_id, "--application-id", &app.application_id]);
    Running::start(command.arg("--client-secret-file").arg(secret)).end().ok();
    let mut command = home.command(["import", "fleet-acme", "-", "--app", "fleet"]);
    let mut importing = Running::start(command.stdin(Stdio::piped()));
    importing.write_line(&format!("refresh_token: {}", app.refresh_token));
    let imported = importing.end();
    assert!(imported.hint().contains("delete it there"), "{}", imported.stderr);
    imported.ok();
    assert_eq!(home.show("fleet-acme")["kind"], "service-app");
    assert!(webex.accepts(&home.run(["token", "fleet-acme"]).ok()));
}

#[test]
fn what_cannot_be_imported_is_said_without_showing_it_and_leaves_nothing() {
    let (webex, home) = desk();
    let bot = &webex.description().bot.access_token;
    for (content, code, expected) in [
        ("{\"access_token\": 5}".to_owned(), 2, "access_token is not text"),
        ("{\"expires_in\": 5}".to_owned(), 2, "access_token is missing"),
        ("just-some-canary".to_owned(), 2, "not a YAML mapping"),
        ("access_token: [canary]".to_owned(), 2, "access_token is not text"),
        (format!("access_token: {}", "canary".repeat(20_000)), 2, "more than 65536 bytes"),
        (json!({ "access_token": bot }).to_string(), 1, "this is not an integration token"),
        (json!({ "access_token": "canary" }).to_string(), 4, "does not accept the access token"),
    ] {
        let refused = import(&home, "acme", &private(&home, "file", &content));
        assert!(refused.stderr.contains(expected), "{expected}: {}", refused.stderr);
        assert!(!refused.stderr.contains("canary") && !refused.stderr.contains(bot), "{}", refused.stderr);
        refused.fails(code);
    }
    import(&home, "acme", &home.beside().join("absent")).fails(1);
    let file = private(&home, "reply.json", &reply(&webex));
    let mut command = home.command(["import", "acme"]);
    let no_app = Running::start(command.arg(&file).args(["--app", "dekc"])).end();
    assert!(no_app.hint().contains("did you mean desk?"), "{}", no_app.stderr);
    no_app.fails(3);
    home.run(["import", "acme"]).fails(2);
    home.run(["show", "acme"]).fails(3);

    webex.fault(&json!({ "path": "/v1/people/me", "action": { "status": 429, "headers": { "retry-after": "60" } } }));
    import(&home, "acme", &file).fails(5);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let readable = import(&home, "acme", &file);
    assert!(readable.stderr.contains("others on this machine can read"), "{}", readable.stderr);
    readable.ok();
}

#[test]
fn many_are_imported_at_once_and_a_bad_line_stops_no_other() {
    let (webex, home) = desk();
    let (first, second) = (reply(&webex), reply(&webex));
    let (bot, personal) = (&webex.description().bot.access_token, &webex.description().personal.access_token);
    let token = |reply: &str, name| field(reply, name);
    let table = format!(
        "name,kind,access_token,refresh_token,app,label.site\n\
         acme,integration,{},{},desk,\"Zürich, West\"\n\
         beta,integration,{},{},,\n\
         lobby,bot,{bot},,,\n\
         wrong,bot,{personal},,,\n\
         dead,bot,canary,,,\n\
         {bot},bot,,,,\n\
         lobby,bot,{bot},,,\n\
         fleet,service-app,,canary,desk,\n\
         mine,personal,{personal},,,\n",
        token(&first, "access_token"),
        token(&first, "refresh_token"),
        token(&second, "access_token"),
        token(&second, "refresh_token"),
    );
    let file = private(&home, "all.csv", &table);
    let run = |json: bool| {
        let mut command = home.command(["--webex-url", webex.url(), "import", "--app", "desk", "--csv"]);
        command.arg(&file).args(json.then_some("--json"));
        Running::start(&mut command).end()
    };
    let ended = run(false);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    for (line, expected) in [
        (0, "line 2: acme: imported"),
        (1, "line 3: beta: imported"),
        (2, "line 4: lobby: imported"),
        (3, "line 5: wrong: refused: this is not a bot token"),
        (4, "line 6: dead: refused: Webex does not accept"),
        (5, "line 7: refused: its name cannot be one"),
        (6, "line 8: lobby: already there"),
        (7, "line 9: fleet: refused: desk is registered as an integration"),
        (8, "line 10: mine: imported"),
    ] {
        assert!(lines[line].starts_with(expected), "{expected}: {}", ended.stdout);
    }
    for secret in [bot.as_str(), personal, "canary"] {
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{}{}", ended.stdout, ended.stderr);
    }
    assert!(ended.stderr.contains("4 imported, 1 already there, 4 refused"), "{}", ended.stderr);
    ended.fails(1);
    assert_eq!(home.show("acme")["labels"], json!({ "site": "Zürich, West" }));
    assert_eq!(home.token(), token(&first, "access_token"));
    home.run(["refresh", "beta", "--force"]).ok();

    let again = run(true);
    let all: Value = serde_json::from_str(&again.stdout).unwrap();
    let outcomes: Vec<_> = all.as_array().unwrap().iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    let there = |at: &usize| outcomes[*at] == "already-there";
    assert!([0, 1, 2, 6, 8].iter().all(there), "{outcomes:?}");
    assert_eq!((&all[3]["outcome"], &all[3]["name"], &all[3]["line"]), (&json!("refused"), &json!("wrong"), &json!(5)));
    again.fails(1);

    let good: Vec<&str> = table.lines().take(4).collect();
    std::fs::write(&file, good.join("\n")).unwrap();
    run(false).ok();
}

#[test]
fn a_table_that_is_not_understood_is_no_import() {
    let home = Home::new(LANYARD);
    for (table, expected) in
        [("", "empty"), ("name,token\n", "an unknown column in field 2"), ("name,app\n", "no column kind")]
    {
        let mut command = home.command(["import", "--csv"]);
        let refused = Running::start(command.arg(home.file("all.csv", table))).end();
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
        refused.fails(2);
    }
    assert!(!home.path().exists(), "a command that fails leaves nothing behind");
}
