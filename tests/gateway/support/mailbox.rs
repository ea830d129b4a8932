//! A real SMTP server (aiosmtpd) that keeps what it is given.
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::gateway::free_port;
use super::{Running, SOON, python_program, until};

#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(crate) port: u16,
    folder: TempDir,
    _running: Running,
}

impl Mailbox {
    /// `None`, said loudly, where aiosmtpd cannot be had.
    pub(crate) fn start() -> Option<Self> {
        Self::with(&["0"])
    }

    /// `args`: how many mails are refused at first; and a name and a password.
    pub(crate) fn with(args: &[&str]) -> Option<Self> {
        let python = python_program("python", "aiosmtpd==1.4.6")?;
        let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/mailbox.py");
        let mut command = Command::new(python);
        command.arg(script).arg(port.to_string()).arg(Self::file(&folder)).args(args);
        let running = Running::start(&mut command);
        until("the mailbox is open", SOON, || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Self { port, folder, _running: running })
    }

    /// As `[mail] url` names it.
    pub(crate) fn url(&self) -> String {
        format!("\"smtp://127.0.0.1:{}\"", self.port)
    }

    /// The `number`th mail to an address, waited for; the first is 0.
    #[track_caller]
    pub(crate) fn letter(&self, to: &str, number: usize) -> Value {
        let mut found = None;
        until(&format!("mail {number} to {to}"), SOON, || {
            found = self.letters().into_iter().filter(|letter| letter["to"] == serde_json::json!([to])).nth(number);
            found.is_some()
        });
        found.unwrap()
    }

    /// The token in the link of a mail.
    #[track_caller]
    pub(crate) fn token(&self, to: &str, number: usize) -> String {
        token_in(self.letter(to, number)["text"].as_str().unwrap())
    }

    pub(crate) fn letters(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(Self::file(&self.folder)).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn file(folder: &TempDir) -> PathBuf {
        folder.path().join("mails.jsonl")
    }
}

#[track_caller]
pub(crate) fn token_in(text: &str) -> String {
    let (_, rest) = text.split_once("?token=").unwrap_or_else(|| panic!("no link in {text}"));
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect()
}
