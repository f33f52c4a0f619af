//! Meetings are scheduled, listed, changed, joined and cancelled. It is the 2nd of March 2026, 8:00 UTC.

use lanyard_simulator::Options;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fidelity::Office;
use crate::lists::every_page;
use crate::world::{Answer, World, answer, text};

/// A new meeting, with the fields that the reference requires.
pub(crate) fn review() -> Value {
    json!({ "title": "Review", "start": "2026-03-03T09:00:00Z", "end": "2026-03-03T10:00:00Z" })
}

/// An office whose token outlives a day.
pub(crate) async fn office_of_a_host() -> Office {
    let world = World::start().await;
    let token = host_token(&world).await;
    Office { world, token }
}

async fn host_token(world: &World) -> String {
    let scopes = "meeting:schedules_read meeting:schedules_write";
    text(&world.signed_in(&world.knows().admin.email, scopes).await, "/access_token")
}

fn with(mut meeting: Value, changes: &Value) -> Value {
    meeting.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    meeting
}

async fn schedule(office: &Office, changes: &Value) -> Value {
    let (status, made) = office.write(Method::POST, "/meetings", with(review(), changes)).await;
    assert_eq!(status, 200, "{made}");
    made
}

/// A refusal whose reason stands among its errors.
#[track_caller]
pub(crate) fn invalid((status, body): &Answer) -> String {
    assert_eq!((status.as_u16(), &body["message"]), (400, &json!("The input parameters contain invalid items.")));
    text(body, "/errors/0/description")
}

fn titles(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|meeting| text(meeting, "/title")).collect()
}

#[tokio::test]
async fn a_meeting_is_scheduled_shown_changed_and_cancelled() {
    let office = Office::open().await;
    let made = schedule(&office, &json!({ "agenda": "All", "timezone": "Asia/Shanghai", "publicMeeting": true })).await;
    let id = text(&made, "/id");
    for (field, expected) in [
        ("title", json!("Review")),
        ("agenda", json!("All")),
        ("meetingType", json!("meetingSeries")),
        ("state", json!("active")),
        ("timezone", json!("Asia/Shanghai")),
        ("start", json!("2026-03-03T17:00:00+08:00")),
        ("publicMeeting", json!(true)),
        ("hostEmail", json!(office.world.knows().admin.email)),
    ] {
        assert_eq!(made[field], expected, "{field}");
    }
    let (number, site) = (text(&made, "/meetingNumber"), text(&made, "/siteUrl"));
    assert_eq!((number.len(), text(&made, "/sipAddress")), (11, format!("{number}@{site}")));
    assert!(text(&made, "/webLink").starts_with(&format!("https://{site}/")) && site.ends_with(".example"));

    let path = format!("/meetings/{id}");
    let shown = office.read(&path).await;
    assert_eq!((&shown["start"], &shown["timezone"]), (&json!("2026-03-03T09:00:00Z"), &json!("UTC")));
    assert_eq!(shown["password"], made["password"]);
    let zoned = office.world.get(&path, &office.token).header("timezone", "Asia/Shanghai").send().await.unwrap();
    assert_eq!(answer(zoned).await.1, made);

    let renamed = json!({ "title": "Audit", "agenda": null, "end": "2026-03-03T18:30:00", "meetingOptions": { "enabledChat": false } });
    let (status, changed) = office.write(Method::PATCH, &path, renamed).await;
    assert_eq!((status.as_u16(), &changed["title"], changed.get("agenda")), (200, &json!("Audit"), None), "{changed}");
    assert_eq!(changed["end"], "2026-03-03T18:30:00+08:00", "a time without an offset is in the meeting's zone");
    assert_eq!(changed["meetingOptions"]["enabledVideo"], true);
    let put = json!({ "title": "Audit 2", "password": made["password"], "start": made["start"], "end": made["end"] });
    assert_eq!(office.write(Method::PUT, &path, put).await.1["title"], "Audit 2");
    assert_eq!(office.read(&path).await["publicMeeting"], true);

    assert_eq!(office.write(Method::DELETE, &path, Value::Null).await.0, 204);
    assert_eq!(office.world.status(&path, &office.token).await, 404);
    assert_eq!(office.read("/meetings").await["items"], json!([]));
}

