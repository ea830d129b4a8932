//! `authgate store …`: the tables, and all of a store into another one.
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::progress::Progress;
use super::{Exit, Global, Out, prompt, run as serving};
use crate::base::{Clock, Secret};
use crate::config::{Environment, Loaded};
use crate::observe::Chain;
use crate::store::{CopyError, Count, Migrate, Onto, Settings, Store, StoreError};

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
    let done = runtime.block_on(async {
        tokio::select! {
            done = act(args.verb, &loaded, global, out) => done,
            _ = tokio::signal::ctrl_c() => Err(Failed::Interrupted),
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
    }
}

async fn act(verb: StoreVerb, loaded: &Loaded, global: &Global, out: &mut Out) -> Result<Exit, Failed> {
    let here = &loaded.config.store;
    match verb {
        StoreVerb::Migrate => {
            Store::open_as(here, Migrate::Auto).await?.close().await;
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
            let to = Store::open_as(&other, Migrate::Auto).await?;
            let counts = copy(&from, &to, Onto::Empty, out).await;
            close(&from, &to).await;
            report(out, &counts?, &format!("copied {here} to {other}"));
            Ok(Exit::Done)
        }
        StoreVerb::Backup { file } => backup(&file, loaded, out).await,
        StoreVerb::Restore { file } => restore(&file, loaded, global, out).await,
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
async fn backup(file: &Path, loaded: &Loaded, out: &mut Out) -> Result<Exit, Failed> {
    if file.exists() {
        return Err(Failed::No(format!("{} is there already", file.display())));
    }
    let from = Store::open_existing(&loaded.config.store, loaded.config.migrate).await?;
    let mut part = file.as_os_str().to_owned();
    part.push(format!(".part-{}", std::process::id()));
    let part = Part(PathBuf::from(part));
    let to = Store::open_as(&Settings::Sqlite { path: part.0.clone() }, Migrate::Auto).await?;
    let cannot = |why: String| Failed::Unreachable(format!("cannot write {}: {why}", file.display()));
    let counts = match copy(&from, &to, Onto::Empty, out).await {
        // The file alone is kept, and what it does not hold is gone: a full disk is heard of here at the latest.
        Ok(counts) => to.fold().await.map(|()| counts).map_err(|error| cannot(Chain(&error).to_string())),
        Err(failed) => Err(failed),
    };
    close(&from, &to).await;
    let counts = counts?;
    fs::rename(&part.0, file).map_err(|error| cannot(error.to_string()))?;
    report(out, &counts, &format!("{} holds all of {}", file.display(), loaded.config.store));
    Ok(Exit::Done)
}

/// A file that is gone, with its companions, unless it was moved into its place.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(suffix);
            fs::remove_file(name).ok();
        }
    }
}

async fn restore(file: &Path, loaded: &Loaded, global: &Global, out: &mut Out) -> Result<Exit, Failed> {
    let here = &loaded.config.store;
    let from = Store::open_existing(&Settings::Sqlite { path: file.to_path_buf() }, Migrate::Auto).await?;
    let to = Store::open_as(here, loaded.config.migrate).await?;
    let name = here.to_string();
    let what = format!("Everything that {name} holds is replaced.");
    if !global.yes && !prompt::confirm(&name, &what) {
        return Err(Failed::No("nothing was changed; -y answers the question for a script".to_owned()));
    }
    let counts = copy(&from, &to, Onto::Anything { by: &Clock::system() }, out).await;
    close(&from, &to).await;
    report(out, &counts?, &format!("{name} holds what {} held; whoever was signed in shows so anew", file.display()));
    Ok(Exit::Done)
}

async fn copy(from: &Store, to: &Store, onto: Onto<'_>, out: &Out) -> Result<Vec<Count>, Failed> {
    let (json, quiet) = (out.json(), out.quiet());
    let mut shown: Option<Progress> = None;
    let begin = |total| Progress::new("copying", total, json, quiet);
    let copied = from.copy_to(to, onto, |far| shown.get_or_insert_with(|| begin(far.total)).at(far.done)).await;
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
