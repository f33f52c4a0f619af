//! A value of each call and each reply; every secret in them is [`CANARY`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use lanyard_credential::{
    App, AppId, AppKind, AppName, Credential, CredentialId, CredentialName, Generation, Grant, Job, Kind, Label, Mint,
    Order, Organisation, RefreshRight, Standing, Subject, SubjectIdentity, Trouble, TroubleKind, Validity,
};
use lanyard_operation::{Code, Problem, decode, encode};
use lanyard_protocol::oauth::Callback;
use lanyard_protocol::{
    AppClientId, Authorization, AuthorizationId, AuthorizationKind, Environment, OrgId, PersonId, PersonType,
    WorkspaceId,
};
use lanyard_secret::{AccessToken, AuthorizationCode, ClientSecret, RefreshToken, SecretBytes, SecretText, State};
use lanyard_store::{
    About, AuditVerdict, Event, Fault, JournalEntry, JournalRecord, NewCredential, NewTokens, PrunedNote, Refusal,
    RefusedClient, Retention, TokenKind, Verified,
};
use lanyard_time::{BootId, BootTime, Moment, SystemEntropy};
use lanyard_work::{CancelRun, ListRuns, RunError, RunView, ShowRun, Start, UnitId};
use serde_json::{Value, json};

use super::Trips;
use crate::*;

pub(super) use crate::trips::CANARY;

fn name() -> CredentialName {
    "acme".parse().unwrap()
}

fn app_name() -> AppName {
    "desk".parse().unwrap()
}

fn expected() -> Environment {
    Environment::fedramp()
}

fn moment() -> Moment {
    let boot = BootTime { boot: BootId::new("a"), elapsed: Duration::new(5, 7) };
    Moment { wall: "2026-01-01T00:00:00.123456789Z".parse().unwrap(), boot }
}

fn trouble() -> Trouble {
    let pause = Duration::from_secs(9);
    Trouble { at: moment(), kind: TroubleKind::DeadGrant, message: "it failed".to_owned(), failures: 2, pause }
}

pub(super) fn app() -> App {
    App {
        id: AppId::random(&SystemEntropy),
        name: app_name(),
        kind: AppKind::ServiceApp,
        environment: Environment::at("http://127.0.0.1:9/v1").unwrap(),
        client_id: AppClientId::new("C1"),
        redirect_uris: vec!["http://127.0.0.1:1/callback".parse().unwrap()],
        scopes: "spark:kms spark:people_read".parse().unwrap(),
        application_id: Some("id".to_owned()),
    }
}

fn credential() -> Credential {
    let subject = SubjectIdentity {
        id: PersonId::new("p"),
        account: PersonType::AppUser,
        display_name: "Ä \"B\"".to_owned(),
        email: None,
    };
    Credential {
        id: CredentialId::random(&SystemEntropy),
        name: name(),
        kind: Kind::ServiceApp,
        environment: Environment::commercial(),
        app: Some(AppId::random(&SystemEntropy)),
        mint: Some(Mint {
            via: CredentialId::random(&SystemEntropy),
            order: Order::Guest { subject: "visitor 17".parse().unwrap(), display_name: "V".to_owned() },
        }),
        standing: Standing::NeedsLogin(trouble()),
        grant: Grant::new(2),
        generation: Generation::new(3),
        validity: Some(Validity {
            obtained: moment(),
            access: Some(Duration::from_millis(1)),
            refresh: RefreshRight::Lasting(None),
        }),
        scopes: Some("spark:kms".parse().unwrap()),
        subject: Subject::Known(subject),
        organisation: Some(Organisation { id: OrgId::new("o"), name: Some("O".to_owned()) }),
        created_at: moment().wall,
        last_rotated_at: Some(moment().wall),
        labels: BTreeMap::from([("room".to_owned(), "4 \n".to_owned())]),
    }
}

fn tokens() -> ImportedTokens {
    ImportedTokens {
        access: Some(AccessToken::new(CANARY)),
        refresh: Some(RefreshToken::new(CANARY)),
        scopes: credential().scopes,
    }
}

/// As only a broker makes one.
fn sign_in() -> SignIn {
    let secret = json!("Y2FuYXJ5");
    let app: Value = decode(&encode(&app()).unwrap()).unwrap();
    let value = json!({
        "name": "acme", "replace": true, "app": app, "scopes": "spark:kms", "state": secret, "verifier": secret,
    });
    decode(value.to_string().as_bytes()).unwrap()
}

