//! `authgate store …`: the tables, and all of a store into another one.
use std::cell::{Cell, RefCell};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::progress::Progress;
use super::scratch::Scratch;
use super::{Exit, Global, Out, prompt, run as serving};
use crate::base::{Clock, Secret};
use crate::config::{Environment, Loaded};
use crate::observe::Chain;
use crate::store::{CopyError, CopyProgress, Count, Migrate, Onto, Opening, Settings, Store, StoreError};

/// The store: bring its tables up to date, copy it, keep it, look whether it is well.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  authgate store backup before-the-move.db\n  \
    authgate store copy --to postgres://gw@10.0.0.9/authgate --password-file /run/secrets/database")]
pub(super) struct StoreArgs {
    #[command(subcommand)]
    verb: StoreVerb,
}

#[derive(Debug, Subcommand)]
enum StoreVerb {
    /// Bring the tables up to date, also with migrate = "manual"
    #[command(after_help = "Examples:\n  authgate store migrate\n  authgate store migrate --json")]
    Migrate,
    /// Copy everything into an empty store of any engine
    #[command(after_help = "Examples:\n  authgate store copy --to sqlite:copy.db\n  \
        authgate store copy --to postgres://gw@10.0.0.9/authgate --password-file /run/secrets/database")]
    Copy(CopyArgs),
    /// Copy everything into a new file (SQLite, whatever the engine here)
    #[command(after_help = "Examples:\n  authgate store backup before-the-move.db\n  \
        authgate store backup authgate-$(date +%F).db --json")]
    Backup {
        /// The file to make
        file: PathBuf,
    },
    /// Put what a backup holds in place of everything that the store holds
    #[command(after_help = "Examples:\n  authgate store restore before-the-move.db\n  \
        authgate store restore before-the-move.db -y")]
    Restore {
        /// The file that backup made
        file: PathBuf,
    },
    /// Look whether everything can be read and belongs together; count it
    #[command(after_help = "Examples:\n  authgate store check\n  authgate store check --json")]
    Check,
}

#[derive(Debug, Args)]
struct CopyArgs {
    /// sqlite:FILE, postgres://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE
    #[arg(long, value_name = "URL")]
    to: String,
    /// Read the password of the other store from a file (its first line)
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Why a verb did not do what it was asked to.
enum Failed {
    /// The answer is no, in words.
    No(String),
    /// Could not find out.
    Unreachable(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-C twice, while the tables were changed.
    Halfway,
    /// The same while the database was to keep what was written.
    Unanswered,
}

/// What Ctrl-C would break off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is lost: what was copied is undone.
    Undone,
    /// MySQL changes tables one by one, and would keep half of them.
    Tables,
    /// All is written; only the database knows whether it keeps it.
    Written,
    /// It is kept; the rest takes a moment and is finished.
    Kept,
}

/// Told by the verb where it is, and asked when somebody presses Ctrl-C.
struct Heed {
    stage: Cell<Stage>,
    /// The stores whose tables were made or brought up to date, and stay so.
    changed: RefCell<Vec<String>>,
}

impl Heed {
    const fn new() -> Self {
        Self { stage: Cell::new(Stage::Undone), changed: RefCell::new(Vec::new()) }
    }

    async fn stopped(&self) -> Failed {
        let mut warned = None;
        loop {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            let stage = self.stage.get();
            let again = warned.replace(stage) == Some(stage);
            let question = match stage {
                Stage::Undone => return Failed::Interrupted,
                Stage::Tables if again => return Failed::Halfway,
                Stage::Written if again => return Failed::Unanswered,
                Stage::Tables => "the tables are being changed: wait for the end; Ctrl-C once more stops in the middle",
                Stage::Written => {
                    "all is written, waiting for the database to keep it; Ctrl-C once more ends without knowing whether it does"
                }
                Stage::Kept => continue,
            };
            writeln!(io::stderr(), "\n{question}").ok();
        }
    }

