//! A PostgreSQL server for tests, which ends with them.
//!
//! A shell between looks after it: it makes the server's directory, starts the server, and stops it by its process id when its own input
//! ends, which it does when the test's process does, in whatever way. Where the tests run as root, shell and server run as `nobody`:
//! PostgreSQL refuses to run as root.

use std::fmt;
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Ipv4Addr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// A server that listens on a Unix socket, with the safe settings that it comes with.
pub struct Postgres {
    programs: PathBuf,
    directory: String,
    shell: Mutex<Shell>,
    databases: AtomicU32,
}

struct Shell {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Postgres {
    /// The server that all tests of this process share, or why there is none on this machine.
    pub fn shared() -> Result<&'static Self, &'static str> {
        static SHARED: OnceLock<Result<Postgres, String>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref().map_err(String::as_str)
    }

    /// Starts a server of the caller's own.
    pub fn start() -> Result<Self, String> {
        Self::listening("")
    }

    /// Starts a server of the caller's own that listens on a TCP address too, at the usual port: one of the many of the loopback network
    /// that no other process uses.
    pub fn start_on_tcp() -> Result<(Self, Ipv4Addr), String> {
        let [_, a, b, c] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, a | 0x80, b, c);
        Ok((Self::listening(&address.to_string())?, address))
    }

    fn listening(addresses: &str) -> Result<Self, String> {
        let programs = programs().ok_or("PostgreSQL's server is not installed")?;
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        command.args(["-c", SCRIPT, "postgres"]).arg(&programs).arg(addresses).current_dir("/");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("PostgreSQL's server cannot be started: {error}"))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut shell = Shell { child, input, output };
        let directory = shell.answer().strip_prefix("ready ").map(str::to_owned);
        let directory = directory.ok_or("PostgreSQL's server does not start")?;
        Ok(Self { programs, directory, shell: Mutex::new(shell), databases: AtomicU32::new(0) })
    }

    /// The address of a new, empty database.
    pub fn database(&self) -> String {
        self.address(&self.new_database())
    }

    /// The name of a new, empty database. Its texts are in the order of a language, so that an order that is left to it shows.
    pub fn new_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let made = self.query("postgres", &format!("CREATE DATABASE {name} {IN_ENGLISH}"));
        made.or_else(|_| self.query("postgres", &format!("CREATE DATABASE {name}"))).expect("a database is made");
        name
    }

    /// The address of a database by its name.
    pub fn address(&self, database: &str) -> String {
        format!("postgres://lanyard@localhost/{database}?host={}", self.directory)
    }

    /// Runs a statement with `psql`, without Lanyard, and returns its output.
    pub fn query(&self, database: &str, statement: &str) -> Result<String, String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "lanyard", "-h", &self.directory]);
        let output = psql.args(["-c", statement, database]).stdin(Stdio::null()).output();
        let output = output.map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// A dump of a database by `pg_dump`.
    pub fn dump(&self, database: &str) -> Vec<u8> {
        let mut dump = Command::new(self.programs.join("pg_dump"));
        let output = dump.args(["-U", "lanyard", "-h", &self.directory, database]).output().expect("pg_dump runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// The server's log so far.
    pub fn log(&self) -> Vec<u8> {
        std::fs::read(Path::new(&self.directory).join("log")).expect("the server has a log")
    }

    /// The server's Unix socket.
    pub fn socket(&self) -> PathBuf {
        Path::new(&self.directory).join(".s.PGSQL.5432")
    }

    /// Puts a file into the server's data directory, for the server's eyes alone.
    pub fn put_file(&self, name: &str, text: &str) {
        let data = Path::new(&self.directory).join("data");
        let (owner, path) = (std::fs::metadata(&data).expect("the server has its data"), data.join(name));
        std::fs::write(&path, text).expect("the file is written");
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("the file is ours");
        chown(&path, Some(owner.uid()), Some(owner.gid())).expect("root gives files away");
    }

    /// Sets settings of the server's that need no restart.
    pub fn set(&self, settings: &[(&str, &str)]) {
        for (name, value) in settings {
            self.query("postgres", &format!("ALTER SYSTEM SET {name} = '{value}'")).expect("the setting is known");
        }
        self.query("postgres", "SELECT pg_reload_conf()").expect("the server reads its settings again");
    }

    /// Ends the server without letting it finish anything, as a crash would.
    pub fn kill(&self) {
        assert_eq!(self.ask("kill"), "killed");
    }

    /// Starts the server again after [`kill`](Self::kill).
    pub fn start_again(&self) {
        assert!(self.ask("start").starts_with("ready "), "the server starts again");
    }

    /// Stops all processes of the server where they are: it accepts connections and answers nothing.
    pub fn freeze(&self) {
        assert_eq!(self.ask("freeze"), "frozen");
    }

    /// Lets the server go on after [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        assert_eq!(self.ask("thaw"), "thawed");
    }

    fn ask(&self, word: &str) -> String {
        let mut shell = self.shell.lock().unwrap_or_else(PoisonError::into_inner);
        let input = shell.input.as_mut().expect("it is taken when this is dropped");
        writeln!(input, "{word}").expect("the shell is there");
        shell.answer()
    }
}

impl Shell {
    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("what the shell says is text");
        line.trim_end().to_owned()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // At the end of its input the shell stops the server and removes its files.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// The directory of the newest server's programs: Debian keeps those of each version apart and out of the way of the shell.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versions = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let debian = versions.max().map(|version| Path::new("/usr/lib/postgresql").join(version.to_string()).join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian
        .into_iter()
        .chain(std::env::split_paths(&path))
        .find(|directory| ["initdb", "postgres", "psql"].into_iter().all(|program| directory.join(program).is_file()))
}

const IN_ENGLISH: &str = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C'";

/// A person's Ctrl-C reaches the shell too: it ends the reading, and the server is stopped all the same.
const SCRIPT: &str = r#"
set -u
trap : INT TERM HUP
directory=$(mktemp -d "${TMPDIR:-/tmp}/lanyard-pg.XXXXXX") || exit 1
pid=
start() {
    "$1/postgres" -D "$directory/data" -k "$directory" -c "listen_addresses=$2" -c max_connections=300 \
        >>"$directory/log" 2>&1 </dev/null &
    pid=$!
    until "$1/psql" -X -q -h "$directory" -U lanyard -c 'SELECT 1' postgres >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || { cat "$directory/log" >&2; return 1; }
        sleep 0.05
    done
    echo "ready $directory"
}
signal() {
    kill "$1" "$pid" $(pgrep -P "$pid") 2>/dev/null
}
stop() {
    [ -z "$pid" ] || { signal -CONT; kill "$1" "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; pid=; }
}
if "$1/initdb" -D "$directory/data" -U lanyard --auth=trust --no-locale --encoding=UTF8 --no-sync >"$directory/log" 2>&1; then
    start "$1" "$2"
else
    cat "$directory/log" >&2; false
fi || echo failed
while read -r word; do
    case $word in
        kill) stop -QUIT; echo killed ;;
        start) start "$1" "$2" ;;
        freeze) signal -STOP; echo frozen ;;
        thaw) signal -CONT; echo thawed ;;
    esac
done
stop -INT
rm -rf "$directory"
"#;