fn device() -> DeviceSignIn {
    let secret = json!("Y2FuYXJ5");
    let sign_in: Value = decode(&encode(&sign_in()).unwrap()).unwrap();
    let asked: Value = decode(&encode(&moment()).unwrap()).unwrap();
    // https://a/
    let page = json!("aHR0cHM6Ly9hLw");
    let authorization = json!({
        "device_code": secret, "user_code": "1", "verification_uri": page, "verification_uri_complete": page,
        "expires_in": null, "interval": { "secs": 5, "nanos": 0 },
    });
    let value = json!({ "sign_in": sign_in, "authorization": authorization, "asked": asked });
    decode(value.to_string().as_bytes()).unwrap()
}

fn looked_up() -> LookedUp {
    let tokens = NewTokens {
        access: tokens().access,
        refresh: tokens().refresh,
        validity: credential().validity.unwrap(),
        scopes: None,
    };
    decode(&encode(&NewCredential { credential: credential(), tokens: Some(tokens) }).unwrap()).unwrap()
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.append("x-a", HeaderValue::from_bytes(b"\xff").unwrap());
    headers.append("x-a", HeaderValue::from_static("2"));
    let mut secret = HeaderValue::from_static(CANARY);
    secret.set_sensitive(true);
    headers.append("x-b", secret);
    headers
}

fn holders() -> Holders {
    let holder = Holder { actor: "uid 0".to_owned(), means: "token".to_owned(), last: moment().wall, times: 3 };
    Holders { holders: vec![holder], until: Some(moment().wall), more: true }
}

fn revocations() -> Vec<Revocation> {
    let outcomes = [
        RevocationOutcome::Revoked,
        RevocationOutcome::RevokedByListing { guess: true },
        RevocationOutcome::Queued { reason: "a".to_owned() },
        RevocationOutcome::NotRevoked { reason: "b".to_owned() },
    ];
    let of = |outcome| Revocation { credential: name(), environment: expected(), token: TokenKind::Refresh, outcome };
    outcomes.map(of).into()
}

fn live_token() -> LiveToken {
    let entry = Authorization {
        id: AuthorizationId::new("a"),
        application_id: None,
        application_name: "An app".to_owned(),
        person_id: Some(PersonId::new("p")),
        client_id: Some(AppClientId::new("C1")),
        created: Some(moment().wall),
        kind: AuthorizationKind::Access,
    };
    LiveToken { entry, whose: Whose::Superseded }
}

fn signed_in() -> SignedIn {
    SignedIn { credential: credential(), missing: "spark:kms".parse().unwrap() }
}

pub(super) fn trips(tried: &mut Trips) {
    apps(tried);
    signing_in(tried);
    adding(tried);
    using(tried);
    changing(tried);
    looking(tried);
    ending(tried);
}

fn apps(tried: &mut Trips) {
    let App { name, kind, environment, client_id, redirect_uris, scopes, application_id, .. } = app();
    let client_secret = ClientSecret::new(CANARY);
    let add = AddApp { name, kind, environment, client_id, client_secret, redirect_uris, scopes, application_id };
    tried.trip(&add, &app());
    let run = RunView {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        operation: "credential.test-all".to_owned(),
        started_by: "uid 1000".to_owned(),
        started_at: moment().wall,
        state: lanyard_work::State::Failed,
        changed_at: moment().wall,
        progress: json!({ "tested": 1 }),
        result: Some(json!([])),
        error: Some(RunError { code: "failed".to_owned(), detail: "it failed".to_owned(), hint: None }),
    };
    let id: UnitId = run.id.parse().unwrap();
    tried.trip(&Start(TestAll { jobs: vec![Job::Devices] }), &run);
    tried.trip(&ListRuns::default(), &vec![run.clone()]);
    tried.trip(&ShowRun { id: id.clone() }, &run);
    tried.trip(&CancelRun { id }, &run);
    tried.trip(&ListApps, &vec![app()]);
    tried.trip(&ShowApp { name: app_name() }, &app());
    tried.trip(&RemoveApp { name: app_name() }, &());
    let environment = app().environment;
    for check in [
        Precheck::AddToken { name: self::name(), kind: Kind::Bot, environment },
        Precheck::AddServiceApp { name: self::name(), app: app_name(), expected: Some(expected()) },
        Precheck::AddApp { name: app_name() },
        Precheck::ReplaceSecret { name: app_name(), expected: None },
        Precheck::RemoveApp { name: app_name() },
        Precheck::Clear { name: self::name(), expected: None },
        Precheck::Change,
    ] {
        tried.trip(&check, &());
    }
    let changed = (Some(app().scopes), Some(app().redirect_uris), Some("id".to_owned()));
    for (scopes, redirect_uris, application_id) in [changed, (None, None, None)] {
        tried.trip(&ChangeApp { name: app_name(), scopes, redirect_uris, application_id }, &app());
    }
    for verdict in [SecretVerdict::NotRefused, SecretVerdict::Unknown("x".to_owned())] {
        let App { environment, client_id, .. } = app();
        let attempt = TrySecret { name: app_name(), environment, client_id, client_secret: ClientSecret::new(CANARY) };
        tried.trip(&attempt, &verdict);
        let replace =
            ReplaceSecret { name: app_name(), client_secret: ClientSecret::new(CANARY), force: true, expected: None };
        tried.trip(&replace, &ReplacedSecret { app: app(), verdict, users: vec![self::name()] });
    }
}

