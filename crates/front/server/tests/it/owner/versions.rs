//! A command and a broker of different versions.

use lanyard_broker::ListApps;
use lanyard_operation::Class;
use lanyard_server::owner::{Meant, Owner, ROUTE};
use lanyard_store::{DatabasePlace, StoreIdentity};

use super::calls::add_app;
use super::world::{Impostor, Step, World, connect};

fn request(name: &str, store: Option<&StoreIdentity>, body: &str) -> String {
    let store = store.map(|store| format!("lanyard-store: {store}\r\n")).unwrap_or_default();
    let length = body.len();
    format!(
        "POST {ROUTE}{name} HTTP/1.1\r\nhost: lanyard\r\nconnection: close\r\n{store}content-length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_another_version_is_done_or_refused_and_never_misread() {
    let world = World::new().await;
    let store = world.broker.store().identity();
    for (name, body, expected) in [
        ("app.list", "null", "200 ok"),
        ("app.future", "null", "lanyard-error: no-such-operation"),
        ("credential.show", "null", "lanyard-error: unreadable-operation"),
        // A field of a later version is not ignored.
        ("credential.rename", r#"{"from":"a","to":"b","dry_run":true}"#, "lanyard-error: unreadable-operation"),
    ] {
        let reply = world.raw(&request(name, Some(&store), body)).await;
        assert!(reply.contains(expected), "{name}: {reply}");
        assert!(reply.contains("cache-control: no-store") && reply.contains("lanyard-version: "), "{reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_says_so_if_the_broker_does_not_understand_it() {
    let refused = |code: &str| {
        let body =
            r#"{"code":"CODE","class":"Store","said":{"message":"m","source":null},"hint":null,"retry_after_ms":null}"#;
        let body = body.replace("CODE", code);
        format!(
            "HTTP/1.1 404 No\r\nlanyard-error: {code}\r\nlanyard-version: 9.9.9\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    // The last one is an earlier Lanyard, which has nothing at that path.
    let earlier = "HTTP/1.1 404 No\r\nlanyard-error: no-such-path\r\ncontent-length: 2\r\n\r\n{}".to_owned();
    for (answer, version) in [
        (refused("no-such-operation"), "Lanyard 9.9.9"),
        (refused("unreadable-operation"), "Lanyard 9.9.9"),
        (earlier, "of another version"),
    ] {
        let impostor = Impostor::playing([Step::Answer(answer)]);
        let owner = connect(&impostor.socket()).await.unwrap().unwrap();
        let problem = owner.perform(ListApps).await.unwrap_err();
        assert_eq!(problem.class(), Class::Store);
        assert!(problem.to_string().contains(version), "{problem}");
        assert!(problem.next_step().unwrap().contains("stop that broker"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_that_is_understood_is_known() {
    let answer = "HTTP/1.1 200 OK\r\nlanyard-version: 9.9.9\r\ncontent-length: 2\r\n\r\n[]";
    let impostor = Impostor::playing([Step::Answer(answer.to_owned())]);
    let owner = connect(&impostor.socket()).await.unwrap().unwrap();
    assert!(owner.perform(ListApps).await.unwrap().is_empty());
    assert_eq!(owner.other_version(), Some("9.9.9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_does_nothing_for_a_command_that_means_another_store() {
    let world = World::new().await;
    let other = DatabasePlace::Server { address: "postgres://u@localhost/other".parse().unwrap(), password_file: None };
    let meant = Meant { store: other.identity(), why: "LANYARD_STORE", hint: "unset LANYARD_STORE" };
    let owner = Owner::connect(&world.socket(), meant).await.unwrap().unwrap();
    for _ in 0..2 {
        let problem = owner.perform(add_app()).await.unwrap_err();
        assert_eq!((problem.class(), problem.next_step()), (Class::Usage, Some("unset LANYARD_STORE")));
        let said = problem.to_string();
        assert!(said.contains("home/lanyard.db") && said.contains("other (LANYARD_STORE)"), "{said}");
    }
    assert!(world.owner().await.perform(ListApps).await.unwrap().is_empty(), "nothing was done");

    // A command that names no store is of a version that cannot be trusted to mean this one.
    let reply = world.raw(&request("app.list", None, "null")).await;
    assert!(reply.contains("lanyard-error: other-store"), "{reply}");
}
