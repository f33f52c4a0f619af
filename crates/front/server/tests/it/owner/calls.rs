//! Calls on the owner's socket, and their replies.

use lanyard_broker::{AddApp, AddToken, AddedToken, List, ListApps, ReadAudit, Show, ShowApp};
use lanyard_credential::{AppKind, Kind};
use lanyard_operation::Class;
use lanyard_protocol::{AppClientId, Environment};
use lanyard_secret::{AccessToken, ClientSecret};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::world::{Impostor, Step, World, connect, read_request};

pub(super) fn add_app() -> AddApp {
    AddApp {
        name: "desk".parse().unwrap(),
        kind: AppKind::Integration,
        environment: Environment::commercial(),
        client_id: AppClientId::new("C1"),
        client_secret: ClientSecret::new("a \"secret\""),
        redirect_uris: vec!["http://127.0.0.1:1/callback".parse().unwrap()],
        scopes: "spark:kms".parse().unwrap(),
        application_id: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_done_by_the_broker_on_behalf_of_who_asked() {
    let world = World::new().await;
    let owner = world.owner().await;
    let app = owner.perform(add_app()).await.unwrap();
    assert_eq!(owner.perform(ListApps).await.unwrap(), std::slice::from_ref(&app));
    assert_eq!(world.broker.perform(ShowApp { name: app.name.clone() }).await.unwrap(), app);
    assert_eq!(world.broker.store().app_secret(app.id).await.unwrap().unwrap().expose_secret(), "a \"secret\"");
    let last = owner.perform(ReadAudit { name: None, since: None, limit: 1 }).await.unwrap().remove(0).record;
    let uid = rustix::process::geteuid().as_raw();
    assert_eq!(last.actor, format!("uid {uid} (pid {})", std::process::id()));
    assert_eq!(owner.other_version(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_reads_the_same_as_without_a_broker() {
    let world = World::new().await;
    let owner = world.owner().await;
    owner.perform(add_app()).await.unwrap();
    let there = owner.perform(add_app()).await.unwrap_err();
    let here = world.broker.perform(add_app()).await.unwrap_err();
    assert_eq!(there, here);
    let there = owner.perform(Show { name: "nobody".parse().unwrap() }).await.unwrap_err();
    assert_eq!(there.to_string(), "there is no credential named nobody");
    assert_eq!(there.class(), Class::NoSuchName);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_calls_at_once_are_answered_each_with_its_own() {
    let world = World::new().await;
    let owner = world.owner().await;
    owner.perform(add_app()).await.unwrap();
    let name = || "desk".parse().unwrap();
    let (apps, credentials, app) =
        tokio::join!(owner.perform(ListApps), owner.perform(List), owner.perform(ShowApp { name: name() }));
    assert_eq!(apps.unwrap(), [app.unwrap()]);
    assert!(credentials.unwrap().is_empty());
}

/// A bot's token, of a Webex that takes its time.
fn add_bot(webex: &TcpListener) -> AddToken {
    AddToken {
        name: "bot".parse().unwrap(),
        kind: Kind::Bot,
        environment: Environment::at(&format!("http://{}/v1", webex.local_addr().unwrap())).unwrap(),
        token: AccessToken::new("canary"),
        replace: false,
    }
}

async fn tell_who(mut stream: TcpStream) {
    let body = r#"{"id":"p","emails":["b@webex.bot"],"displayName":"B","type":"bot"}"#;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_after_its_caller_is_gone() {
    let world = World::new().await;
    let webex = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let owner = world.owner().await;
    let call = add_bot(&webex);
    let asking = tokio::spawn(async move { owner.perform(call).await });
    let (mut stream, _) = webex.accept().await.unwrap();
    read_request(&mut stream).await;
    // Webex was asked; now the caller ends, and its connection with it.
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    // Whatever else is asked finds nobody.
    drop(webex);
    tell_who(stream).await;
    while world.broker.perform(List).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let bot = world.broker.perform(Show { name: "bot".parse().unwrap() }).await.unwrap();
    assert_eq!(bot.credential.kind, Kind::Bot);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_travels_there_and_is_not_seen_in_what_comes_back() {
    let world = World::new().await;
    let webex = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let owner = world.owner().await;
    let call = add_bot(&webex);
    let answering = tokio::spawn(async move {
        let (mut stream, _) = webex.accept().await.unwrap();
        let asked = read_request(&mut stream).await;
        tell_who(stream).await;
        asked
    });
    let AddedToken::Added(bot) = owner.perform(call).await.unwrap() else { panic!("it is new") };
    assert!(answering.await.unwrap().contains("Bearer canary"), "the secret arrived whole");
    assert!(!format!("{bot:?}").contains("canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_dies_in_the_middle_of_a_call_is_not_asked_twice() {
    // The first connection is the one that was made before there was anything to ask.
    let impostor = Impostor::playing([Step::Read]);
    let owner = connect(&impostor.socket()).await.unwrap().unwrap();
    let error = owner.perform(add_app()).await.unwrap_err();
    assert_eq!(error.class(), Class::Unreachable);
    assert!(error.to_string().contains("may or may not have been carried out"), "{error}");
    assert!(error.next_step().unwrap().contains("lanyard show"));
    assert_eq!(impostor.requests().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_cut_leaves_it_open_what_was_done() {
    let cut = "HTTP/1.1 200 OK\r\nlanyard-version: 1\r\ncontent-length: 400\r\n\r\n[";
    let impostor = Impostor::playing([Step::Answer(cut.to_owned())]);
    let owner = connect(&impostor.socket()).await.unwrap().unwrap();
    let error = owner.perform(ListApps).await.unwrap_err();
    assert_eq!(error.class(), Class::Unreachable);
    assert!(error.to_string().contains("may or may not have been carried out"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_broker_closed_while_idle_is_made_anew() {
    let answer = |body: &str| {
        let length = body.len();
        Step::Answer(format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\nlanyard-version: 1\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    };
    let impostor = Impostor::playing([Step::Hang, answer("[]"), answer("[]")]);
    let owner = connect(&impostor.socket()).await.unwrap().unwrap();
    // Let the first connection be closed before anything is asked on it.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(owner.perform(ListApps).await.unwrap().is_empty());
    assert!(owner.perform(List).await.unwrap().is_empty());
    assert_eq!(impostor.requests().await, 2);
}