fn signing_in(tried: &mut Trips) {
    let scopes = "spark:kms".parse().unwrap();
    let begin = BeginSignIn { name: name(), app: Some(app_name()), scopes, replace: true, expected: Some(expected()) };
    tried.trip(&begin, &sign_in());
    let state = Some(State::new(CANARY));
    let code = Callback::Code { code: AuthorizationCode::new(CANARY), state: state.clone() };
    let refused = Callback::Refused { error: "access_denied".to_owned(), description: None, state };
    for callback in [code, refused] {
        let redirect_uri = "http://127.0.0.1:1/callback".parse().unwrap();
        let finish = FinishSignIn { sign_in: Arc::new(sign_in()), callback, redirect_uri, pasted: true };
        tried.trip(&finish, &signed_in());
    }
    tried.trip(&BeginDeviceSignIn { sign_in: sign_in() }, &device());
    tried.trip(&AwaitDevice { device: device() }, &signed_in());
}

fn adding(tried: &mut Trips) {
    let added = AddedGrant { credential: credential(), trouble: Some(trouble()) };
    let via = ServiceAppSource::Via { name: name(), organisation: OrgId::new("o") };
    for source in [via, ServiceAppSource::RefreshToken(RefreshToken::new(CANARY))] {
        let add = AddServiceApp { name: name(), app: app_name(), source, replace: false, expected: None };
        tried.trip(&add, &added);
    }
    let subject = "visitor 17".parse().unwrap();
    let guest = AddGuest { name: name(), via: name(), subject, display_name: "V".to_owned(), expected: None };
    tried.trip(&guest, &added);
    let client = NewClient { id: AppClientId::new("C1"), secret: ClientSecret::new(CANARY) };
    for client in [None, Some(client)] {
        let (environment, activation_code) = (Environment::commercial(), SecretText::new(CANARY));
        let add = AddWorkspaceIntegration { name: name(), environment, activation_code, client, replace: true };
        let (credential, not_completed) = (credential(), Some("x".to_owned()));
        tried.trip(&add, &AddedIntegration { credential, trouble: Some(trouble()), not_completed });
    }
    for reply in [AddedToken::Added(credential()), AddedToken::Replaced(credential())] {
        let (environment, token) = (Environment::commercial(), AccessToken::new(CANARY));
        tried.trip(&AddToken { name: name(), kind: Kind::Bot, environment, token, replace: true }, &reply);
    }
    let label = Label { key: "room".parse().unwrap(), value: "4 \"a\"".parse().unwrap() };
    let portal = Origin::Portal { kind: Kind::Bot, environment: Environment::commercial() };
    for origin in [portal, Origin::App { name: app_name(), kind: None }] {
        let labels = vec![label.clone()];
        let look_up = LookUp { name: name(), origin, tokens: tokens(), labels, expected: None };
        tried.trip(&look_up, &looked_up());
    }
    tried.trip(&Keep(looked_up()), &credential());
}

