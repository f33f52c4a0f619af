//! Tokens for calls that a command makes itself.

use lanyard_broker::ReadAudit;
use lanyard_client::TokenSource as _;
use lanyard_credential::{Kind, RefreshRight, Validity};
use lanyard_protocol::Environment;
use lanyard_secret::AccessToken;
use lanyard_store::{NewCredential, NewTokens};
use lanyard_testkit::credential;

use super::world::World;

#[tokio::test]
async fn a_command_gets_the_token_in_use_and_a_newer_one_at_once() {
    let world = World::new().await;
    let environment = Environment::commercial();
    let tokens = |text: &str| {
        let obtained = world.broker.parts().clock.now();
        let validity = Validity { obtained, access: None, refresh: RefreshRight::None };
        NewTokens { access: Some(AccessToken::new(text)), refresh: None, validity, scopes: None }
    };
    let store = world.broker.store();
    let new = NewCredential { credential: credential("bot", Kind::Bot, &environment), tokens: Some(tokens("first")) };
    let stored = store.insert_credential(&new).await.unwrap();
    let owner = world.owner().await;
    let source = owner.tokens_of(stored.name.clone(), Some(environment.clone()), "devices sync");
    let first = source.issue().await.unwrap();
    assert_eq!((first.token.expose_secret(), first.generation, &*first.environment), ("first", 1, &environment));

    store.replace_grant(stored.id, &tokens("second"), &stored.subject, None).await.unwrap().unwrap();
    let second = source.replace(&first).await.unwrap().unwrap();
    assert_eq!((second.token.expose_secret(), second.generation), ("second", 2));
    assert_eq!(second.subject, first.subject);
    // The broker writes hand-outs down a moment later.
    loop {
        let read = ReadAudit { name: None, since: None, limit: 9 };
        let events = world.broker.perform(read).await.unwrap();
        if events.iter().any(|entry| entry.record.event.to_string() == "devices sync, generation 2") {
            break;
        }
        tokio::task::yield_now().await;
    }

    let elsewhere = owner.tokens_of(stored.name, Some(Environment::fedramp()), "devices sync");
    assert!(elsewhere.issue().await.unwrap_err().to_string().contains("belongs to"));
}
