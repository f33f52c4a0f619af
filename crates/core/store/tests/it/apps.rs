//! Apps and their secrets.

use lanyard_credential::{Credential, Standing, TroubleKind};
use lanyard_secret::ClientSecret;
use lanyard_store::{NameError, NewCredential, RemoveAppError};

use super::world::{World, new_app, pending};

#[tokio::test]
async fn an_app_is_found_as_it_was_added() {
    let world = World::new().await;
    let new = new_app("portal");
    world.store.insert_app(&new).await.unwrap();
    assert_eq!(world.store.app(&new.app.name).await.unwrap(), Some(new.app.clone()));
    assert_eq!(world.store.app_by_id(new.app.id).await.unwrap(), Some(new.app.clone()));
    let secret = world.store.app_secret(new.app.id).await.unwrap().unwrap();
    assert!(secret.matches(&new.client_secret));
    assert_eq!(world.store.apps().await.unwrap(), [new.app]);
}

#[tokio::test]
async fn a_name_is_given_once() {
    let world = World::new().await;
    world.store.insert_app(&new_app("portal")).await.unwrap();
    let again = world.store.insert_app(&new_app("portal")).await;
    assert!(matches!(again, Err(NameError::Taken(name)) if name == "portal"));
    assert_eq!(world.store.apps().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_new_secret_lets_those_whom_the_old_one_stopped_try_again() {
    let world = World::new().await;
    let stopped = world.signed_in().await;
    let app = stopped.app.unwrap();
    let wrong = Standing::Stalled(world.trouble(TroubleKind::WrongClient));
    world.store.set_standing(stopped.id, &wrong).await.unwrap();
    let limited = NewCredential {
        credential: Credential {
            app: Some(app),
            standing: Standing::Stalled(world.trouble(TroubleKind::Limited)),
            ..pending("limited")
        },
        tokens: None,
    };
    let limited = world.store.insert_credential(&limited).await.unwrap();

    let secret = ClientSecret::new("canary-second");
    assert!(world.store.replace_app_secret(app, &secret).await.unwrap());

    assert!(world.store.app_secret(app).await.unwrap().unwrap().matches(&secret));
    let may_try = async |id| {
        let found = world.store.credential_by_id(id).await.unwrap().unwrap();
        found.standing.trouble().unwrap().may_try_again(&world.now())
    };
    assert!(may_try(stopped.id).await);
    assert!(!may_try(limited.id).await);
}

#[tokio::test]
async fn an_app_in_use_is_not_removed_and_its_users_are_named() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let app = credential.app.unwrap();
    let refused = async || match world.store.remove_app(app).await {
        Err(RemoveAppError::InUse(names)) => names,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused().await, std::slice::from_ref(&credential.name));

    // Erased, but its tokens cannot be revoked without the app.
    let waiting = world.store.begin_clearing(credential.id).await.unwrap().unwrap();
    world.store.finish_clearing(credential.id).await.unwrap();
    assert_eq!(refused().await, std::slice::from_ref(&credential.name));
    for token in waiting {
        let outcome = lanyard_store::RevocationOutcome::Revoked;
        assert!(world.store.finish_revocation(token.id, &outcome).await.unwrap());
    }
    assert!(world.store.remove_app(app).await.unwrap());
    assert!(!world.store.remove_app(app).await.unwrap());
    assert_eq!(world.store.apps().await.unwrap(), []);
}
