//! How far a long job is: on a terminal a bar, elsewhere a line now and then, with `--json` one object on a line.
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::Out;

/// One job. What it says goes to stderr, beside the result.
#[derive(Debug)]
pub(super) struct Bar {
    what: &'static str,
    begun: Instant,
    said: Option<Instant>,
}

impl Bar {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, begun: Instant::now(), said: None }
    }

    /// Says it when it is time to, and always at the end.
    pub(super) fn at(&mut self, done: u64, total: u64, out: &mut Out) {
        let often = if out.draws() { OFTEN } else { SELDOM };
        let waited = self.said.unwrap_or(self.begun).elapsed();
        if done < total && waited < often {
            return;
        }
        self.said = Some(Instant::now());
        if out.json() {
            out.note(json!({ "job": self.what, "done": done, "total": total, "eta_seconds": self.left(done, total) }));
        } else if out.draws() {
            out.redraw(&format!("{} {} {done}/{total}{}", self.what, bar(done, total), self.words(done, total)));
            if done >= total {
                out.note("");
            }
        } else {
            out.note(format_args!("{}: {done} of {total}{}", self.what, self.words(done, total)));
        }
    }

    /// Seconds that are left when it goes on like this.
    fn left(&self, done: u64, total: u64) -> u64 {
        let left = self.begun.elapsed().as_millis() * u128::from(total.saturating_sub(done)) / u128::from(done.max(1));
        u64::try_from(left / 1000).unwrap_or(u64::MAX)
    }

    fn words(&self, done: u64, total: u64) -> String {
        if done >= total { String::new() } else { format!(", {} s left", self.left(done, total)) }
    }
}

fn bar(done: u64, total: u64) -> String {
    let full = usize::try_from((done.min(total) * WIDTH) / total.max(1)).unwrap_or(0);
    let width = usize::try_from(WIDTH).unwrap_or(0);
    format!("[{}{}]", "#".repeat(full), ".".repeat(width.saturating_sub(full)))
}

const WIDTH: u64 = 30;
const OFTEN: Duration = Duration::from_millis(100);
const SELDOM: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_up_and_not_beyond() {
        assert_eq!(bar(0, 0), format!("[{}]", ".".repeat(30)));
        assert_eq!(bar(1, 2), format!("[{}{}]", "#".repeat(15), ".".repeat(15)));
        assert_eq!(bar(9, 3), format!("[{}]", "#".repeat(30)));
    }
}
