//! A home to try things in, with a clock that tests move, and other processes that share it.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lanyard_credential::rotation::{Attempt, Decision, Found, Snapshot, Writer, decide};
use lanyard_credential::{
    App, AppKind, Client, ClientId, ClientKey, Credential, CredentialId, Granted, Intent, Kind, RefreshRight, Spend,
    Trouble, TroubleKind, Validity,
};
use lanyard_home::{KeyAccess, NewHomeKey, OpenError, OpenHome, Options};
use lanyard_protocol::Environment;
use lanyard_secret::{AccessToken, ClientSecret, RefreshToken};
use lanyard_store::{
    Begun, Claim, Declared, KeyedClient, NewApp, NewCredential, NewTokens, Parts, RotatedTokens, RotationView, Store,
    UnderWay,
};
use lanyard_testkit::{Postgres, app, credential, left_out};
use lanyard_time::{BootId, Clock, ManualClock, Moment, SystemEntropy};
use lanyard_vault::{HomeKey, KeySource};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};

pub(crate) struct World {
    directory: tempfile::TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) key: HomeKey,
    pub(crate) open: OpenHome,
    pub(crate) store: Store,
    /// The database's address where the store is on a server.
    pub(crate) database: Option<String>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let home = directory.path().join("home");
        let database = database();
        let open = lanyard_home::open_or_create(&home, parts(&clock), options(database.as_deref())).await.unwrap();
        Self::over(open, directory, clock, database)
    }

    fn over(open: OpenHome, directory: tempfile::TempDir, clock: ManualClock, database: Option<String>) -> Self {
        Self { directory, clock, key: open.key.clone(), store: open.store.clone(), open, database }
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// Opens this home as another process.
    pub(crate) async fn seen_by(&self, parts: Parts) -> Store {
        lanyard_home::open_with_key(&self.home(), &self.key, parts, self.options()).await.unwrap()
    }

    /// Opens this home as another process of this host, which obtains the keys as any command does.
    pub(crate) async fn opened(&self) -> OpenHome {
        self.opened_with(KeyAccess::default()).await.unwrap()
    }

    pub(crate) async fn opened_with(&self, keys: KeyAccess) -> Result<OpenHome, OpenError> {
        let options = Options { keys, ..self.options() };
        lanyard_home::open(&self.home(), parts(&self.clock), options).await
    }

    /// A home whose key is kept as `keys` says.
    pub(crate) async fn with_keys(keys: KeyAccess) -> Self {
        Self::prepared(keys, |_| {}).await
    }

    /// Like [`with_keys`](Self::with_keys), in a directory that `prepare` has prepared.
    pub(crate) async fn prepared(keys: KeyAccess, prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let home = directory.path().join("home");
        DirBuilder::new().mode(0o700).create(&home).unwrap();
        prepare(&home);
        let database = database();
        let options = Options { keys, ..options(database.as_deref()) };
        let open = lanyard_home::open_or_create(&home, parts(&clock), options).await.unwrap();
        Self::over(open, directory, clock, database)
    }

    /// A file beside the home, its owner's alone.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// So many bots, each with a token.
    pub(crate) async fn many(&self, count: usize) -> Vec<CredentialId> {
        let mut ids = Vec::new();
        for number in 0..count {
            let credential = pending(&format!("bot-{number}"));
            let new = NewCredential { credential, tokens: Some(self.tokens(&number.to_string())) };
            ids.push(self.store.insert_credential(&new).await.unwrap().id);
        }
        ids
    }

    /// A process of another machine: no one here can tell whether it is there.
    pub(crate) fn elsewhere(&self) -> Parts {
        Parts { kernel: BootId::new("elsewhere"), host: "elsewhere".into(), ..self.me() }
    }

    /// A process of this machine.
    pub(crate) fn me(&self) -> Parts {
        parts(&self.clock)
    }

    /// Does to the database what the store would not.
    pub(crate) async fn tamper(&self, sql: &str) {
        if let Some(database) = &self.database {
            let options: PgConnectOptions = database.parse().unwrap();
            let mut connection = options.options([("search_path", "lanyard")]).connect().await.unwrap();
            let sql = sql.replace("zeroblob(", "pg_temp.zeroblob(");
            let sql = sql.replace("PRAGMA foreign_keys = OFF", "SET session_replication_role = replica");
            let sql = format!("{ZEROBLOB}; {sql}");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
            return connection.close().await.unwrap();
        }
        let mut connection = self.connection().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// A connection past the store.
    pub(crate) async fn connection(&self) -> SqliteConnection {
        let options =
            SqliteConnectOptions::new().filename(self.home().join("lanyard.db")).busy_timeout(Duration::from_secs(10));
        options.connect().await.unwrap()
    }

    pub(crate) fn options(&self) -> Options {
        options(self.database.as_deref())
    }

    pub(crate) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// An app, and an integration's credential that is signed in through it.
    pub(crate) async fn signed_in(&self) -> Credential {
        let app = new_app("portal");
        self.store.insert_app(&app).await.unwrap();
        let new = NewCredential {
            credential: Credential { app: Some(app.app.id), ..pending("acme") },
            tokens: Some(self.tokens("1")),
        };
        self.store.insert_credential(&new).await.unwrap()
    }

    /// Tokens whose texts end in `suffix`.
    pub(crate) fn tokens(&self, suffix: &str) -> NewTokens {
        NewTokens {
            access: Some(AccessToken::new(format!("canary-access-{suffix}"))),
            refresh: Some(RefreshToken::new(format!("canary-refresh-{suffix}"))),
            validity: self.validity(),
            scopes: Some("spark:people_read spark:kms".parse().unwrap()),
        }
    }

    pub(crate) fn rotated(&self, suffix: &str) -> RotatedTokens {
        let NewTokens { access, refresh, validity, scopes } = self.tokens(suffix);
        RotatedTokens { access: access.unwrap(), refresh, validity, scopes }
    }

    pub(crate) fn validity(&self) -> Validity {
        Validity {
            obtained: self.clock.now(),
            access: Some(Duration::from_hours(14 * 24)),
            refresh: RefreshRight::Lasting(Some(Duration::from_hours(90 * 24))),
        }
    }

    pub(crate) fn trouble(&self, kind: TroubleKind) -> Trouble {
        Trouble {
            at: self.clock.now(),
            kind,
            message: "it failed".to_owned(),
            failures: 3,
            pause: Duration::from_secs(90),
        }
    }
}

/// SQLite's function of that name, for one connection.
const ZEROBLOB: &str = "CREATE FUNCTION pg_temp.zeroblob(count integer) RETURNS bytea LANGUAGE sql \
     AS $$ SELECT decode(repeat('00', count), 'hex') $$";

/// A database on the server, in the part of the suite that is for servers. Where this machine has none, that part runs on SQLite again,
/// and says so.
fn database() -> Option<String> {
    if !module_path!().contains("::on_postgres::") {
        return None;
    }
    Postgres::shared().map(Postgres::database).map_err(left_out).ok()
}

fn options(database: Option<&str>) -> Options {
    let Some(database) = database else { return Options::default() };
    let keys = KeyAccess { new_home: NewHomeKey::In(KeySource::File), ..KeyAccess::default() };
    Options { keys, store: Some(database.parse().unwrap()), ..Options::default() }
}

pub(crate) fn parts(clock: &ManualClock) -> Parts {
    Parts::new(Arc::new(clock.clone()), Arc::new(SystemEntropy))
}

fn environment() -> Environment {
    Environment::at("http://127.0.0.1:7000/v1").unwrap()
}

pub(crate) fn new_app(name: &str) -> NewApp {
    let app = app(name, AppKind::Integration, &environment());
    let redirect_uris = [app.redirect_uris.clone(), vec!["https://x.example/?a=b".parse().unwrap()]].concat();
    let app = App { redirect_uris, application_id: Some("Y2lz".to_owned()), ..app };
    NewApp { app, client_secret: ClientSecret::new("canary-client-secret") }
}

/// A client with a key that no test uses.
pub(crate) fn client(name: &str, credentials: Granted) -> KeyedClient {
    let id = ClientId::random(&SystemEntropy);
    let client = Client {
        id,
        name: name.parse().unwrap(),
        capabilities: "token,proxy".parse().unwrap(),
        credentials,
        methods: None,
        paths: None,
        org: None,
        expires_at: None,
        created_at: "2026-01-01T00:00:00.123Z".parse().unwrap(),
        uid: None,
    };
    KeyedClient { client, key: Some(ClientKey::random(id, &SystemEntropy).hash()) }
}

pub(crate) fn pending(name: &str) -> Credential {
    Credential {
        created_at: "2026-01-01T00:00:00.123Z".parse().unwrap(),
        labels: BTreeMap::from([("team".to_owned(), "a=b&c\nd".to_owned())]),
        ..credential(name, Kind::Integration, &environment())
    }
}

/// Takes the credential, which must be free.
pub(crate) async fn claimed(store: &Store, id: CredentialId) -> RotationView {
    match store.claim(id).await.unwrap() {
        Claim::Claimed(view) => *view,
        other => panic!("the credential should be free: {other:?}"),
    }
}

/// The row as a rotation sees it.
pub(crate) async fn seen(store: &Store, id: CredentialId) -> RotationView {
    match store.begin_rotation(id, |_| None).await.unwrap() {
        Begun::Seen(view) => *view,
        other => panic!("nothing was decided on: {other:?}"),
    }
}

/// The open intent, and the state of its writer.
pub(crate) async fn open(store: &Store, id: CredentialId) -> Option<(Intent, Writer)> {
    match seen(store, id).await.under_way {
        UnderWay::Exchange(intent, writer) => Some((intent, writer)),
        UnderWay::Nothing => None,
        UnderWay::Held(by) => panic!("{by:?} has it"),
    }
}

/// The decision of a rotation of the row's current generation.
pub(crate) fn decision(view: &RotationView) -> Decision {
    let intent = match &view.under_way {
        UnderWay::Exchange(intent, writer) => {
            Some(Found { spend: intent.spend, attempt: intent.attempt, writer: *writer, presumed: intent.presumed })
        }
        UnderWay::Nothing | UnderWay::Held(_) => None,
    };
    let generation = view.credential.generation;
    let snapshot = Snapshot { generation, intent, spare: view.has_spare, rotates: true };
    decide(generation, &snapshot, false)
}

/// Writes the intent to spend the stored refresh token, or the one that the open intent is about.
pub(crate) async fn begun(store: &Store, id: CredentialId) -> (RotationView, Declared) {
    let attempt = |view: &RotationView| match decision(view) {
        Decision::Exchange(attempt) => Some(attempt),
        Decision::Stall | Decision::End(_) => None,
    };
    match store.begin_rotation(id, attempt).await.unwrap() {
        Begun::Declared(view, declared) => (*view, declared),
        other => panic!("nothing stands against the intent: {other:?}"),
    }
}

/// Like [`begun`], with the spare.
pub(crate) async fn begun_with_spare(store: &Store, id: CredentialId) -> (RotationView, Declared) {
    let attempt = |view: &RotationView| match decision(view) {
        Decision::Exchange(attempt) => Some(Attempt { spend: Spend::Spare, ..attempt }),
        Decision::Stall | Decision::End(_) => None,
    };
    match store.begin_rotation(id, attempt).await.unwrap() {
        Begun::Declared(view, declared) => (*view, declared),
        other => panic!("nothing stands against the intent: {other:?}"),
    }
}

/// The refresh token that the row holds now.
pub(crate) async fn stored_refresh(store: &Store, id: CredentialId) -> String {
    let (_, declared) = begun(store, id).await;
    declared.token.expose_secret().to_owned()
}

pub(crate) async fn access(store: &Store, id: CredentialId) -> Option<(u32, String)> {
    let found = store.access_token(id).await.unwrap()?;
    Some((found.0.number(), found.1.expose_secret().to_owned()))
}