    /// Opens a store, whose tables may have to be changed first.
    async fn open(&self, settings: &Settings, migrate: Migrate, make: bool) -> Result<Store, StoreError> {
        let tell = || self.stage.set(Stage::Tables);
        let opened = Store::open_with(settings, Opening { migrate, make, tell }).await;
        if self.stage.replace(Stage::Undone) == Stage::Tables && opened.is_ok() {
            self.changed.borrow_mut().push(settings.to_string());
        }
        opened
    }

    /// What is said of a Ctrl-C before anything was copied for good.
    fn undone(&self) -> String {
        let done = match self.changed.borrow().as_slice() {
            [] => "nothing was changed".to_owned(),
            stores => format!(
                "nothing was copied; the tables of {} were brought up to date before that, and stay so",
                stores.join(" and ")
            ),
        };
        format!("\nstopped: {done}; give the same command again to begin anew")
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        let words = format!("cannot use the store: {}", Chain(&error));
        if matches!(error, StoreError::Older(_) | StoreError::Newer(_)) {
            Self::No(words)
        } else {
            Self::Unreachable(words)
        }
    }
}

pub(super) fn run(args: StoreArgs, global: &Global, out: &mut Out) -> Exit {
    let (_, loaded) = match serving::open(global, &Environment::of_process()) {
        Ok(found) => found,
        Err(error) => {
            out.error(serving::words(&error, out.color_err()));
            return serving::without_settings(&error);
        }
    };
    let Ok(runtime) = serving::small_runtime() else { return Exit::Unknown };
    let heed = Heed::new();
    let done = runtime.block_on(async {
        tokio::select! {
            done = act(args.verb, &loaded, global, &heed, out) => done,
            failed = heed.stopped() => Err(failed),
        }
    });
    match done {
        Ok(exit) => exit,
        Err(Failed::No(why)) => {
            out.error(why);
            Exit::No
        }
        Err(Failed::Unreachable(why)) => {
            out.error(why);
            Exit::Unknown
        }
        Err(Failed::Interrupted) => {
            out.error(heed.undone());
            Exit::Interrupted
        }
        Err(Failed::Halfway) => {
            out.error(
                "\nstopped while the tables were changed: SQLite and PostgreSQL undo that; with MySQL see \"A change of the \
                tables that stopped half-way\" in docs/SEVERAL-NODES.md if authgate store migrate does not go on",
            );
            Exit::Interrupted
        }
        Err(Failed::Unanswered) => {
            out.error(format_args!("\nstopped: {LOOK}"));
            Exit::Interrupted
        }
    }
}

async fn act(verb: StoreVerb, loaded: &Loaded, global: &Global, heed: &Heed, out: &mut Out) -> Result<Exit, Failed> {
    let here = &loaded.config.store;
    match verb {
        StoreVerb::Migrate => {
            let store = heed.open(here, Migrate::Auto, true).await?;
            heed.stage.set(Stage::Kept);
            store.close().await;
            say(
                out,
                &json!({ "store": here.to_string(), "up_to_date": true }),
                format!("the tables of {here} are up to date"),
            );
            Ok(Exit::Done)
        }
        StoreVerb::Copy(args) => {
            let other = other(&args)?;
            let from = heed.open(here, loaded.config.migrate, false).await?;
            let to = heed.open(&other, Migrate::Auto, true).await?;
            let counts = copy(&from, &to, Onto::Empty, heed, out).await;
            close(&from, &to).await;
            report(out, &counts?, &format!("copied {here} to {other}"));
            Ok(Exit::Done)
        }
        StoreVerb::Backup { file } => backup(&file, loaded, heed, out).await,
        StoreVerb::Restore { file } => restore(&file, loaded, global, heed, out).await,
        StoreVerb::Check => check(loaded, out).await,
    }
}

fn other(args: &CopyArgs) -> Result<Settings, Failed> {
    let read = |file: &PathBuf| fs::read_to_string(file).map(|text| text.lines().next().unwrap_or_default().to_owned());
    let password = args.password_file.as_ref().map(read).transpose();
    let password = password.map_err(|error| Failed::Unreachable(format!("cannot read the password: {error}")))?;
    Settings::parse(&args.to, password.map(Secret::new)).map_err(|why| Failed::No(format!("--to: {why}")))
}

/// Written beside the file and put in its place when it is whole.
async fn backup(file: &Path, loaded: &Loaded, heed: &Heed, out: &mut Out) -> Result<Exit, Failed> {
    if file.exists() {
        return Err(Failed::No(format!("{} is there already", file.display())));
    }
    let from = heed.open(&loaded.config.store, loaded.config.migrate, false).await?;
    let mut part = file.as_os_str().to_owned();
    part.push(format!(".part-{}", std::process::id()));
    let part = Scratch::at(PathBuf::from(part));
    let to = Store::open_as(&Settings::Sqlite { path: part.path().to_owned() }, Migrate::Auto).await?;
    let cannot = |why: String| Failed::Unreachable(format!("cannot write {}: {why}", file.display()));
    let copied = copy(&from, &to, Onto::Empty, heed, out).await;
    // Nobody has the file before it is in its place.
    heed.stage.set(Stage::Undone);
    let counts = match copied {
        // The file alone is kept, and what it does not hold is gone: a full disk is heard of here at the latest.
        Ok(counts) => to.fold().await.map(|()| counts).map_err(|error| cannot(Chain(&error).to_string())),
        Err(failed) => Err(failed),
    };
    close(&from, &to).await;
    let counts = counts?;
    fs::rename(part.path(), file).map_err(|error| cannot(error.to_string()))?;
    report(out, &counts, &format!("{} holds all of {}", file.display(), loaded.config.store));
    Ok(Exit::Done)
}

async fn restore(file: &Path, loaded: &Loaded, global: &Global, heed: &Heed, out: &mut Out) -> Result<Exit, Failed> {
    let here = &loaded.config.store;
    let scratch = Scratch::elsewhere("restore");
    let from = Store::open_kept(file, scratch.path()).await?;
    let name = here.to_string();
    let what = format!("Everything that {name} holds is replaced.");
    if !global.yes && !prompt::confirm(&name, &what) {
        return Err(Failed::No("nothing was changed; -y answers the question for a script".to_owned()));
    }
    let to = heed.open(here, loaded.config.migrate, true).await?;
    let counts = copy(&from, &to, Onto::Anything { by: &Clock::system() }, heed, out).await;
    close(&from, &to).await;
    report(out, &counts?, &format!("{name} holds what {} held; whoever was signed in shows so anew", file.display()));
    Ok(Exit::Done)
}

async fn copy(from: &Store, to: &Store, onto: Onto<'_>, heed: &Heed, out: &Out) -> Result<Vec<Count>, Failed> {
    let (json, quiet) = (out.json(), out.quiet());
    let mut shown: Option<Progress> = None;
    let begin = |total| Progress::new("copying", total, json, quiet);
    let tell = |far: CopyProgress| match far {
        CopyProgress::Rows { done, total } => shown.get_or_insert_with(|| begin(total)).at(done),
        CopyProgress::Commits => heed.stage.set(Stage::Written),
    };
    let copied = from.copy_to(to, onto, tell).await;
    if let Some(shown) = shown {
        shown.end();
    }
    match &copied {
        Ok(_) => heed.stage.set(Stage::Kept),
        Err(CopyError::Unanswered(_)) => {}
        Err(_) => heed.stage.set(Stage::Undone),
    }
    copied.map_err(|error| match error {
        CopyError::Unanswered(_) => Failed::Unreachable(format!("{}; {LOOK}", Chain(&error))),
        CopyError::NotEmpty { .. } => Failed::No(format!("{error}; nothing was copied")),
        CopyError::Differs { .. } | CopyError::Read(_) | CopyError::Write(_) => {
            Failed::Unreachable(format!("{}; nothing was copied", Chain(&error)))
        }
    })
}

/// What is not closed tidily leaves its log beside a SQLite file.
async fn close(from: &Store, to: &Store) {
    to.close().await;
    from.close().await;
}

async fn check(loaded: &Loaded, out: &mut Out) -> Result<Exit, Failed> {
    let here = &loaded.config.store;
    let store = Store::open_existing(here, Migrate::Manual).await?;
    let begun = Instant::now();
    store.ping().await?;
    let took = begun.elapsed();
    let (counts, faults) = (store.counts().await?, store.faults().await?);
    store.close().await;
    let data = json!({ "store": here.to_string(), "rows": rows(&counts), "faults": faults });
    let mut words = format!("{here}: answers in {:.1} ms", took.as_secs_f64() * 1000.0);
    for (table, rows) in &counts {
        words.push_str(&format!("\n  {rows:>9}  {table}"));
    }
    words.push_str(if faults.is_empty() { "\nall of it can be read and belongs together" } else { "" });
    say(out, &data, words);
    for fault in &faults {
        out.error(format_args!("wrong: {fault}"));
    }
    Ok(if faults.is_empty() { Exit::Done } else { Exit::No })
}

fn report(out: &mut Out, counts: &[Count], words: &str) {
    let total: u64 = counts.iter().map(|(_, rows)| rows).sum();
    let each: Vec<_> = counts.iter().map(|(table, rows)| format!("{rows} {table}")).collect();
    let data = json!({ "copied": total, "rows": rows(counts) });
    say(out, &data, format!("{words}: {total} rows, counted on both sides ({})", each.join(", ")));
}

fn rows(counts: &[Count]) -> Value {
    counts.iter().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect::<serde_json::Map<_, _>>().into()
}

fn say(out: &mut Out, data: &Value, words: String) {
    if out.json() { out.data(data) } else { out.line(words) }
}

const LOOK: &str = "not known whether what was written is kept; authgate store check says what a store holds";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn what_is_written_is_not_said_to_be_undone() {
        let heed = Heed::new();
        heed.stage.set(Stage::Kept);
        let mut stopped = Box::pin(heed.stopped());
        let interrupt = || {
            let id = std::process::id().to_string();
            assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        };
        // Whoever listens first is heard by the signal; without that it would end the test.
        assert!(timeout(Duration::from_millis(10), &mut stopped).await.is_err());
        for _ in 0..2 {
            interrupt();
            assert!(timeout(Duration::from_millis(300), &mut stopped).await.is_err(), "it is finished");
        }
        for (stage, twice) in [(Stage::Written, Failed::Unanswered), (Stage::Tables, Failed::Halfway)] {
            let mut stopped = Box::pin(heed.stopped());
            assert!(timeout(Duration::from_millis(10), &mut stopped).await.is_err());
            heed.stage.set(stage);
            interrupt();
            assert!(timeout(Duration::from_millis(300), &mut stopped).await.is_err(), "{stage:?}: once is a question");
            interrupt();
            assert_eq!(std::mem::discriminant(&stopped.await), std::mem::discriminant(&twice), "{stage:?}");
        }
        heed.stage.set(Stage::Undone);
        let mut stopped = Box::pin(heed.stopped());
        assert!(timeout(Duration::from_millis(10), &mut stopped).await.is_err());
        interrupt();
        assert!(matches!(stopped.await, Failed::Interrupted));
    }

    #[tokio::test]
    async fn tables_that_were_changed_are_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let new = Settings::Sqlite { path: folder.path().join("new.db") };
        let heed = Heed::new();
        assert!(matches!(heed.open(&new, Migrate::Auto, false).await, Err(StoreError::NotThere(_))));
        assert!(heed.undone().contains("nothing was changed"));
        heed.open(&new, Migrate::Auto, true).await.unwrap().close().await;
        assert!(heed.stage.get() == Stage::Undone && heed.undone().contains(&format!("the tables of {new} were")));
        let again = Heed::new();
        again.open(&new, Migrate::Auto, true).await.unwrap().close().await;
        assert!(again.undone().contains("nothing was changed"), "they were as they should be");
    }
}