fn using(tried: &mut Trips) {
    for shortfall in [None, Some(Shortfall::NeverReached), Some(Shortfall::RenewalFailed("x".to_owned()))] {
        let (token, left) = (AccessToken::new(CANARY), Some(Duration::from_nanos(1)));
        let reply = HandedOut { credential: credential(), token, left, shortfall };
        let min_validity = Duration::from_mins(1);
        tried.trip(&HandOut { name: name(), min_validity, expected: Some(expected()) }, &reply);
        let given = TakenToken {
            id: credential().id,
            name: name(),
            generation: Generation::new(3),
            token: AccessToken::new(CANARY),
            left: None,
            shortfall: reply.shortfall,
            last: Some("sign in again".to_owned()),
            unrecorded: Some("the store is busy".to_owned()),
        };
        let (expected, means) = (Some(expected()), "exec ls".to_owned());
        tried.trip(&TakeToken { name: name(), min_validity, expected, means }, &given);
    }
    let issued = TokenForCalls {
        id: credential().id,
        generation: Generation::new(3),
        environment: Environment::fedramp(),
        subject: Some(PersonId::new("p")),
        token: AccessToken::new(CANARY),
    };
    let (refused, means) = (Some(Generation::new(2)), "devices sync".to_owned());
    tried.trip(&IssueToken { name: name(), expected: Some(expected()), refused, means }, &Some(issued));
    tried.trip(
        &RecordHandOut {
            id: credential().id,
            name: name(),
            generation: Generation::new(3),
            means: "exec ls".to_owned(),
        },
        &(),
    );
    let next: lanyard_secret::SafeUrl = "https://a/v1/people?cursor=canary".parse().unwrap();
    let path = Target::Path(ApiPath::parse("people?max=1").unwrap(), vec![("a".to_owned(), "ü&".to_owned())]);
    for target in [path, Target::Next(next.clone())] {
        let body = SecretBytes::new(CANARY.as_bytes().to_vec());
        let (method, expected) = (Method::from_bytes(b"PURGE").unwrap(), Some(expected()));
        let call = CallApi { name: name(), method, target, headers: headers(), body: body.clone(), expected };
        let reply = ApiReply {
            name: name(),
            environment: self::expected(),
            method: Method::PATCH,
            path: "/v1/people".to_owned(),
            status: StatusCode::IM_A_TEAPOT,
            headers: headers(),
            body,
            url: next.clone(),
            tracking_id: Some("t".to_owned()),
            unrecorded: Some("full".to_owned()),
        };
        tried.trip(&CheckCalls { name: name() }, &());
        tried.trip(&FindWebex { name: name() }, &Some(self::expected()));
        tried.trip(&ListNames { limit: 3 }, &Names { first: vec![name()], count: 7 });
        tried.trip(&call, &reply);
    }
    for reply in
        [Refreshed::Rotated(credential()), Refreshed::RotatedElsewhere(credential()), Refreshed::NotDue(credential())]
    {
        tried.trip(&Refresh { name: name(), force: true, take_over: false, expected: None }, &reply);
    }
    let list = ListTokens { name: name(), via: Some(name()), expected: None };
    tried.trip(&list, &LiveTokens { credential: credential(), via: name(), tokens: vec![live_token()] });
    for which in [Which::Superseded, Which::These(vec![AuthorizationId::new("a")])] {
        tried.trip(&RevokeTokens { name: name(), via: None, which, expected: None }, &vec![live_token()]);
    }
}

fn changing(tried: &mut Trips) {
    tried.trip(&Rename { from: name(), to: "b".parse().unwrap() }, &credential());
    let set = vec!["a=b".parse().unwrap()];
    tried.trip(&ChangeLabels { name: name(), remove: vec!["c".parse().unwrap()], set }, &credential());
    let disabled = Disabled { credential: credential(), already: true, holders: holders(), minted: vec![name()] };
    tried.trip(&Disable { name: name() }, &disabled);
    let found = [Found::NoToken, Found::Accepted, Found::Dead(trouble()), Found::Renewable, Found::Unknown("x".into())];
    for found in found.into_iter().map(Some).chain([None]) {
        tried.trip(&Enable { name: name(), expected: None }, &Enabled { credential: credential(), found });
    }
}

