//! Every reply of the REST API against Cisco's own description of it.
//!
//! `LANYARD_OPENAPI` names a folder with the documents of `webex/webex-openapi-specs`; they are no part of the project.

mod devices;
mod meetings;
mod people;
mod spaces;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::world::{World, answer, text};
use lanyard_testkit::{deviations, left_out};

#[tokio::test]
async fn every_reply_is_as_ciscos_documents_have_it_and_holds_nothing_of_its_own() {
    let documents = match documents() {
        Ok(documents) => documents,
        Err(why) => return left_out(&why),
    };
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    let mut deviating = BTreeSet::new();
    for (document, operation, token, path) in gets(&world).await {
        let reply = world.get(&path, token.as_deref().unwrap_or(&admin));
        deviating.extend(documents.judge(document, "GET", operation, reply).await);
    }
    let fleet = world.machine().await;
    let guest = json!({ "subject": "visitor-1", "displayName": "A visitor" });
    let request = world.post("/guests/token", &fleet, &guest);
    deviating.extend(documents.judge("admin", "POST", "/guests/token", request).await);
    for order in orders(&world) {
        let app = &world.knows().service_app.application_id;
        let request = world.post(&format!("/applications/{app}/token"), &admin, &order);
        deviating.extend(documents.judge("admin", "POST", "/applications/{applicationId}/token", request).await);
    }
    assert!(deviating.is_empty(), "{deviating:#?}");
}

/// The document, the operation, the token (the administrator's where it is left out) and the path.
type Get = (&'static str, &'static str, Option<String>, String);

async fn gets(world: &World) -> Vec<Get> {
    let knows = world.knows().clone();
    let bot = knows.bot.access_token.clone();
    let fleet = world.machine().await;
    let first = |list: Value| text(&list, "/items/0/id");
    let list = async |path: &str| answer(world.get(path, &knows.personal.access_token).send().await.unwrap()).await.1;
    let me = text(&list("/people/me").await, "/id");
    let (device, workspace) = (first(list("/devices").await), first(list("/workspaces").await));
    world.grant(&workspace, &knows.bot.email, json!("read")).await;
    // Somebody must hold authorisations for a list of them to have entries.
    let signed_in = world.signed_in(&knows.admin.email, "spark:people_read").await;
    let integration = text(&signed_in, "/access_token");
    let admin = |document, operation, path: &str| (document, operation, None, path.to_owned());
    let by =
        |token: &str, document, operation, path: &str| (document, operation, Some(token.to_owned()), path.to_owned());
    vec![
        admin("admin", "/people", "/people?max=300"),
        admin("admin", "/people", "/people?displayName=a&max=5"),
        admin("admin", "/people", &format!("/people?id={me},missing")),
        admin("admin", "/people/{personId}", &format!("/people/{me}")),
        admin("admin", "/people/me", "/people/me"),
        by(&bot, "admin", "/people/me", "/people/me"),
        by(&fleet, "admin", "/people/me", "/people/me"),
        by(&integration, "admin", "/people/me", "/people/me"),
        admin("admin", "/organizations", "/organizations"),
        admin("admin", "/organizations/{orgId}", &format!("/organizations/{}", knows.organisation.id)),
        admin("admin", "/licenses", "/licenses"),
        admin("device", "/locations", "/locations"),
        admin("device", "/devices", "/devices"),
        by(&bot, "device", "/devices", "/devices"),
        admin("device", "/devices/{deviceId}", &format!("/devices/{device}")),
        admin("device", "/workspaces", "/workspaces"),
        admin("device", "/workspaces", "/workspaces?includeDevices=true"),
        admin("device", "/workspaces/{workspaceId}", &format!("/workspaces/{workspace}")),
        admin("calling-subset", "/telephony/calls", "/telephony/calls"),
        admin("calling-subset", "/telephony/config/numbers", "/telephony/config/numbers"),
        admin("meeting", "/meetings", "/meetings"),
        admin("meeting", "/recordings", "/recordings"),
        admin("meeting", "/meetingTranscripts", "/meetingTranscripts"),
        by(&fleet, "admin", "/guests/count", "/guests/count"),
        admin("admin", "/authorizations", &format!("/authorizations?personId={me}")),
        admin("admin", "/authorizations/tokenExpiry", "/authorizations/tokenExpiry"),
        by(&bot, "admin", "/authorizations/tokenExpiry", "/authorizations/tokenExpiry"),
    ]
}

