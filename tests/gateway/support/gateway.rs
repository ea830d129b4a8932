//! A real gateway: the built binary, its own folder, its own ports.
use std::fs::{self, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::upstream::ALIVE;
use super::{A_BUSY_SECOND, Call, Raw, SOON, Site, Upstream, log, until};

#[derive(Debug)]
pub(crate) struct Gateway {
    folder: TempDir,
    child: Option<Child>,
    site: Site,
    pub(crate) port: u16,
    pub(crate) admin_port: u16,
    /// And up to where the log was searched for all of them.
    secrets: Mutex<(Vec<String>, usize)>,
}

impl Gateway {
    /// The fixture in front of `upstream`.
    #[track_caller]
    pub(crate) fn start(upstream: &Upstream) -> Self {
        Self::with(Site::fixture(upstream))
    }

    #[track_caller]
    pub(crate) fn with(site: Site) -> Self {
        let (port, admin_port) = (free_port(), free_port());
        let folder = tempfile::tempdir().unwrap();
        let mut gateway = Self { folder, child: None, site, port, admin_port, secrets: Mutex::default() };
        gateway.write_file();
        gateway.run();
        gateway
    }

    /// Starts the process (again) in the same folder and waits until it answers.
    #[track_caller]
    pub(crate) fn run(&mut self) {
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let mut words = self.site.runner().to_vec();
        words.push(env!("CARGO_BIN_EXE_authgate").to_owned());
        let child = bare(Command::new(&words[0]), self.folder.path(), self.site.variables())
            .args(&words[1..])
            .args(["run", "-c", "gateway.toml"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let begun = Instant::now();
        while !self.answers() {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "the gateway ended with {ended:?}:\n{}", self.log_text());
            assert!(begun.elapsed() < SOON, "the gateway does not answer:\n{}", self.log_text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn answers(&self) -> bool {
        // Behind TLS or the PROXY protocol the admin address is asked; both accept at the same time.
        let (port, path) = if self.site.is_plain() {
            (self.port, format!("{}/healthz", self.auth_prefix()))
        } else {
            (self.admin_port, "/healthz".to_owned())
        };
        let Ok(stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
        let mut raw = Raw { wire: super::Wire::new(stream) };
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"));
        raw.answer().is_some_and(|answer| answer.status == 200)
    }

    /// SIGKILL: nothing is finished, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("the gateway runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends a signal by name ("TERM", "HUP").
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("the gateway runs").id();
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.child.as_mut().expect("the gateway was started").try_wait().unwrap().is_none()
    }

    /// Waits until the process has ended by itself; its exit code, or `None` after a signal.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("the gateway runs");
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            if begun.elapsed() > SOON * 2 {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("the gateway does not end:\n{}", self.log_text());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGTERM and a clean end.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        assert_eq!(self.wait_for_end(), Some(0), "{}", self.log_text());
    }

    /// Changes the file; nothing is told to the running process.
    pub(crate) fn change(&mut self, change: impl FnOnce(Site) -> Site) {
        self.site = change(std::mem::take(&mut self.site));
        self.write_file();
    }

    fn write_file(&self) {
        fs::write(self.file(), self.site.text(self.port, self.admin_port)).unwrap();
    }

    /// What the process holds in memory.
    pub(crate) fn resident_kib(&self) -> u64 {
        let id = self.child.as_ref().expect("the gateway runs").id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How many descriptors the process has open.
    pub(crate) fn descriptors(&self) -> usize {
        // Only root may look into a process that leaves no core; to others it counts itself.
        match fs::read_dir(format!("/proc/{}/fd", self.process())) {
            Ok(open) => open.count(),
            Err(_) => {
                let metrics = self.admin("GET", "/metrics").send().expect(200).text();
                let told = metrics.lines().find_map(|line| line.strip_prefix("process_open_fds ")).unwrap();
                told.trim().parse().unwrap()
            }
        }
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.as_ref().expect("the gateway runs").id()
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("gateway.toml")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("gateway.log")
    }

    pub(crate) fn log_text(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    /// "127.0.0.1:8080"
    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// "/auth", or "" for the root.
    pub(crate) fn auth_prefix(&self) -> String {
        self.site.auth_prefix()
    }

    pub(crate) fn raw(&self) -> Raw {
        Raw::open(self.port)
    }

    pub(crate) fn call(&self, method: &str, target: &str) -> Call<'_> {
        Call::new(self, self.port, method, target)
    }

    pub(crate) fn get(&self, target: &str) -> Call<'_> {
        self.call("GET", target)
    }

    pub(crate) fn post(&self, target: &str) -> Call<'_> {
        self.call("POST", target)
    }

    /// Asks the admin address.
    pub(crate) fn admin(&self, method: &str, target: &str) -> Call<'_> {
        Call::new(self, self.admin_port, method, target)
    }

    /// From now on this text must not occur in the log.
    pub(crate) fn keep_secret(&self, text: &str) {
        assert!(text.len() >= 8, "too short to be looked for: {text}");
        let mut secrets = self.secrets.lock().unwrap();
        secrets.0.push(text.to_owned());
        secrets.1 = 0;
    }

    /// The standing assertions of every row: what the upstream saw is what was logged as matched, the gateway
    /// answers a fresh request, and no secret is in the log. How often the upstream may be asked, the row says.
    #[track_caller]
    pub(crate) fn stands(&self, upstream: &Upstream) {
        for seen in upstream.seen() {
            let id = seen.field("x-request-id").expect("every request to an upstream has an id").to_owned();
            let mut logged = None;
            until(&format!("the log line of {id} ({})", seen.target), SOON, || {
                logged = log::request(&self.log_text(), &id);
                logged.is_some()
            });
            assert_eq!(logged.unwrap()["path"], seen.path(), "logged and forwarded path differ");
        }
        self.is_alive();
        self.leaks_nothing();
    }

    #[track_caller]
    pub(crate) fn is_alive(&self) {
        let begun = Instant::now();
        self.get(ALIVE).send().expect(200);
        assert!(begun.elapsed() < A_BUSY_SECOND, "a fresh request took {:?}", begun.elapsed());
    }

    #[track_caller]
    pub(crate) fn leaks_nothing(&self) {
        let log = self.log_text();
        let mut secrets = self.secrets.lock().unwrap();
        // A whole line is searched again, for its end may not have been written.
        let from = log[..secrets.1.min(log.len())].rfind('\n').unwrap_or(0);
        for secret in &secrets.0 {
            assert!(!log[from..].contains(secret.as_str()), "the log holds a secret that begins with {secret:.8}");
        }
        secrets.1 = log.len();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
        if std::thread::panicking() {
            let log = self.log_text();
            let from = log.len().saturating_sub(6000);
            eprintln!("--- the gateway's log, its end ---\n{}", String::from_utf8_lossy(&log.as_bytes()[from..]));
        }
    }
}

/// The binary with an environment that holds nothing of ours but `variables`.
pub(crate) fn command(folder: &Path, variables: &[(String, String)]) -> Command {
    bare(Command::new(env!("CARGO_BIN_EXE_authgate")), folder, variables)
}

fn bare(mut command: Command, folder: &Path, variables: &[(String, String)]) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AUTHGATE") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// A port below the range the system gives to outgoing connections, so that nothing takes it by chance between
/// two starts; each process of the suite begins its search elsewhere.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 12_000 + (std::process::id().wrapping_mul(97).wrapping_add(turn)) % 20_000;
        let port = u16::try_from(port).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