#[tokio::test]
async fn what_is_no_meeting_is_refused_with_its_reason() {
    let office = Office::open().await;
    for (changes, reason) in [
        (json!({ "title": "" }), "title"),
        (json!({ "title": "x".repeat(129) }), "128"),
        (json!({ "agenda": "x".repeat(1301) }), "1300"),
        (json!({ "start": null }), "start"),
        (json!({ "start": "soon" }), "soon"),
        (json!({ "start": "2026-03-02T07:00:00Z" }), "before"),
        (json!({ "end": "2026-03-03T09:05:00Z" }), "10 minutes"),
        (json!({ "timezone": "Mars/Olympus" }), "Mars/Olympus"),
        (json!({ "password": "lower7" }), "uppercase and lowercase"),
        (json!({ "recurrence": "FREQ=HOURLY" }), "FREQ"),
        (json!({ "scheduledType": "party" }), "party"),
        (json!({ "siteUrl": "elsewhere.example" }), "elsewhere.example"),
        (json!({ "hostEmail": "nobody@nowhere.example" }), "nobody"),
        (json!({ "invitees": [{ "email": "x" }] }), "x is not"),
        (json!({ "reminderTime": "soon" }), "reminderTime"),
        (json!({ "adhoc": true }), "adhoc"),
        (json!({ "registration": { "rules": [{}] } }), "rules"),
    ] {
        let refused = office.write(Method::POST, "/meetings", with(review(), &changes)).await;
        let said = invalid(&refused);
        assert!(said.contains(reason), "{changes}: {said}");
    }
    assert_eq!(office.write(Method::POST, "/meetings", json!({ "title": 7 })).await.0, 400);
    assert_eq!(office.read("/meetings").await["items"], json!([]));
}

#[tokio::test]
async fn a_series_has_scheduled_meetings_that_change_and_go_alone() {
    let mut office = office_of_a_host().await;
    let made = schedule(&office, &json!({ "title": "Daily", "recurrence": "FREQ=DAILY;COUNT=4" })).await;
    let series = text(&made, "/id");
    let all = format!("/meetings?meetingSeriesId={series}");
    let list = office.read(&all).await;
    let ids: Vec<_> = list["items"].as_array().unwrap().iter().map(|meeting| text(meeting, "/id")).collect();
    let expected: Vec<_> = (3..=6).map(|day| format!("{series}_202603{day:02}T090000Z")).collect();
    assert_eq!(ids, expected);
    assert!(list["items"].as_array().unwrap().iter().all(|meeting| meeting["meetingSeriesId"] == *series));

    let second = format!("/meetings/{}", ids[1]);
    let moved = json!({ "title": "Late", "start": "2026-03-04T15:00:00Z", "end": "2026-03-04T15:30:00Z" });
    let (_, changed) = office.write(Method::PATCH, &second, moved).await;
    assert_eq!((&changed["id"], &changed["isModified"]), (&json!(ids[1]), &json!(true)));
    assert_eq!(office.write(Method::DELETE, &format!("/meetings/{}", ids[2]), Value::Null).await.0, 204);
    assert_eq!(titles(&office.read(&all).await), ["Daily", "Late", "Daily"]);
    assert_eq!(office.world.status(&format!("/meetings/{}", ids[2]), &office.token).await, 404);
    assert_eq!(titles(&office.read("/meetings?meetingType=scheduledMeeting&isModified=true").await), ["Late"]);

    // The series has the times of its current meeting, or of the first.
    office.world.pass(std::time::Duration::from_hours(30));
    let starts = async |query: &str| text(&office.read(query).await, "/items/0/start");
    assert_eq!(starts("/meetings").await, "2026-03-04T15:00:00Z");
    assert_eq!(starts("/meetings?current=false").await, "2026-03-03T09:00:00Z");
    assert_eq!(office.read(&format!("/meetings/{series}?current=true")).await["title"], "Late");
    let states = office.read(&all).await;
    let states: Vec<_> = states["items"].as_array().unwrap().iter().map(|meeting| text(meeting, "/state")).collect();
    assert_eq!(states, ["missed", "scheduled", "scheduled"]);

    // A series that moves loses its exceptions.
    let moved =
        json!({ "recurrence": "FREQ=WEEKLY;COUNT=2", "start": "2026-03-10T09:00:00Z", "end": "2026-03-10T10:00:00Z" });
    assert_eq!(office.write(Method::PATCH, &format!("/meetings/{series}"), moved).await.0, 200);
    assert_eq!(titles(&office.read(&all).await), ["Daily", "Daily"]);
    // The rule follows the start: the series is on Thursdays then.
    let moved = json!({ "start": "2026-03-12T09:00:00Z", "end": "2026-03-12T10:00:00Z" });
    assert_eq!(office.write(Method::PATCH, &format!("/meetings/{series}"), moved).await.0, 200);
    assert_eq!(text(&office.read(&all).await, "/items/1/start"), "2026-03-19T09:00:00Z");
    office.world.pass(std::time::Duration::from_hours(30 * 24));
    office.token = host_token(&office.world).await;
    assert_eq!(office.read(&format!("/meetings/{series}")).await["state"], "expired");
}

