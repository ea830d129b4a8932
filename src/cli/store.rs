//! `authgate store …`: the tables, and all of a store into another one.
use std::cell::Cell;
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
use crate::store::{CopyError, CopyProgress, Count, Migrate, Onto, Settings, Store, StoreError};

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
}

/// What Ctrl-C would break off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is lost: what was written is undone.
    Undone,
    /// MySQL changes tables one by one, and would keep half of them.
    Tables,
    /// All is written; the rest takes a moment and is finished.
    Written,
}

/// Told by the verb where it is, and asked when somebody presses Ctrl-C.
struct Heed(Cell<Stage>);

impl Heed {
    async fn stopped(&self) -> Failed {
        let mut warned = false;
        loop {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            match self.0.get() {
                Stage::Undone => return Failed::Interrupted,
                Stage::Tables if warned => return Failed::Halfway,
                Stage::Tables => {
                    warned = true;
                    let words =
                        "\nthe tables are being changed: wait for the end; Ctrl-C once more stops in the middle\n";
                    io::stderr().write_all(words.as_bytes()).ok();
                }
                Stage::Written => {}
            }
        }
    }

    /// Opens a store, whose tables may have to be changed first.
    async fn open(&self, settings: &Settings, migrate: Migrate) -> Result<Store, StoreError> {
        self.0.set(Stage::Tables);
        let opened = Store::open_as(settings, migrate).await;
        self.0.set(Stage::Undone);
        opened
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
    let heed = Heed(Cell::new(Stage::Undone));
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
            out.error("\nstopped: nothing was changed; give the same command again to begin anew");
            Exit::Interrupted
        }
        Err(Failed::Halfway) => {
            out.error(
                "\nstopped while the tables were changed: SQLite and PostgreSQL undo that; with MySQL see \"A change of the \
                tables that stopped half-way\" in docs/SEVERAL-NODES.md if authgate store migrate does not go on",
            );
            Exit::Interrupted
        }
    }
}

async fn act(verb: StoreVerb, loaded: &Loaded, global: &Global, heed: &Heed, out: &mut Out) -> Result<Exit, Failed> {
    let here = &loaded.config.store;
    match verb {
        StoreVerb::Migrate => {
            heed.open(here, Migrate::Auto).await?.close().await;
            say(
                out,
                &json!({ "store": here.to_string(), "up_to_date": true }),
                format!("the tables of {here} are up to date"),
            );
            Ok(Exit::Done)
        }
        StoreVerb::Copy(args) => {
            let other = other(&args)?;
            let from = Store::open_existing(here, loaded.config.migrate).await?;
            let to = heed.open(&other, Migrate::Auto).await?;
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
    let from = Store::open_existing(&loaded.config.store, loaded.config.migrate).await?;
    let mut part = file.as_os_str().to_owned();
    part.push(format!(".part-{}", std::process::id()));
    let part = Scratch::at(PathBuf::from(part));
    let to = Store::open_as(&Settings::Sqlite { path: part.path().to_owned() }, Migrate::Auto).await?;
    let cannot = |why: String| Failed::Unreachable(format!("cannot write {}: {why}", file.display()));
    let counts = match copy(&from, &to, Onto::Empty, heed, out).await {
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
    let to = heed.open(here, loaded.config.migrate).await?;
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
        CopyProgress::Commits => heed.0.set(Stage::Written),
    };
    let copied = from.copy_to(to, onto, tell).await;
    if let Some(shown) = shown {
        shown.end();
    }
    copied.map_err(|error| match error {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn what_is_written_is_not_said_to_be_undone() {
        let heed = Heed(Cell::new(Stage::Written));
        let mut stopped = Box::pin(heed.stopped());
        let interrupt = || {
            let id = std::process::id().to_string();
            assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        };
        // Whoever listens first is heard by the signal; without that it would end the test.
        assert!(timeout(Duration::from_millis(10), &mut stopped).await.is_err());
        interrupt();
        assert!(timeout(Duration::from_millis(300), &mut stopped).await.is_err(), "it is finished");
        heed.0.set(Stage::Tables);
        interrupt();
        assert!(timeout(Duration::from_millis(300), &mut stopped).await.is_err(), "once is a question");
        interrupt();
        assert!(matches!(stopped.await, Failed::Halfway));
        heed.0.set(Stage::Undone);
        let mut stopped = Box::pin(heed.stopped());
        assert!(timeout(Duration::from_millis(10), &mut stopped).await.is_err());
        interrupt();
        assert!(matches!(stopped.await, Failed::Interrupted));
    }
}
