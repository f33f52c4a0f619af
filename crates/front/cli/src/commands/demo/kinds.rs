//! One credential of each kind.

use std::sync::Arc;

use lanyard_broker::{
    AddApp, AddGuest, AddServiceApp, AddToken, BeginSignIn, FinishSignIn, ServiceAppSource, SignedIn,
};
use lanyard_credential::{AppKind, Kind, Subject};
use lanyard_protocol::oauth::{Callback, RedirectUri};
use lanyard_protocol::{AppClientId, ScopeSet};
use lanyard_secret::{AccessToken, ClientSecret, RefreshToken, SafeUrl};
use lanyard_simulator::{Next, Person};

use super::stage::{LONGEST, Stage, check, failed, named, say};
use crate::exit::Failure;
use crate::output;

/// The scopes that the integration asks for.
const SCOPES: [&str; 5] = [
    "spark:people_read",
    "spark-admin:people_read",
    "spark-admin:organizations_read",
    "spark-admin:devices_read",
    "spark-admin:workspaces_read",
];

/// Signs an administrator in to an integration: OAuth's whole code exchange with PKCE. Only the person at the browser is played.
pub(super) async fn integration(stage: &Stage) -> Result<(), Failure> {
    let app = &stage.webex.integration;
    let redirect_uri: Option<RedirectUri> = app.redirect_uris.first().and_then(|uri| uri.parse().ok());
    let redirect_uri = redirect_uri.ok_or_else(|| failed("the local Webex names no redirect URI"))?;
    let scopes: ScopeSet = SCOPES.iter().filter_map(|scope| scope.parse().ok()).collect();
    let add = AddApp {
        name: named("desk")?,
        kind: AppKind::Integration,
        environment: stage.environment.clone(),
        client_id: AppClientId::new(app.client_id.as_str()),
        client_secret: ClientSecret::new(app.client_secret.as_str()),
        redirect_uris: vec![redirect_uri.clone()],
        scopes: scopes.clone(),
        application_id: None,
    };
    stage.broker.perform(add).await?;
    let begin = BeginSignIn {
        name: named("admin")?,
        app: Some(named("desk")?),
        scopes: ScopeSet::default(),
        replace: false,
        expected: None,
    };
    let sign_in = Arc::new(stage.broker.perform(begin).await?);
    let callback = person_signs_in(stage, sign_in.url(&redirect_uri)).await?;
    let finish = FinishSignIn { sign_in, callback, redirect_uri, pasted: false };
    let SignedIn { credential, missing, .. } = stage.broker.perform(finish).await?;
    if let Subject::Known(subject) = &credential.subject {
        say(&format!("  admin: an integration; {} signed in and consented", output::credential::subject(subject)));
    }
    check(missing.is_empty(), "every scope asked for was granted")
}

/// Fills in the local Webex's own pages, as a browser would: sign-in, then consent.
async fn person_signs_in(stage: &Stage, url: SafeUrl) -> Result<Callback, Failure> {
    let admin = stage.webex.admin.clone();
    let person = Person { email: admin.email, password: admin.password, accepts: true };
    let mut request = person.open(url);
    loop {
        let page = stage.transport.send(&stage.environment, request, LONGEST).await;
        let page = page.map_err(|error| failed(error.to_string()))?.response;
        match person.follow(&stage.environment, &page).map_err(|error| failed(error.to_string()))? {
            Next::Send(next) => request = next,
            Next::Arrive(url) => {
                return Callback::from_query(url.query().unwrap_or_default())
                    .map_err(|error| failed(format!("the browser came back with nothing: {error}")));
            }
        }
    }
}

/// The four other kinds.
pub(super) async fn others(stage: &Stage) -> Result<(), Failure> {
    let webex = &stage.webex;
    for (name, kind, token, said) in [
        ("lobby", Kind::Bot, &webex.bot.access_token, "a bot; the token that the portal shows once"),
        ("me", Kind::Personal, &webex.personal.access_token, "a personal token, valid for at most twelve hours"),
    ] {
        let token = AccessToken::new(token.as_str());
        let environment = stage.environment.clone();
        stage.broker.perform(AddToken { name: named(name)?, kind, environment, token, replace: false }).await?;
        say(&format!("  {name}: {said}"));
    }
    let app = &webex.service_app;
    let add = AddApp {
        name: named("fleet-app")?,
        kind: AppKind::ServiceApp,
        environment: stage.environment.clone(),
        client_id: AppClientId::new(app.client_id.as_str()),
        client_secret: ClientSecret::new(app.client_secret.as_str()),
        redirect_uris: Vec::new(),
        scopes: ScopeSet::default(),
        application_id: None,
    };
    stage.broker.perform(add).await?;
    let source = ServiceAppSource::RefreshToken(RefreshToken::new(app.refresh_token.as_str()));
    let add = AddServiceApp { name: named("fleet")?, app: named("fleet-app")?, source, replace: false, expected: None };
    stage.broker.perform(add).await?;
    say("  fleet: a service app; a machine account that an administrator authorised");
    let add = AddGuest {
        name: named("visitor")?,
        via: named("fleet")?,
        subject: named("foyer-17")?,
        display_name: "A visitor".to_owned(),
        expected: None,
    };
    stage.broker.perform(add).await?;
    say("  visitor: a guest, minted through the service app, and minted again whenever it is needed");
    Ok(())
}
