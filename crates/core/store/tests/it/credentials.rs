//! Credentials, hand-outs and new sign-ins.

use lanyard_credential::{
    Credential, Generation, Grant, Organisation, RefreshRight, Standing, Subject, SubjectIdentity, TroubleKind,
    Validity,
};
use lanyard_protocol::{OrgId, PersonId, PersonType};
use lanyard_secret::RefreshToken;
use lanyard_store::{Check, Commit, NameError, NewCredential, NewTokens, UnderWay};

use super::world::{World, access, begun, new_app, pending, seen, stored_refresh};

fn known() -> Subject {
    Subject::Known(SubjectIdentity {
        id: PersonId::new("Y2lzP"),
        account: PersonType::AppUser,
        display_name: "Machine Ä".to_owned(),
        email: None,
    })
}

fn organisation() -> Organisation {
    Organisation { id: OrgId::new("Y2lzO"), name: Some("Acme".to_owned()) }
}

#[tokio::test]
async fn a_credential_is_found_as_it_was_added() {
    let world = World::new().await;
    let app = new_app("portal");
    world.store.insert_app(&app).await.unwrap();
    let plain = pending("plain");
    let cases = [
        plain.clone(),
        Credential {
            app: Some(app.app.id),
            standing: Standing::NeedsLogin(world.trouble(TroubleKind::DeadGrant)),
            grant: Grant::new(2),
            generation: Generation::new(7),
            validity: Some(world.validity()),
            scopes: Some("a b".parse().unwrap()),
            subject: known(),
            organisation: Some(organisation()),
            last_rotated_at: Some("2026-01-02T00:00:00Z".parse().unwrap()),
            ..pending("full")
        },
        Credential {
            standing: Standing::Disabled,
            validity: Some(Validity { access: None, refresh: RefreshRight::Lasting(None), ..world.validity() }),
            scopes: Some("".parse().unwrap()),
            organisation: Some(Organisation { name: None, ..organisation() }),
            ..pending("odd")
        },
    ];
    for credential in cases {
        let new = NewCredential { credential: credential.clone(), tokens: None };
        assert_eq!(world.store.insert_credential(&new).await.unwrap(), credential);
        let found = world.store.credential(&credential.name).await.unwrap();
        assert_eq!(found, Some(credential.clone()));
        assert_eq!(world.store.credential_by_id(credential.id).await.unwrap(), found);
    }
    let names: Vec<String> = world.store.credentials().await.unwrap().iter().map(|c| c.name.to_string()).collect();
    assert_eq!(names, ["full", "odd", "plain"]);
    assert_eq!(access(&world.store, plain.id).await, None);
}

#[tokio::test]
async fn a_refresh_token_that_another_credential_keeps_is_not_stored_again() {
    let world = World::new().await;
    let app = new_app("portal");
    world.store.insert_app(&app).await.unwrap();
    let new = |name: &str, suffix: &str| NewCredential {
        credential: Credential { app: Some(app.app.id), standing: Standing::Active, ..pending(name) },
        tokens: Some(world.tokens(suffix)),
    };
    world.store.insert_credential(&new("first", "1")).await.unwrap();
    let again = world.store.insert_credential(&new("second", "1")).await;
    assert!(matches!(&again, Err(NameError::Held(holder)) if holder.as_str() == "first"), "{again:?}");
    world.store.insert_credential(&new("third", "3")).await.unwrap();
    // A row that does not open keeps nobody else out.
    world.tamper("UPDATE credentials SET refresh_token = zeroblob(1) WHERE name = 'first'").await;
    world.store.insert_credential(&new("fourth", "1")).await.unwrap();
}