#[tokio::test]
async fn a_list_has_its_filters_and_its_pages() {
    let office = Office::open().await;
    let mut made = Vec::new();
    for (title, day) in [("A", 3), ("B", 4), ("C", 5), ("D", 20)] {
        let times = json!({ "title": title, "start": format!("2026-03-{day:02}T09:00:00Z"), "end": format!("2026-03-{day:02}T10:00:00Z") });
        made.push(schedule(&office, &times).await);
    }
    let webinar = json!({ "title": "W", "scheduledType": "webinar", "integrationTags": ["T-1"] });
    made.push(schedule(&office, &webinar).await);
    let site = text(&made[0], "/siteUrl");
    let link: String = form_urlencoded::byte_serialize(text(&made[1], "/webLink").as_bytes()).collect();
    for (query, expected) in [
        (String::new(), "A W B C"),
        ("from=2026-03-04&to=2026-03-21".to_owned(), "B C D"),
        ("from=2026-03-15".to_owned(), "D"),
        ("to=2026-03-04T09:00:00Z".to_owned(), "A W"),
        ("meetingType=scheduledMeeting&state=scheduled&to=2026-03-05".to_owned(), "A W B"),
        ("meetingType=meeting".to_owned(), ""),
        ("meetingType=meeting&state=ended&hasRecording=true".to_owned(), ""),
        ("state=expired".to_owned(), ""),
        ("scheduledType=webinar".to_owned(), "W"),
        ("scheduledType=personalRoomMeeting".to_owned(), ""),
        ("integrationTag=T-1".to_owned(), "W"),
        (format!("siteUrl={site}"), "A W B C"),
        ("siteUrl=elsewhere.example".to_owned(), ""),
        (format!("meetingNumber={}", text(&made[3], "/meetingNumber")), "D"),
        (format!("webLink={link}&current=false"), "B"),
    ] {
        assert_eq!(titles(&office.read(&format!("/meetings?{query}")).await).join(" "), expected, "{query}");
    }
    for wrong in [
        "meetingType=party",
        "state=odd",
        "from=2026-03-05&to=2026-03-04",
        "from=soon",
        "hasChat=true",
        "meetingNumber=1&webLink=2",
        "scheduledType=odd",
    ] {
        invalid(&office.world.got(&format!("/meetings?{wrong}"), &office.token).await);
    }
    for max in [1, 2, 3, 100] {
        let pages = every_page(&office.world, &format!("/meetings?max={max}"), "items", &office.token).await;
        assert!(pages.iter().all(|page| page.len() <= max));
        assert_eq!(titles(&json!({ "items": pages.concat() })), ["A", "W", "B", "C"], "{max}");
    }
}

