//! Messages, cards and teams as published SDKs use them.

use lanyard_simulator::Options;
use reqwest::Method;
use serde_json::{Value, json};

use crate::people_life::write;
use crate::world::{World, answer, gateway, text};

async fn room(world: &World) -> String {
    let token = world.knows().personal.access_token.clone();
    let (_, room) = world.tell("/rooms", &token, json!({ "title": "R" })).await;
    text(&room, "/id")
}

#[tokio::test]
async fn a_message_comes_as_json_as_a_form_or_in_parts() {
    let world = World::with(Options::default()).await;
    let token = world.knows().personal.access_token.clone();
    let room = room(&world).await;
    let post = || world.http.post(world.url("/messages")).bearer_auth(&token);
    let parts = format!(
        "--x\r\nContent-Disposition: form-data; name=\"roomId\"\r\n\r\n{room}\r\n--x\r\nContent-Disposition: form-data; \
         name=\"text\"\r\n\r\nhello\r\n--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.txt\"\r\nContent-Type: \
         text/plain\r\n\r\ninside\r\n--x--\r\n"
    );
    let multipart = post().header("content-type", "multipart/form-data; boundary=x").body(parts);
    for request in [
        post().json(&json!({ "roomId": room, "text": "hello" })),
        post().form(&[("roomId", room.as_str()), ("text", "hello")]),
        multipart.try_clone().unwrap(),
    ] {
        let (status, message) = answer(request.send().await.unwrap()).await;
        assert_eq!((status.as_u16(), &message["text"]), (200, &json!("hello")), "{message}");
    }
    let (_, message) = answer(multipart.send().await.unwrap()).await;
    let reply = world.http.get(text(&message, "/files/0")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(reply.headers()["content-disposition"], "attachment; filename=\"a.txt\"");
    assert_eq!(reply.text().await.unwrap(), "inside");
    let broken = post().header("content-type", "multipart/form-data; boundary=x").body("--x\r\n");
    gateway(&answer(broken.send().await.unwrap()).await, 400);
}

#[tokio::test]
async fn a_card_is_kept_and_what_is_entered_into_it_is_read_again() {
    let world = World::start().await;
    let token = world.knows().personal.access_token.clone();
    let room = room(&world).await;
    let card = json!([{ "contentType": "application/vnd.microsoft.card.adaptive",
        "content": { "type": "AdaptiveCard", "version": "1.2", "body": [] } }]);
    let (status, message) =
        world.tell("/messages", &token, json!({ "roomId": room, "text": "card", "attachments": card })).await;
    assert_eq!((status.as_u16(), &message["attachments"]), (200, &card), "{message}");
    let id = text(&message, "/id");
    assert_eq!(world.got(&format!("/messages/{id}"), &token).await.1["attachments"], card);
    let entered = json!({ "type": "submit", "messageId": id, "inputs": { "user": "ada" } });
    let (status, action) = world.tell("/attachment/actions", &token, entered).await;
    assert_eq!((status.as_u16(), &action["inputs"]["user"]), (200, &json!("ada")), "{action}");
    let (_, read) = world.got(&format!("/attachment/actions/{}", text(&action, "/id")), &token).await;
    assert_eq!(read, action);

    let (_, plain) = world.tell("/messages", &token, json!({ "roomId": room, "text": "plain" })).await;
    let wrong = json!({ "type": "submit", "messageId": plain["id"], "inputs": {} });
    gateway(&world.tell("/attachment/actions", &token, wrong).await, 400);
    let wrong = json!({ "roomId": room, "attachments": [{ "contentType": "text/plain", "content": {} }] });
    gateway(&world.tell("/messages", &token, wrong).await, 400);
}

#[tokio::test]
async fn a_reply_names_its_parent_alone_and_a_direct_message_names_whom_it_is_to() {
    let world = World::start().await;
    let token = world.knows().personal.access_token.clone();
    let room = room(&world).await;
    let (_, first) = world.tell("/messages", &token, json!({ "roomId": room, "text": "first" })).await;
    let (status, reply) = world.tell("/messages", &token, json!({ "parentId": first["id"], "text": "reply" })).await;
    assert_eq!((status.as_u16(), &reply["roomId"], &reply["parentId"]), (200, &json!(room), &first["id"]), "{reply}");
    let someone = world.someone().await;
    let (_, direct) = world.tell("/messages", &token, json!({ "toPersonEmail": someone, "text": "you" })).await;
    assert_eq!(direct["toPersonEmail"], json!(someone), "{direct}");
    let member = json!({ "roomId": room, "personEmail": someone, "isModerator": "false" });
    let (status, member) = world.tell("/memberships", &token, member).await;
    assert_eq!((status.as_u16(), &member["isModerator"]), (200, &json!(false)), "{member}");
}

#[tokio::test]
async fn a_team_has_members_and_rooms() {
    let world = World::start().await;
    let token = world.knows().personal.access_token.clone();
    let (status, team) = world.tell("/teams", &token, json!({ "name": "T", "description": "D" })).await;
    assert_eq!(status, 200, "{team}");
    let id = text(&team, "/id");
    assert_eq!(world.got("/teams", &token).await.1["items"], json!([team]));
    assert_eq!(world.got(&format!("/teams/{id}"), &token).await.1, team);
    let rooms = world.got(&format!("/rooms?teamId={id}"), &token).await.1;
    assert_eq!((&rooms["items"][0]["teamId"], rooms["items"].as_array().unwrap().len()), (&json!(id), 1));
    gateway(&world.tell("/rooms", &token, json!({ "title": "X", "teamId": "nowhere" })).await, 404);

    let someone = world.someone().await;
    let order = json!({ "teamId": id, "personEmail": someone });
    let (status, member) = world.tell("/team/memberships", &token, order.clone()).await;
    assert_eq!((status.as_u16(), &member["personEmail"]), (200, &json!(someone)), "{member}");
    gateway(&world.tell("/team/memberships", &token, order).await, 409);
    let list = world.got(&format!("/team/memberships?teamId={id}"), &token).await.1;
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    let path = format!("/team/memberships/{}", text(&member, "/id"));
    let (_, changed) = write(&world, Method::PUT, &path, &token, json!({ "isModerator": true })).await;
    assert_eq!(changed["isModerator"], true);
    assert_eq!(write(&world, Method::DELETE, &path, &token, Value::Null).await.0, 204);
    gateway(&world.got(&path, &token).await, 404);
    let renamed = write(&world, Method::PUT, &format!("/teams/{id}"), &token, json!({ "name": "U" })).await.1;
    assert_eq!((&renamed["name"], &renamed["description"]), (&json!("U"), &json!("D")));
    assert_eq!(write(&world, Method::DELETE, &format!("/teams/{id}"), &token, Value::Null).await.0, 204);
    gateway(&world.got(&format!("/rooms/{}", text(&rooms, "/items/0/id")), &token).await, 404);
}

#[tokio::test]
async fn an_address_that_nobody_has_is_added_to_a_room_and_belongs_to_no_organisation() {
    let world = World::start().await;
    let token = world.knows().personal.access_token.clone();
    let room = room(&world).await;
    let order = json!({ "roomId": room, "personEmail": "Guest@elsewhere.example" });
    let (status, member) = world.tell("/memberships", &token, order.clone()).await;
    assert_eq!((status.as_u16(), &member["personEmail"]), (200, &json!("guest@elsewhere.example")), "{member}");
    let organisation = lanyard_protocol::WebexId::decode(&text(&member, "/personOrgId")).unwrap();
    assert_eq!(organisation.value, "consumer");
    gateway(&world.tell("/memberships", &token, order).await, 409);
    let wrong = json!({ "roomId": room, "personEmail": "no address" });
    gateway(&world.tell("/memberships", &token, wrong).await, 404);
    let people = world.got("/people?email=guest@elsewhere.example", &token).await.1;
    assert_eq!(people["items"], json!([]), "the organisation has not got them");
}

#[tokio::test]
async fn markdown_is_shown_as_html_and_as_plain_text() {
    let world = World::start().await;
    let token = world.knows().personal.access_token.clone();
    let room = room(&world).await;
    let order = json!({ "roomId": room, "markdown": "**see** [this](https://a.example)" });
    let (_, message) = world.tell("/messages", &token, order).await;
    let html = "<p><strong>see</strong> <a href=\"https://a.example\">this</a></p>";
    assert_eq!((&message["html"], &message["text"]), (&json!(html), &json!("see this")));
}
