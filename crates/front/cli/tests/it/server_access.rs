//! How a PostgreSQL server and Lanyard prove to each other who they are: certificates of an authority that the test makes, and passwords
//! wherever PostgreSQL's own tools find them.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lanyard_testkit::{Ended, Home, Postgres, RefreshBehaviour, Running, Served, Webex, left_out};

use crate::on_server;
use crate::serve::Authority;

const PASSWORD: &str = "correct-horse-battery-staple";

/// A server that lets one role in over TLS alone, with its password.
struct Guarded {
    server: Postgres,
    address: Ipv4Addr,
    authority: Authority,
    files: Home,
}

impl Guarded {
    fn start() -> Option<Self> {
        let (server, address) = Postgres::start_on_tcp().map_err(|why| left_out(&why)).ok()?;
        let (authority, files) = (Authority::new("the right one"), Home::new(crate::LANYARD));
        let guarded = Self { server, address, authority, files };
        guarded.certify(&address.to_string());
        guarded.server.put_file("pg_hba.conf", RULES);
        let role = format!("CREATE ROLE keeper LOGIN PASSWORD '{PASSWORD}'");
        guarded.server.query("postgres", &role).unwrap();
        guarded.server.set(&[("ssl", "on")]);
        Some(guarded)
    }

    /// Gives the server a certificate for a name.
    fn certify(&self, name: &str) {
        let [certificate, key] = self.authority.certify(&self.files, name);
        self.server.put_file("server.crt", &fs::read_to_string(certificate).unwrap());
        self.server.put_file("server.key", &fs::read_to_string(key).unwrap());
        self.server.query("postgres", "SELECT pg_reload_conf()").unwrap();
    }

    fn database(&self) -> String {
        let database = self.server.new_database();
        self.server.query("postgres", &format!("GRANT CREATE ON DATABASE {database} TO keeper")).unwrap();
        database
    }

    fn address(&self, database: &str, authority: &Path) -> String {
        let (server, authority) = (self.address, authority.display());
        format!("postgres://keeper@{server}/{database}?sslmode=verify-full&sslrootcert={authority}")
    }
}

/// The test's own role comes by the socket.
const RULES: &str = "local all lanyard trust\nhostssl all keeper 127.0.0.0/8 scram-sha-256\n";

/// Runs a command with the variables that PostgreSQL's tools know.
fn with(home: &Home, variables: &[(&str, &Path)], arguments: &[&str]) -> Ended {
    let mut command = home.command(arguments);
    for name in ["PGPASSWORD", "PGPASSFILE", "HOME"] {
        command.env_remove(name);
    }
    // An address without a port means the standard one, whatever the environment says.
    command.env("PGPORT", "1").envs(variables.iter().copied());
    Running::start(&mut command).end()
}

#[test]
fn a_server_proves_which_it_is_and_is_given_the_password_wherever_it_is_kept() {
    let Some(guarded) = Guarded::start() else { return };
    let webex = Webex::start(RefreshBehaviour::Keep, std::time::Duration::from_hours(1));
    let database = guarded.database();
    let trusted = guarded.files.file("trusted.pem", &guarded.authority.pem());
    let home = on_server::home(&guarded.address(&database, &trusted));
    let settings = home.path().join("lanyard.toml");
    let without = fs::read_to_string(&settings).unwrap();
    let private = |name: &str, text: &str| {
        let path = guarded.files.file(name, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    };

    // In a file that the settings name.
    let file = private("password", &format!("{PASSWORD}\n"));
    fs::write(&settings, format!("{without}store_password_file = \"{}\"\n", file.display())).unwrap();
    let home = home.with_acme(&webex);
    let broker = Served::start(&home, [] as [&str; 0]);
    let sessions = "SELECT count(*) || ' ' || bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                    WHERE usename = 'keeper'";
    let sessions = guarded.server.query("postgres", sessions).unwrap();
    assert!(sessions.ends_with(" true") && !sessions.starts_with('0'), "{sessions}");
    assert!(broker.stop().status.success());
    let token = home.token();

    // Where PostgreSQL's tools find one.
    fs::write(&settings, &without).unwrap();
    let line = format!("{}:5432:{database}:keeper:{PASSWORD}\n", guarded.address);
    let pass_file = private("pass-file", &line);
    let of_the_user = guarded.files.beside();
    private(".pgpass", &line);
    for variables in [("PGPASSWORD", Path::new(PASSWORD)), ("PGPASSFILE", &*pass_file), ("HOME", of_the_user)] {
        let ended = with(&home, &[variables], &["token", "acme"]);
        assert_eq!(ended.stdout.trim(), token, "{}: {}", variables.0, ended.stderr);
    }

    // None, a wrong one, and a file that others may read.
    let nowhere = home.beside().join("nowhere");
    let wrong = private("wrong", &line.replace(PASSWORD, "wrong-horse"));
    let open = home.file("open", &line);
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    for variables in
        [("HOME", &*nowhere), ("PGPASSWORD", Path::new("wrong-horse")), ("PGPASSFILE", &*wrong), ("PGPASSFILE", &*open)]
    {
        let said = with(&home, &[variables], &["token", "acme"]).fails(6);
        assert!(said.contains("password") && said.contains("hint: "), "{variables:?}: {said}");
        assert!(!said.contains("horse"), "{variables:?}: {said}");
    }

    // Another authority, another name, and no TLS.
    let known = [("PGPASSWORD", Path::new(PASSWORD))];
    let said_of = |address: &str| {
        fs::write(&settings, format!("store = \"{address}\"\nkey_source = \"file\"\n")).unwrap();
        let said = with(&home, &known, &["token", "acme"]).fails(6);
        assert!(said.contains("hint: ") && !said.contains(PASSWORD), "{said}");
        said
    };
    let other = home.file("other.pem", &Authority::new("another one").pem());
    let said = said_of(&guarded.address(&database, &other));
    assert!(said.contains("certificate"), "{said}");
    let said = said_of(&format!("postgres://keeper@{}/{database}?sslmode=disable", guarded.address));
    assert!(said.contains("pg_hba"), "{said}");
    guarded.certify("db.example.com");
    let said = said_of(&guarded.address(&database, &trusted));
    assert!(said.contains("certificate"), "{said}");
    guarded.certify(&guarded.address.to_string());
    fs::write(&settings, &without).unwrap();
    assert_eq!(with(&home, &known, &["token", "acme"]).ok(), token);
}
