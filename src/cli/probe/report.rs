//! What became of every attempt, for a person and for a program.
use serde_json::json;

use super::judge::Outcome;
use crate::cli::{Exit, Out};

/// One attempt.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) group: &'static str,
    pub(super) name: String,
    pub(super) outcome: Outcome,
    pub(super) words: String,
}

/// All of them, in the order they were made.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) rows: Vec<Row>,
}

impl Report {
    /// What got in counts before what could not be told; what was not tried proves nothing either way.
    pub(super) fn exit(&self) -> Exit {
        match (self.count(Outcome::GotIn), self.count(Outcome::Unsure)) {
            (0, 0) => Exit::Done,
            (0, _) => Exit::Unknown,
            _ => Exit::No,
        }
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.rows.iter().filter(|row| row.outcome == outcome).count()
    }

    pub(super) fn show(&self, origin: &str, all: bool, out: &mut Out) {
        if out.json() {
            return out.data(&self.value(origin));
        }
        for group in GROUPS {
            let rows: Vec<_> = self.rows.iter().filter(|row| row.group == *group).collect();
            if rows.is_empty() {
                continue;
            }
            let held = rows.iter().filter(|row| row.outcome == Outcome::Held).count();
            out.line(format_args!("  {group:<11} {held} held"));
            for row in rows.iter().filter(|row| all || row.outcome != Outcome::Held) {
                out.line(format_args!("    {:<9}  {}", row.outcome.word(), row.name));
                out.line(format_args!("               {}", row.words));
            }
        }
        let [held, got_in, unsure, not_tried] =
            [Outcome::Held, Outcome::GotIn, Outcome::Unsure, Outcome::NotTried].map(|outcome| self.count(outcome));
        out.line(format_args!("{origin}: {held} held, {got_in} got in, {unsure} unsure, {not_tried} not tried"));
    }

    fn value(&self, origin: &str) -> serde_json::Value {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                json!({ "group": row.group, "attempt": row.name, "outcome": row.outcome.word().replace(' ', "_"), "detail": row.words })
            })
            .collect();
        json!({
            "url": origin,
            "held": self.count(Outcome::Held),
            "got_in": self.count(Outcome::GotIn),
            "unsure": self.count(Outcome::Unsure),
            "not_tried": self.count(Outcome::NotTried),
            "attempts": rows,
        })
    }
}

const GROUPS: &[&str] = &["plainly", "paths", "identity", "tokens", "forwarding", "around"];