#[tokio::test]
async fn hosts_invitees_and_others_see_what_is_theirs() {
    let office = Office::open().await;
    let world = &office.world;
    let others = office.read("/people?max=4").await;
    let email = |index: usize| text(&others["items"][index], "/emails/0");
    let scopes = "meeting:schedules_read meeting:schedules_write";
    let token = async |email: &str| text(&world.signed_in(email, scopes).await, "/access_token");
    let (cohost, guest, stranger) = (token(&email(1)).await, token(&email(2)).await, token(&email(3)).await);
    let invitees = json!([{ "email": email(1), "coHost": true }, { "email": email(2) }]);
    let made = schedule(&office, &json!({ "invitees": invitees })).await;
    let path = format!("/meetings/{}", text(&made, "/id"));

    assert_eq!(world.got(&path, &cohost).await.1["hostKey"], made["hostKey"]);
    let (_, seen) = world.got(&path, &guest).await;
    assert_eq!((&seen["password"], seen.get("hostKey")), (&made["password"], None));
    assert_eq!(titles(&world.got("/meetings", &guest).await.1), ["Review"]);
    assert_eq!(world.status(&path, &stranger).await, 404);
    assert_eq!(titles(&world.got("/meetings", &stranger).await.1), [""; 0]);
    let told = world.get(&path, &stranger).header("password", text(&made, "/password")).send().await.unwrap();
    assert_eq!(told.status(), 200);

    let rename = async |token: &str| {
        let request = world.http.patch(world.url(&path)).bearer_auth(token).json(&json!({ "title": "Mine" }));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!([rename(&cohost).await, rename(&guest).await, rename(&stranger).await], [200, 403, 404]);
    // One who has no licence for meetings hosts none.
    assert_eq!(world.tell("/meetings", &guest, review()).await.0, 403);
    assert_eq!(world.tell("/meetings", &world.knows().bot.access_token, review()).await.0, 403);
    let reader = text(&world.signed_in(&world.knows().admin.email, "meeting:schedules_read").await, "/access_token");
    assert_eq!(world.tell("/meetings", &reader, review()).await.0, 403);
}

#[tokio::test]
async fn an_administrator_and_a_service_app_act_for_a_host_of_their_organisation() {
    let world = World::with(Options { organisations: 2, ..Options::default() }).await;
    let token = world.knows().personal.access_token.clone();
    let office = Office { world, token };
    let meetings = office.id("/licenses", "Meeting - Webex Meeting Center").await;
    let mine = office.read("/people/me").await["id"].clone();
    let host = office
        .person(|person| person["id"] != mine && person["licenses"].as_array().unwrap().contains(&json!(meetings)))
        .await;
    let email = text(&host, "/emails/0");
    for (kind, token) in [("administrator", office.token.clone()), ("service app", office.world.machine().await)] {
        let (status, made) =
            office.world.tell("/meetings", &token, with(review(), &json!({ "hostEmail": email }))).await;
        assert_eq!((status.as_u16(), &made["hostUserId"]), (200, &host["id"]), "{kind} {made}");
        let path = format!("/meetings/{}", text(&made, "/id"));
        assert_eq!(office.world.status(&path, &token).await, 404, "{kind}: it is not its own");
        let path = format!("{path}?hostEmail={email}");
        assert_eq!(office.world.status(&path, &token).await, 200, "{kind}");
        let list = office.world.got(&format!("/meetings?hostEmail={email}"), &token).await.1;
        assert_eq!(titles(&list), ["Review"], "{kind}");
        let request = office.world.http.delete(office.world.url(&path)).bearer_auth(&token);
        assert_eq!(request.send().await.unwrap().status(), 204, "{kind}");
    }
    // Neither does a partner act for a customer's host, nor a service app without naming one.
    let elsewhere = with(review(), &json!({ "hostEmail": "admin@customer1.example" }));
    invalid(&office.write(Method::POST, "/meetings", elsewhere).await);
    assert_eq!(office.world.tell("/meetings", &office.world.machine().await, review()).await.0, 403);
    // A host who is deleted takes the meetings along.
    let (_, made) = office.write(Method::POST, "/meetings", with(review(), &json!({ "hostEmail": email }))).await;
    let number = text(&made, "/meetingNumber");
    assert_eq!(office.write(Method::DELETE, &format!("/people/{}", text(&host, "/id")), Value::Null).await.0, 204);
    let join = json!({ "meetingNumber": number, "password": made["password"] });
    assert_eq!(office.write(Method::POST, "/meetings/join", join).await.0, 404);
}

#[tokio::test]
async fn links_to_join_are_made_for_whoever_may() {
    let office = Office::open().await;
    let made = schedule(&office, &json!({})).await;
    let (status, links) =
        office.write(Method::POST, "/meetings/join", json!({ "meetingId": made["id"], "joinDirectly": false })).await;
    assert_eq!(status, 200, "{links}");
    assert!(text(&links, "/joinLink").starts_with(&format!("https://{}/", text(&made, "/siteUrl"))));
    assert!(links["startLink"].is_string() && links["startLink"] != links["joinLink"]);
    assert_eq!(links["expiration"], "2026-03-02T08:15:00Z");
    let request = office.world.post("/meetings/join", &office.token, &json!({ "webLink": made["webLink"] }));
    assert_eq!(request.send().await.unwrap().status(), 302);

    let someone = office.world.someone().await;
    let token = text(&office.world.signed_in(&someone, "meeting:schedules_read").await, "/access_token");
    let order = json!({ "meetingNumber": made["meetingNumber"], "joinDirectly": false });
    invalid(&office.world.tell("/meetings/join", &token, order.clone()).await);
    let (_, links) =
        office.world.tell("/meetings/join", &token, with(order, &json!({ "password": made["password"] }))).await;
    assert_eq!((links["joinLink"].is_string(), links.get("startLink")), (true, None));
    for wrong in [
        json!({}),
        json!({ "meetingId": made["id"], "webLink": made["webLink"] }),
        json!({ "meetingId": made["id"], "expirationMinutes": 61 }),
        json!({ "meetingId": made["id"], "displayName": "X" }),
    ] {
        invalid(&office.write(Method::POST, "/meetings/join", wrong).await);
    }
}
