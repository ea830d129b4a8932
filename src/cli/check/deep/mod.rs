//! `check --deep`: the file may be right, and what it names not be there. Every backend's address, the store, the mail server,
//! the certificates and the memory are looked at; nothing is changed, and nothing is sent but greetings.
mod certificates;
mod memory;
mod places;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::protection::url;
use crate::base::Clock;
use crate::cli::progress::Progress;
use crate::cli::run::small_runtime;
use crate::config::Loaded;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    /// "upstream", "store", "shared", "mail", "certificate" or "memory".
    kind: &'static str,
    name: String,
    pub(super) verdict: Verdict,
    words: String,
    cure: Option<String>,
    took: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    Doubtful,
    Failed,
}

/// Why nothing was found out.
#[derive(Debug)]
pub(super) enum NoLook {
    Interrupted,
    NoThreads,
}

/// Looks at everything that this file names, at all of it at once.
pub(super) fn look(loaded: &Loaded, json: bool, quiet: bool) -> Result<Vec<Look>, NoLook> {
    let runtime = small_runtime().map_err(|_| NoLook::NoThreads)?;
    let looked = runtime.block_on(async {
        tokio::select! {
            looked = dial(loaded, json, quiet) => Ok(looked),
            _ = tokio::signal::ctrl_c() => Err(NoLook::Interrupted),
        }
    });
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    let mut looks = looked?;
    looks.extend(certificates::look(&loaded.config, Clock::system().now()));
    looks.push(memory::look(&loaded.config.passwords));
    Ok(looks)
}

/// What has to be dialled, in the order of the file.
async fn dial(loaded: &Loaded, json: bool, quiet: bool) -> Vec<Look> {
    let mut tasks = JoinSet::new();
    let mut places = places::all(loaded).into_iter().enumerate();
    let mut progress = Progress::new("looking", places.len() as u64, json, quiet);
    let mut looks = Vec::new();
    for (at, place) in places.by_ref().take(AT_ONCE) {
        tasks.spawn(async move { (at, place.await) });
    }
    progress.at(0);
    while let Some(done) = tasks.join_next().await {
        looks.extend(done);
        progress.at(looks.len() as u64);
        if let Some((at, place)) = places.next() {
            tasks.spawn(async move { (at, place.await) });
        }
    }
    progress.end();
    looks.sort_by_key(|(at, _)| *at);
    looks.into_iter().map(|(_, look)| look).collect()
}

impl Look {
    fn new(kind: &'static str, name: impl Into<String>, verdict: Verdict, words: impl Into<String>) -> Self {
        Self { kind, name: name.into(), verdict, words: words.into(), cure: None, took: None }
    }

    fn cure(self, cure: impl Into<Option<String>>) -> Self {
        Self { cure: cure.into(), ..self }
    }

    fn took(self, took: Duration) -> Self {
        Self { took: Some(took), ..self }
    }

    /// As one more object of the findings' array.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "code": self.kind,
            "severity": self.severity(),
            "message": self.words,
            "name": self.name,
            "help": self.cure,
            "took_ms": self.took.map(millis),
        })
    }

    /// For an annotation; `None`: there is nothing to say.
    pub(super) fn complaint(&self) -> Option<(&'static str, String)> {
        let cure = self.cure.as_ref().map(|cure| format!(": {cure}")).unwrap_or_default();
        let said = format!("{} {}: {}{cure}", self.kind, self.name, self.words);
        (self.verdict != Verdict::Fine).then(|| (self.severity(), said))
    }

    const fn severity(&self) -> &'static str {
        match self.verdict {
            Verdict::Fine => "ok",
            Verdict::Doubtful => "warning",
            Verdict::Failed => "error",
        }
    }
}

/// One line for each, and under what failed what can be done about it.
pub(super) fn table(looks: &[Look]) -> String {
    let heads: Vec<_> = looks.iter().map(|look| format!("{} {}", look.kind, look.name)).collect();
    let width = heads.iter().map(|head| head.chars().count()).filter(|width| *width <= WIDEST).max().unwrap_or(0);
    let mut text = String::new();
    for (look, head) in looks.iter().zip(&heads) {
        let word = match look.verdict {
            Verdict::Fine => "ok",
            Verdict::Doubtful => "warn",
            Verdict::Failed => "FAIL",
        };
        let cure = match (&look.cure, look.verdict) {
            (None, _) => String::new(),
            (Some(cure), Verdict::Failed) => format!("\n        {cure}"),
            (Some(cure), Verdict::Doubtful | Verdict::Fine) => format!(": {cure}"),
        };
        text.push_str(&format!("  {word:<4}  {head:<width$}   {}{cure}\n", look.words));
    }
    text
}

/// In milliseconds, to a tenth.
fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 10_000.0).round() / 10.0
}

/// For each thing that is dialled.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many at once; the others follow.
const AT_ONCE: usize = 64;
/// A longer name is not lined up with.
const WIDEST: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_stands_in_lines_and_its_cure_beside_or_below() {
        let looks = [
            Look::new("upstream", "http://a:1", Verdict::Fine, "answered in 1.3 ms").took(Duration::from_micros(1349)),
            Look::new("store", "postgres://db/x", Verdict::Failed, "no").cure("do this".to_owned()),
            Look::new("memory", "", Verdict::Doubtful, "much").cure("set less".to_owned()),
        ];
        assert_eq!(
            table(&looks),
            "  ok    upstream http://a:1     answered in 1.3 ms\n  \
             FAIL  store postgres://db/x   no\n        do this\n  \
             warn  memory                  much: set less\n"
        );
        assert_eq!(looks[0].to_json()["took_ms"], 1.3);
        assert_eq!(looks[0].complaint(), None);
        assert_eq!(looks[1].complaint(), Some(("error", "store postgres://db/x: no: do this".to_owned())));
    }
}