#[tokio::test]
async fn what_is_inserted_with_tokens_is_handed_out_in_one_read() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    assert_eq!((credential.grant, credential.generation), (Grant::new(1), Generation::new(1)));
    let found = world.store.hand_out(&credential.name).await.unwrap().unwrap();
    assert_eq!(found.credential, credential);
    let token = world.store.open_access(&found).unwrap().unwrap();
    assert_eq!(token.expose_secret(), "canary-access-1");
    assert_eq!(world.store.hand_outs().await.unwrap().len(), 1);
    assert!(world.store.hand_out(&"nobody".parse().unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_name_is_given_once_and_can_change() {
    let world = World::new().await;
    let first = world.signed_in().await;
    let new = |name: &str| NewCredential { credential: pending(name), tokens: None };
    let taken = world.store.insert_credential(&new("acme")).await;
    assert!(matches!(taken, Err(NameError::Taken(name)) if name == "acme"));
    let second = world.store.insert_credential(&new("beta")).await.unwrap();
    let taken = world.store.rename_credential(second.id, &first.name).await;
    assert!(matches!(taken, Err(NameError::Taken(name)) if name == "acme"));

    assert!(world.store.rename_credential(first.id, &"gamma".parse().unwrap()).await.unwrap());
    // The tokens belong to the id, not to the name.
    assert_eq!(access(&world.store, first.id).await, Some((1, "canary-access-1".to_owned())));
    assert!(world.store.rename_credential(second.id, &first.name).await.unwrap());
}

#[tokio::test]
async fn a_credential_of_an_unknown_app_is_refused() {
    let world = World::new().await;
    let new = NewCredential {
        credential: Credential { app: Some(new_app("never-added").app.id), ..pending("acme") },
        tokens: None,
    };
    assert!(matches!(world.store.insert_credential(&new).await, Err(NameError::UnknownApp)));
}

#[tokio::test]
async fn a_grant_is_put_back_with_its_spare_and_over_no_other_generation() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let id = credential.id;
    let spare = RefreshToken::new("canary-spare");
    assert!(world.store.keep_spare(id, credential.grant, &spare).await.unwrap());
    let earlier = world.store.grant_to_put_back(&credential).await.unwrap().unwrap();
    assert!(earlier.spare.as_ref().is_some_and(|kept| kept.matches(&spare)));
    let pasted = NewTokens { access: None, ..world.tokens("pasted") };
    let subject = &credential.subject;
    let kept = earlier.tokens.refresh.as_ref();
    // Somebody else was faster.
    let moved = (credential.generation.next(), kept);
    assert_eq!(world.store.replace_grant_keeping(id, moved, &pasted, subject, None).await.unwrap(), None);
    let now = (credential.generation, kept);
    let put = world.store.replace_grant_keeping(id, now, &pasted, subject, None).await.unwrap().unwrap();
    assert!(world.store.grant_to_put_back(&credential).await.unwrap().is_none(), "another generation is there");
    assert_eq!(world.store.put_grant_back(id, credential.generation, &earlier, subject, None).await.unwrap(), None);
    world.store.put_grant_back(id, put, &earlier, subject, None).await.unwrap().unwrap();
    let now = world.store.credential_by_id(id).await.unwrap().unwrap();
    let back = world.store.grant_to_put_back(&now).await.unwrap().unwrap();
    assert!(back.spare.is_some_and(|kept| kept.matches(&spare)));
    assert!(back.tokens.refresh.unwrap().matches(earlier.tokens.refresh.as_ref().unwrap()));
}

#[tokio::test]
async fn a_new_sign_in_replaces_grant_spare_intent_and_trouble() {
    let world = World::new().await;
    let old = world.signed_in().await;
    let (_, declared) = begun(&world.store, old.id).await;
    let spare = RefreshToken::new("canary-spare");
    assert!(world.store.keep_spare(old.id, old.grant, &spare).await.unwrap());
    let trouble = Standing::Stalled(world.trouble(TroubleKind::OutcomeUnknown));
    world.store.set_standing(old.id, &trouble).await.unwrap();

    let generation =
        world.store.replace_grant(old.id, &world.tokens("2"), &known(), Some(&organisation())).await.unwrap();

    assert_eq!(generation, Some(Generation::new(2)));
    let view = seen(&world.store, old.id).await;
    assert_eq!(view.credential.grant, Grant::new(2));
    assert_eq!(view.credential.standing, Standing::Active);
    assert_eq!(view.credential.subject, known());
    assert_eq!(view.credential.organisation, Some(organisation()));
    assert_eq!((view.under_way, view.has_spare), (UnderWay::Nothing, false));
    assert_eq!(access(&world.store, old.id).await, Some((2, "canary-access-2".to_owned())));
    assert_eq!(stored_refresh(&world.store, old.id).await, "canary-refresh-2");
    // What was under way for the earlier grant comes too late, and its token is nobody's spare.
    let late = world.store.commit(old.id, old.grant, &declared.intent, &world.rotated("late")).await.unwrap();
    assert_eq!(late, Commit::Overtaken { generation: Generation::new(2), same_grant: false });
    assert!(!world.store.keep_spare(old.id, old.grant, &spare).await.unwrap());
}

#[tokio::test]
async fn a_check_is_written_only_about_the_token_that_was_looked_at() {
    let world = World::new().await;
    let bot =
        NewCredential { credential: pending("bot"), tokens: Some(NewTokens { refresh: None, ..world.tokens("1") }) };
    let bot = world.store.insert_credential(&bot).await.unwrap();
    let dead = Check {
        subject: known(),
        organisation: None,
        seen: bot.standing.clone(),
        standing: Standing::NeedsLogin(world.trouble(TroubleKind::DeadToken)),
    };
    assert!(!world.store.record_check(bot.id, bot.generation.next(), &dead).await.unwrap());
    assert_eq!(world.store.credential_by_id(bot.id).await.unwrap().unwrap(), bot);
    assert!(world.store.record_check(bot.id, bot.generation, &dead).await.unwrap());
    let found = world.store.credential_by_id(bot.id).await.unwrap().unwrap();
    assert_eq!((&found.subject, &found.standing), (&dead.subject, &dead.standing));

    // A look that began before that saw nothing wrong: what it says of the standing is old.
    let well = Check { seen: bot.standing.clone(), standing: bot.standing.clone(), ..dead.clone() };
    assert!(world.store.record_check(bot.id, bot.generation, &well).await.unwrap());
    assert_eq!(world.store.credential_by_id(bot.id).await.unwrap().unwrap().standing, dead.standing);
    let well = Check { seen: dead.standing, ..well };
    assert!(world.store.record_check(bot.id, bot.generation, &well).await.unwrap());
    assert_eq!(world.store.credential_by_id(bot.id).await.unwrap().unwrap().standing, bot.standing);
}

#[tokio::test]
async fn what_is_disabled_stays_so_until_it_is_enabled() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    assert!(world.store.set_standing(credential.id, &Standing::Disabled).await.unwrap());
    let check = Check { subject: known(), organisation: None, seen: Standing::Active, standing: Standing::Active };
    assert!(world.store.record_check(credential.id, credential.generation, &check).await.unwrap());
    world.store.replace_grant(credential.id, &world.tokens("2"), &known(), None).await.unwrap().unwrap();
    let found = world.store.credential_by_id(credential.id).await.unwrap().unwrap();
    assert_eq!(found.standing, Standing::Disabled);
    assert!(world.store.set_standing(credential.id, &Standing::Active).await.unwrap());
    let found = world.store.credential_by_id(credential.id).await.unwrap().unwrap();
    assert_eq!(found.standing, Standing::Active);
}

