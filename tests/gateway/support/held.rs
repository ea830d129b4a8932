//! What is held up until a test lets it go: a request without its body, and a store that somebody else writes to.
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use super::{Answer, Call, Gateway, Raw};

/// A request whose head was read and whose body is waited for.
#[derive(Debug)]
pub(crate) struct HeldRequest {
    raw: Raw,
    body: Vec<u8>,
    method: String,
}

impl HeldRequest {
    /// Sends all but the body, and waits until the gateway asks for it: by then whatever looks at the head has done so.
    #[track_caller]
    pub(crate) fn of(call: Call<'_>) -> Self {
        let mut raw = Raw::open(call.port());
        let bytes = call.header("Expect", "100-continue").bytes();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        let method = String::from_utf8_lossy(&bytes).split(' ').next().unwrap_or_default().to_owned();
        raw.send(&bytes[..end]);
        let asked = raw.wire.head().expect("an answer to the head");
        assert!(asked.first.starts_with("HTTP/1.1 100 "), "{asked:?}");
        Self { raw, body: bytes[end..].to_vec(), method }
    }

    /// Sends the body.
    #[track_caller]
    pub(crate) fn go_on(mut self) -> Answer {
        self.raw.send(&self.body);
        self.raw.answer_to(&self.method).expect("an answer")
    }
}

/// A request that was sent whole and whose answer is not waited for yet.
#[derive(Debug)]
pub(crate) struct SentRequest(Raw);

impl SentRequest {
    pub(crate) fn of(call: &Call<'_>) -> Self {
        let mut raw = Raw::open(call.port());
        raw.send(call.bytes());
        Self(raw)
    }

    #[track_caller]
    pub(crate) fn answer(mut self) -> Answer {
        self.0.answer().expect("an answer")
    }
}

/// SQLite's file, which another process holds for writing: who reads goes on, who writes waits, for some seconds.
#[derive(Debug)]
pub(crate) struct HeldStore(Child);

impl HeldStore {
    /// `None`, said loudly, where there is no Python.
    pub(crate) fn of(gateway: &Gateway) -> Option<Self> {
        let hold = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)\n\
            db.execute('BEGIN IMMEDIATE')\nprint('held', flush=True)\nsys.stdin.readline()\ndb.execute('ROLLBACK')\n";
        let holder = Command::new("python3")
            .args(["-c", hold])
            .arg(gateway.folder().join("authgate.db"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut holder) = holder else {
            eprintln!("!! SKIPPED: python3 is not installed; `scripts/prepare test` installs it");
            return None;
        };
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "held\n");
        Some(Self(holder))
    }

    pub(crate) fn let_go(mut self) {
        self.0.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}