/// A good order for a service app's tokens, and some that are refused.
fn orders(world: &World) -> [Value; 4] {
    let app = &world.knows().service_app;
    let order = |secret: &str, organisation: &str| json!({ "clientId": app.client_id, "clientSecret": secret, "targetOrgId": organisation });
    [
        order(&app.client_secret, &app.organisation_id),
        order("wrong", &app.organisation_id),
        order(&app.client_secret, "nowhere"),
        json!({}),
    ]
}

/// The documents, and which of their operations are known to contradict themselves.
struct Documents {
    folder: PathBuf,
    unreliable: Value,
}

/// Fields of which live replies are known to differ from the documents.
const SEEN_OTHERWISE: [&str; 3] = ["invitePending", "loginEnabled", "userName"];

/// This operation's reply is described as a plain text with a field named 112; no example says more.
const BEYOND_USE: [&str; 1] = ["/guests/count"];

fn documents() -> Result<Documents, String> {
    let folder = std::env::var_os("LANYARD_OPENAPI").ok_or("LANYARD_OPENAPI names no folder of API documents")?;
    let folder = PathBuf::from(folder);
    if !folder.is_dir() {
        return Err(format!("LANYARD_OPENAPI names {}, which is no folder", folder.display()));
    }
    // Where nobody has looked for contradictions, every document is taken at its word.
    let unreliable = read(&folder.join("unreliable-schemas.json")).unwrap_or_default();
    Ok(Documents { folder, unreliable })
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

impl Documents {
    /// The deviations of a reply from the operation's schema for its status.
    async fn judge(&self, name: &str, method: &str, path: &str, request: RequestBuilder) -> Vec<String> {
        let file = format!("webex-{name}.json");
        let document = read(&self.folder.join(&file)).unwrap_or_else(|| panic!("{file} is missing or no JSON"));
        let operation = &document["paths"][path][method.to_ascii_lowercase()];
        assert!(operation.is_object(), "{file} has no {method} {path}");
        let (status, reply) = answer(request.send().await.unwrap()).await;
        let may_fail = method == "POST" && path.starts_with("/applications");
        assert!(status.is_success() || may_fail, "{method} {path}: {status} {reply}");
        if BEYOND_USE.contains(&path) {
            return Vec::new();
        }
        let content = operation["responses"][status.as_str()]["content"].as_object().into_iter().flatten().next();
        let (_, content) = content.unwrap_or_else(|| panic!("{method} {path} does not say what {status} holds"));
        let mut found = deviations(&document, &content["schema"], &reply);
        if self.contradicts_itself(&file, method, path) {
            // What Webex is seen to send rather than what its schema says; elsewhere the schema holds.
            for excused in deviations(&document, &content["schema"], &content["example"]) {
                found.remove(&excused);
            }
        }
        // Texts in the documents, truth values in captures of live replies and in clients that decode nothing else.
        found.retain(|deviation| !SEEN_OTHERWISE.iter().any(|seen| deviation.contains(seen)));
        found.into_iter().map(|deviation| format!("{method} {path} ({status}): {deviation}")).collect()
    }

    fn contradicts_itself(&self, file: &str, method: &str, path: &str) -> bool {
        let listed = self.unreliable[file].as_array();
        listed.into_iter().flatten().any(|entry| entry[0] == method && entry[1] == path)
    }
}