fn looking(tried: &mut Trips) {
    let listed = || Listed { credential: credential(), state: lanyard_credential::State::NeedsToken };
    tried.trip(&List, &vec![listed()]);
    let refused = RefusedClient { name: "ci".to_owned(), refusal: Refusal::Missing };
    tried.trip(&ListRefusedClients, &vec![refused]);
    let rows = || vec![Problem::new(Code::Store, "a row").hint("see lanyard doctor")];
    tried.trip(&ListUnreadable, &rows());
    tried.trip(&ListUnreadableApps, &rows());
    tried.trip(&Show { name: name() }, &listed());
    let findings = [
        TokenFinding::Accepted,
        TokenFinding::Renewed,
        TokenFinding::Refused(trouble()),
        TokenFinding::None(Box::new(Problem::new(Code::Upstream, "none").hint("wait"))),
        TokenFinding::Unknown("x".to_owned()),
    ];
    for token in findings {
        tried.trip(
            &Test { name: name(), jobs: Job::ALL.to_vec(), against: Some(name()), expected: None },
            &report(token),
        );
    }
    let generation = credential().generation;
    let events = [
        (
            About::Credential(credential().id, name()),
            Event::HandedOut { means: "token".to_owned(), generation, times: 3 },
        ),
        (About::Home, Event::Resumed {}),
        (About::Home, Event::Earlier { was: lanyard_store::EventKind::Resumed, detail: String::new() }),
    ];
    let entry = |(about, event)| JournalEntry {
        number: 9,
        writer: "a host".to_owned(),
        record: JournalRecord { at: moment().wall, about, actor: "uid 0".to_owned(), event },
        mac: "ab".repeat(32),
    };
    let read = ReadAudit { name: Some("acme".parse().unwrap()), since: Some(jiff::Timestamp::UNIX_EPOCH), limit: 7 };
    tried.trip(&read, &events.map(entry).to_vec());
    let head: lanyard_store::Head = format!("a host 9 {}", lanyard_vault::Mac::BEGINNING).parse().unwrap();
    let broken = AuditVerdict::Broken { writer: Some("a".to_owned()), number: 1, fault: Fault::Cut };
    let verified = Verified {
        first: Some((1, moment().wall)),
        last: None,
        pruned: Some(PrunedNote { up_to: 7, entry: 9, at: moment().wall, actor: "uid 0".to_owned() }),
        older_heads: 2,
        heads: vec![head.clone(), format!("9 {}", lanyard_vault::Mac::BEGINNING).parse().unwrap()],
    };
    let (keep, changed_at) = (Some(Duration::from_secs(9)), moment().wall);
    let retention = Retention { keep, before: None, changed_at };
    tried.trip(&KeepAudit { keep }, &retention);
    tried.trip(&ShowAuditRetention, &retention);
    for verdict in [AuditVerdict::Intact(verified), broken] {
        tried.trip(&VerifyAudit { heads: vec![head.clone()] }, &verdict);
    }
}

fn report(token: TokenFinding) -> TestReport {
    let verdicts = [
        NeedVerdict::Granted("a".to_owned()),
        NeedVerdict::Missing("b".to_owned()),
        NeedVerdict::Unknown("c".to_owned()),
    ];
    let need = |verdict| NeedReport { what: "list".to_owned(), scopes: vec!["spark:kms".to_owned()], verdict };
    let job = JobReport { job: Job::Phones, impossible: Some("no".to_owned()), needs: verdicts.map(need).into() };
    let lost = NotGranted { name: "Foyer".to_owned(), id: WorkspaceId::new("w"), devices: 2, seen: 1 };
    let coverage = Coverage {
        against: name(),
        workspaces: 3,
        granted: 2,
        not_granted: vec![lost],
        without_devices: 1,
        personal: 4,
    };
    let sight = Sight { devices: None, full: 1, unknown: Some("x".to_owned()) };
    let (sight, coverage, obstacle) = (Some(sight), Some(coverage), Some(trouble()));
    TestReport { credential: credential(), token, jobs: vec![job], sight, coverage, obstacle }
}

fn ending(tried: &mut Trips) {
    let cleared = Cleared {
        name: name(),
        kind: Kind::Guest,
        environment: expected(),
        revocations: revocations(),
        holders: holders(),
        minted: vec![name()],
    };
    tried.trip(&Clear { name: name(), expected: Some(expected()) }, &cleared);
    tried.trip(&RetryRevocations, &revocations());
    tried.trip(&Resume, &true);
}
