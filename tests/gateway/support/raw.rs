//! Bytes in, parsed answers out: a client that repairs nothing.
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::wire::{Head, Unsaid, Wire};

/// One answer, whole unless `whole` says no.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    pub(crate) whole: bool,
    /// Statuses of the 1xx answers before it.
    pub(crate) interim: Vec<u16>,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.field(name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    /// The stable code of a refusal, which a page shows too.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        if self.field("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
            let page = self.text();
            let code = page.split_once("<code>").and_then(|(_, rest)| rest.split_once("</code>"));
            return code.unwrap_or_else(|| panic!("no code on {page}")).0.to_owned();
        }
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {}", self.head.first, self.text());
        self
    }

    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.code(), code, "{}", answer.text());
        answer
    }

    /// The upstream says so in each of its answers; what does not say so is our own.
    pub(crate) fn is_own(&self) -> bool {
        self.field("x-upstream").is_none()
    }
}

#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) wire: Wire,
}

impl Raw {
    #[track_caller]
    pub(crate) fn open(port: u16) -> Self {
        Self { wire: Wire::new(TcpStream::connect(("127.0.0.1", port)).unwrap()) }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.wire.send(bytes)
    }

    /// The next answer, or `None` when the connection ended without one.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        self.answer_to("GET")
    }

    pub(crate) fn answer_to(&mut self, method: &str) -> Option<Answer> {
        let mut interim = Vec::new();
        loop {
            let head = self.wire.head()?;
            let status = head.first.split(' ').nth(1)?.parse().ok()?;
            if (100..200).contains(&status) && status != 101 {
                interim.push(status);
                continue;
            }
            let bodiless = method == "HEAD" || status == 204 || status == 304;
            let unsaid = if bodiless { Unsaid::NoBody } else { Unsaid::UntilClose };
            let payload =
                if bodiless { self.wire.payload(&Head::default(), unsaid) } else { self.wire.payload(&head, unsaid) };
            return Some(Answer { status, head, body: payload.bytes, whole: payload.whole, interim });
        }
    }

    pub(crate) fn ends_within(&mut self, wait: Duration) -> bool {
        self.wire.ends_within(wait)
    }
}
