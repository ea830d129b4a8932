//! How far a long job is: on stderr, a bar on a terminal, else a line every ten seconds; with `--json` one object a line.
use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

/// A job of `total` steps.
#[derive(Debug)]
pub(super) struct Progress {
    verb: &'static str,
    total: u64,
    how: How,
    begun: Instant,
    told: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Bar,
    Lines,
    Json,
    Silent,
}

impl Progress {
    pub(super) fn new(verb: &'static str, total: u64, json: bool, quiet: bool) -> Self {
        let how = match (quiet, json, stderr().is_terminal()) {
            (true, ..) => How::Silent,
            (_, true, _) => How::Json,
            (_, _, true) => How::Bar,
            (_, _, false) => How::Lines,
        };
        Self { verb, total, how, begun: Instant::now(), told: None }
    }

    /// So much is done. Says so when it is time to.
    pub(super) fn at(&mut self, done: u64) {
        if let Some(text) = self.due(done) {
            stderr().write_all(text.as_bytes()).ok();
        }
    }

    /// What is to be said now, if anything.
    fn due(&mut self, done: u64) -> Option<String> {
        let since = self.told.unwrap_or(self.begun).elapsed();
        let due = match self.how {
            How::Bar => self.told.is_none() || since >= EACH_FRAME,
            How::Lines => since >= EACH_LINE,
            How::Json => since >= EACH_LINE || done >= self.total,
            How::Silent => false,
        };
        due.then(|| {
            self.told = Some(Instant::now());
            self.text(done)
        })
    }

    /// Takes the bar away; what follows begins on a clean line.
    pub(super) fn end(&self) {
        if self.how == How::Bar {
            stderr().write_all(b"\r\x1b[K").ok();
        }
    }

    fn text(&self, done: u64) -> String {
        let left = remaining(self.begun.elapsed(), done, self.total);
        match self.how {
            How::Json => {
                let eta = left.map(|left| left.as_secs());
                format!("{}\n", json!({ "progress": self.verb, "done": done, "total": self.total, "eta_seconds": eta }))
            }
            How::Bar => format!("\r{} {}\x1b[K", self.verb, bar(done, self.total, left)),
            How::Lines | How::Silent => format!("{} {}\n", self.verb, counts(done, self.total, left)),
        }
    }
}

/// `[=====>      ]  64,210 / 100,000   eta 0:02`
fn bar(done: u64, total: u64, left: Option<Duration>) -> String {
    let filled = done.saturating_mul(WIDTH).checked_div(total.max(1)).unwrap_or(0).min(WIDTH);
    let filled = usize::try_from(filled).unwrap_or(0);
    let width = usize::try_from(WIDTH).unwrap_or(filled);
    let head = if filled < width { ">" } else { "" };
    format!(" [{}{head}{}]  {}", "=".repeat(filled), " ".repeat(width - filled - head.len()), counts(done, total, left))
}

fn counts(done: u64, total: u64, left: Option<Duration>) -> String {
    let eta = left.map(|left| format!("   eta {}:{:02}", left.as_secs() / 60, left.as_secs() % 60)).unwrap_or_default();
    format!("{} / {}{eta}", thousands(done), thousands(total))
}

fn remaining(took: Duration, done: u64, total: u64) -> Option<Duration> {
    let each = took.checked_div(u32::try_from(done).ok()?)?;
    each.checked_mul(u32::try_from(total.saturating_sub(done)).ok()?)
}

/// `100,000`
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const WIDTH: u64 = 30;
const EACH_FRAME: Duration = Duration::from_millis(100);
const EACH_LINE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn off_a_terminal_there_is_a_line_every_ten_seconds_and_for_machines_an_object_at_the_end_too() {
        let said = async |how| {
            let mut progress = Progress { verb: "importing", total: 25, how, begun: Instant::now(), told: None };
            let mut said = Vec::new();
            for done in 1..=25 {
                tokio::time::advance(Duration::from_secs(1)).await;
                said.extend(progress.due(done));
            }
            said.concat()
        };
        assert_eq!(said(How::Lines).await, "importing 10 / 25   eta 0:15\nimporting 20 / 25   eta 0:05\n");
        assert_eq!(
            said(How::Json).await,
            "{\"progress\":\"importing\",\"done\":10,\"total\":25,\"eta_seconds\":15}\n\
             {\"progress\":\"importing\",\"done\":20,\"total\":25,\"eta_seconds\":5}\n\
             {\"progress\":\"importing\",\"done\":25,\"total\":25,\"eta_seconds\":0}\n"
        );
        assert_eq!(said(How::Silent).await, "");
        assert_eq!(said(How::Bar).await.matches("\rimporting  [").count(), 25);
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([0, 999, 1000, 64_210, 1_000_000].map(thousands), ["0", "999", "1,000", "64,210", "1,000,000"]);
        let eta = Some(Duration::from_secs(62));
        assert_eq!(bar(1, 2, eta), format!(" [{}>{}]  1 / 2   eta 1:02", "=".repeat(15), " ".repeat(14)));
        assert_eq!(bar(2, 2, None), format!(" [{}]  2 / 2", "=".repeat(30)));
        assert_eq!(bar(0, 0, None), format!(" [>{}]  0 / 0", " ".repeat(29)));
        assert_eq!(remaining(Duration::from_secs(1), 10, 30), Some(Duration::from_secs(2)));
        assert_eq!(remaining(Duration::from_secs(1), 0, 30), None);
    }
}