#[tokio::test]
async fn what_is_erased_is_gone_for_every_method() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let (_, declared) = begun(&world.store, credential.id).await;
    assert!(world.store.remove_credential(credential.id).await.unwrap());
    assert!(!world.store.remove_credential(credential.id).await.unwrap());
    assert_eq!(access(&world.store, credential.id).await, None);
    let late =
        world.store.commit(credential.id, credential.grant, &declared.intent, &world.rotated("2")).await.unwrap();
    assert_eq!(late, Commit::Erased);
    let generation = world.store.replace_grant(credential.id, &world.tokens("2"), &known(), None).await.unwrap();
    assert_eq!(generation, None);
    assert_eq!(world.store.begin_clearing(credential.id).await.unwrap().map(|waiting| waiting.len()), None);
}

/// PostgreSQL has no such text. What is stored instead is no sign of tampering.
#[tokio::test]
async fn a_nul_in_a_name_from_webex_is_stored_as_another_character() {
    let world = World::new().await;
    let subject = Subject::Unknown("Lo\0bby".to_owned());
    let credential = Credential { subject, ..pending("lobby") };
    world.store.insert_credential(&NewCredential { credential: credential.clone(), tokens: None }).await.unwrap();
    let stored = world.store.credential_by_id(credential.id).await.unwrap().unwrap();
    assert_eq!(stored.subject, Subject::Unknown("Lo\u{fffd}bby".to_owned()));
}
