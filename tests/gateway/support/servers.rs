//! Real databases and caches, each on a free port in a folder of its own, started as an unprivileged user.
//!
//! Used by the tests of the binary and, by its path, by those inside it.
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    MySql,
    Redis,
}

/// A server that ends with the test.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Kind,
    program: PathBuf,
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Server {
    /// `None`, said loudly, where the program is not installed and `scripts/prepare servers` could not do it.
    pub(crate) fn start(kind: Kind) -> Option<Self> {
        let Some(program) = program(kind) else {
            eprintln!("!! SKIPPED: {kind:?} is not installed; `scripts/prepare servers` installs it");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        give_away(folder.path());
        let mut server = Self { kind, program, folder, port: free_port(), child: None };
        server.make();
        server.run();
        Some(server)
    }

    /// Writes the first files of a database.
    fn make(&self) {
        let data = self.data();
        let mut command = match self.kind {
            Kind::Postgres => {
                let mut command = unprivileged(&self.program.with_file_name("initdb"));
                command.args(["-U", "gw", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]).arg(data);
                command
            }
            Kind::MySql => {
                let mut command = unprivileged(Path::new("/usr/bin/mariadb-install-db"));
                command
                    .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
                    .arg(format!("--datadir={}", data.display()))
                    .arg("--basedir=/usr");
                command
            }
            Kind::Redis => return,
        };
        // Two servers that make their tables at once trip over each other's temporary ones.
        let made = command.current_dir(self.folder.path()).env("TMPDIR", self.folder.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// Starts it (again) on the same port and waits until it answers.
    pub(crate) fn run(&mut self) {
        let (data, port) = (self.data(), self.port.to_string());
        let here = self.folder.path();
        let mut command = unprivileged(&self.program);
        match self.kind {
            Kind::Postgres => command
                .arg("-D")
                .arg(&data)
                .args(["-h", "127.0.0.1", "-p", &port, "-c", "fsync=off"])
                // As somebody may have set it for another program.
                .args(["-c", "default_transaction_isolation=repeatable read"])
                .arg("-k")
                .arg(here),
            Kind::MySql => command
                .args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve"])
                .arg(format!("--datadir={}", data.display()))
                .arg(format!("--socket={}", here.join("s").display()))
                .arg(format!("--port={port}")),
            Kind::Redis => command
                .args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no", "--dir"])
                .arg(here),
        };
        let log = fs::OpenOptions::new().create(true).append(true).open(here.join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.current_dir(here).env("TMPDIR", here).spawn();
        self.child = Some(child.unwrap());
        let begun = Instant::now();
        while !self.answers() {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            let slow = begun.elapsed() > PATIENCE;
            assert!(ended.is_none() && !slow, "{:?} does not start ({ended:?}):\n{}", self.kind, self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn answers(&self) -> bool {
        let ready = match self.kind {
            Kind::Postgres => "database system is ready to accept connections",
            Kind::MySql => "ready for connections",
            Kind::Redis => "Ready to accept connections",
        };
        // The line of this start, not of one before.
        self.log().rsplit("shut").next().is_some_and(|log| log.contains(ready))
            && TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    /// Ends it at once, as a machine that loses its power would.
    pub(crate) fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let signal = if self.kind == Kind::Postgres { "QUIT" } else { "KILL" };
        let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status();
        drop(sent);
        drop(child.wait());
        // What was said belongs to an earlier life.
        drop(fs::write(self.folder.path().join("log"), ""));
    }

    /// Makes an empty database; what `[store] url` says to use it.
    pub(crate) fn database(&self, name: &str) -> String {
        let (scheme, user, own) = match self.kind {
            Kind::Postgres => ("postgres", "gw", "postgres"),
            Kind::MySql => ("mysql", "root", "mysql"),
            Kind::Redis => return format!("redis://127.0.0.1:{}/0", self.port),
        };
        self.asked(own, &format!("CREATE DATABASE {name}"));
        format!("{scheme}://{user}@127.0.0.1:{}/{name}", self.port)
    }

    /// What the database says to a statement of the operator's, bare.
    pub(crate) fn asked(&self, database: &str, sql: &str) -> String {
        let port = self.port.to_string();
        let mut command = if self.kind == Kind::Postgres {
            let mut command = Command::new(self.program.with_file_name("psql"));
            command.args(["-h", "127.0.0.1", "-p", &port, "-U", "gw", "-d", database, "-qtAc"]);
            command
        } else {
            let mut command = Command::new("mariadb");
            command.args(["--no-defaults", "-h", "127.0.0.1", "-P", &port, "-u", "root", "-D", database, "-Ne"]);
            command
        };
        let done = command.arg(sql).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// PostgreSQL: makes a user who has to show a password.
    pub(crate) fn ask_for_password(&self, user: &str, password: &str) {
        let rules = self.data().join("pg_hba.conf");
        let others = fs::read_to_string(&rules).unwrap();
        fs::write(&rules, format!("host all {user} 127.0.0.1/32 scram-sha-256\n{others}")).unwrap();
        for statement in
            [format!("CREATE ROLE {user} LOGIN SUPERUSER PASSWORD '{password}'"), "SELECT pg_reload_conf()".to_owned()]
        {
            self.asked("postgres", &statement);
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("log")).unwrap_or_default()).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn program(kind: Kind) -> Option<PathBuf> {
    let names: &[&str] = match kind {
        Kind::Postgres => &["postgres"],
        Kind::MySql => &["mariadbd", "mysqld"],
        Kind::Redis => &["redis-server", "valkey-server"],
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).chain(["/usr/sbin".into()]).collect();
    // Debian keeps each version of PostgreSQL in a folder of its own; its other programs stand beside it.
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    versions.sort();
    folders.splice(0..0, versions.into_iter().rev());
    let places = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// Databases refuse to be run by root. It ends when this test does, however that ends.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
    }
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

fn give_away(folder: &Path) {
    if is_root() {
        let given = Command::new("chown").arg("nobody").arg(folder).status().unwrap();
        assert!(given.success());
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// Below the range that outgoing connections use, and apart from the gateways' own.
fn free_port() -> u16 {
    let begin = std::process::id().wrapping_mul(31);
    let ports = (0..).map(|turn: u32| 7_000 + begin.wrapping_add(turn) % 4_000);
    let mut ports = ports.map(|port| u16::try_from(port).unwrap());
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// For a first start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
