//! `authgate import …`: people from another program, with the hashes it made.
mod args;
mod documents;
mod read;
mod table;

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

pub(super) use args::ImportArgs;
use args::{ImportVerb, UsersArgs};
use read::{Format, Rows, Wrap};

use super::people::{Failed, NAMELESS, open, open_or_imagine, open_or_make, work};
use super::progress::{Progress, thousands};
use super::scratch::Scratch;
use super::{Exit, Global, Out};
use crate::account::People;
use crate::base::{Email, Username};
use crate::config::Loaded;
use crate::password::scheme_of;
use crate::store::{Import, ImportedUser, StoreError};

pub(super) fn run(args: &ImportArgs, global: &Global, out: &mut Out) -> Exit {
    work(global, out, async |loaded: &Loaded, out: &mut Out| match &args.verb {
        ImportVerb::Users(args) => {
            let scratch = Scratch::elsewhere("import");
            let people =
                if args.dry_run { open_or_imagine(loaded, &scratch).await? } else { open_or_make(loaded).await? };
            users(args, &people, global, out).await
        }
        ImportVerb::Undo { number } => undo(*number, &open(loaded).await?, out).await,
    })
}

async fn users(args: &UsersArgs, people: &People, global: &Global, out: &mut Out) -> Result<(), Failed> {
    let (format, wrap) = (Format::of(args.from, &args.file).map_err(Failed::No)?, args.wrap()?);
    let rows = || Rows::open(&args.file, format, &wrap).map_err(Failed::Unreachable);
    let seen = Seen::count(rows()?);
    if !out.json() {
        out.note(seen.words(&args.file));
    }
    let mut job = Job::new(people, args.dry_run, Progress::new("importing", seen.rows, out.json(), global.quiet));
    let stopped = interrupted();
    let done = job.work(rows()?, &args.file, &stopped).await;
    job.progress.end();
    if let Some(import) = job.import {
        people.record_import(import.id, job.added);
    }
    let stopped = stopped.load(Ordering::Relaxed) && job.done < seen.rows;
    job.tell(&seen, done.is_ok() && !stopped, out);
    if stopped || done.is_err() {
        let done = format!("stopped after {} of {} rows", thousands(job.done), thousands(seen.rows));
        out.error(format_args!("{done}. What was added stays; the same command goes on where this one stopped."));
    }
    done.and(if stopped { Err(Failed::Interrupted) } else { Ok(()) })
}

/// How many people and how many bad rows there are in a text that one of the programs might have written. For fuzz targets.
pub(crate) fn people_in(text: Vec<u8>, program: u8) -> Result<(usize, usize), String> {
    let formats = <Format as clap::ValueEnum>::value_variants();
    let format = formats.iter().cycle().nth(program.into()).ok_or("there are no formats")?;
    let (mut good, mut bad) = (0, 0);
    for row in Rows::read(std::io::Cursor::new(text), *format, &Wrap::default())? {
        match row.person {
            Ok(person) => {
                let _scheme = person.password_hash.map(|hash| scheme_of(hash.expose()));
                good += 1;
            }
            Err(_) => bad += 1,
        }
    }
    Ok((good, bad))
}

async fn undo(number: i64, people: &People, out: &mut Out) -> Result<(), Failed> {
    let undone = people.store.undo_import(number, people.clock.now()).await?;
    let undone = undone.ok_or_else(|| Failed::No(format!("there is no import {number}")))?;
    people.record_undo(number, undone.removed);
    if out.json() {
        out.data(&json!({ "import": number, "removed": undone.removed, "kept": undone.kept }));
        return Ok(());
    }
    out.line(format_args!("import {number}: {} removed", thousands(undone.removed)));
    if undone.kept > 0 {
        out.line(format_args!(
            "{} stay: they signed in or were changed since; authgate user delete removes them one by one",
            thousands(undone.kept)
        ));
    }
    Ok(())
}

/// What is in the file, before anything is done.
#[derive(Default)]
struct Seen {
    rows: u64,
    columns: Vec<&'static str>,
    schemes: BTreeMap<&'static str, u64>,
}

impl Seen {
    fn count(rows: Rows<'_>) -> Self {
        let mut seen = Self::default();
        for row in rows {
            seen.rows += 1;
            let Ok(person) = row.person else { continue };
            if let Some(hash) = &person.password_hash {
                *seen.schemes.entry(scheme_of(hash.expose())).or_default() += 1;
            }
            let there = [
                ("username", person.username.is_some()),
                ("email", person.email.is_some()),
                ("name", person.name.is_some()),
                ("password_hash", person.password_hash.is_some()),
                ("roles", person.roles.as_ref().is_some_and(|roles| !roles.is_empty())),
                ("scopes", !person.scopes.is_empty()),
            ];
            let new = there.into_iter().filter(|(name, there)| *there && !seen.columns.contains(name));
            let new: Vec<_> = new.map(|(name, _)| name).collect();
            seen.columns.extend(new);
        }
        seen
    }

    /// `users.csv: 100,000 users; email, name, password_hash (bcrypt), roles`
    fn words(&self, file: &Path) -> String {
        let schemes = self.schemes.keys().copied().collect::<Vec<_>>().join(", ");
        let columns = self.columns.iter().map(|name| match *name {
            "password_hash" => format!("password_hash ({schemes})"),
            name => name.to_owned(),
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        format!("{}: {} users; {columns}", file.display(), thousands(self.rows))
    }
}

/// One import under way.
struct Job<'a> {
    people: &'a People,
    dry_run: bool,
    progress: Progress,
    import: Option<Import>,
    done: u64,
    added: u64,
    present: u64,
    nameless: u64,
    refused: Vec<(u64, String)>,
    /// Whom a dry run would have added so far.
    would: Remembered,
}

impl<'a> Job<'a> {
    fn new(people: &'a People, dry_run: bool, progress: Progress) -> Self {
        let (refused, nothing) = (vec![], 0);
        let (done, added, present, nameless) = (nothing, nothing, nothing, nothing);
        let would = Remembered::default();
        Self { people, dry_run, progress, import: None, done, added, present, nameless, refused, would }
    }

    /// Batch after batch, each of them whole or not at all.
    async fn work(&mut self, rows: Rows<'_>, file: &Path, stopped: &AtomicBool) -> Result<(), Failed> {
        let mut batch = Vec::with_capacity(BATCH);
        for row in rows {
            self.done += 1;
            match row.person.and_then(|person| self.people.examine(&person)) {
                Ok(user) => {
                    let (name, email) = (user.user.username.as_ref(), user.user.email.as_ref());
                    self.nameless += u64::from(!self.people.can_name_themselves(name, email));
                    batch.push(user);
                }
                Err(why) => self.refused.push((row.line, why)),
            }
            if batch.len() >= BATCH {
                self.put(&mut batch, file).await?;
                if stopped.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
        }
        self.put(&mut batch, file).await
    }

    async fn put(&mut self, batch: &mut Vec<ImportedUser>, file: &Path) -> Result<(), Failed> {
        let many = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let added = match self.add(batch, file).await {
            Ok(added) => added,
            Err(error) => {
                self.done = self.done.saturating_sub(many);
                return Err(error.into());
            }
        };
        self.added += added;
        self.present += many.saturating_sub(added);
        batch.clear();
        self.progress.at(self.done);
        Ok(())
    }

    /// How many of them were added, or would be.
    async fn add(&mut self, batch: &[ImportedUser], file: &Path) -> Result<u64, StoreError> {
        let (store, mut added) = (&self.people.store, 0);
        if self.dry_run {
            for user in batch {
                let (name, email) = (user.user.username.as_ref(), user.user.email.as_ref());
                let names = [name.map(Username::as_str), email.map(Email::as_str)];
                if !self.would.holds(names) && !store.has_user_like(user).await? {
                    self.would.add(names);
                    added += 1;
                }
            }
        } else if !batch.is_empty() {
            let import = match self.import {
                Some(import) => import,
                None => store.begin_import(&source(file), self.people.clock.now()).await?,
            };
            self.import = Some(import);
            added = store.import_users(import, batch).await?.into_iter().map(u64::from).sum();
        }
        Ok(added)
    }

    fn tell(&self, seen: &Seen, complete: bool, out: &mut Out) {
        if out.json() {
            let refused =
                self.refused.iter().map(|(line, why)| json!({ "line": line, "why": why })).collect::<Vec<_>>();
            let import = self.import.map(|import| import.id);
            out.data(&json!({ "added": self.added, "present": self.present, "refused": refused, "import": import,
                "dry_run": self.dry_run, "schemes": seen.schemes, "complete": complete }));
        } else {
            self.tell_a_person(seen, out);
        }
    }

    fn tell_a_person(&self, seen: &Seen, out: &mut Out) {
        let would = if self.dry_run { "would be " } else { "" };
        let (added, present) = (thousands(self.added), thousands(self.present));
        let refused = thousands(u64::try_from(self.refused.len()).unwrap_or(u64::MAX));
        out.line(format_args!("{added} {would}added, {present} were there already, {refused} refused"));
        for (line, why) in &self.refused {
            out.line(format_args!("line {line}: {why}"));
        }
        if self.nameless > 0 {
            let nameless = thousands(self.nameless);
            out.line(format_args!("{nameless} have {NAMELESS}"));
        }
        let Some(import) = self.import else { return };
        let others: Vec<_> = seen.schemes.keys().copied().filter(|scheme| *scheme != "argon2id").collect();
        let undo = format!("Undo: authgate import undo {}", import.id);
        if others.is_empty() {
            out.line(undo);
        } else {
            out.line(format_args!(
                "{} hashes are kept and become argon2id at the next login.   {undo}",
                others.join(", ")
            ));
        }
    }
}

/// Names and addresses that stood in the file before, as keyed hashes of 64 bits: of millions, no two look alike by chance.
/// What is beyond the bound is asked of the store alone.
#[derive(Default)]
struct Remembered {
    key: RandomState,
    seen: HashSet<u64>,
}

impl Remembered {
    fn holds(&self, names: [Option<&str>; 2]) -> bool {
        names.into_iter().flatten().any(|name| self.seen.contains(&self.key.hash_one(name)))
    }

    fn add(&mut self, names: [Option<&str>; 2]) {
        if self.seen.len() < MAX_REMEMBERED {
            self.seen.extend(names.into_iter().flatten().map(|name| self.key.hash_one(name)));
        }
    }
}

/// The name of the file, for the list of imports.
fn source(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.chars().take(MAX_SOURCE).collect()
}

/// Set when somebody presses Ctrl-C; the batch under way is finished.
fn interrupted() -> Arc<AtomicBool> {
    let stopped = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stopped);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            heard.store(true, Ordering::Relaxed);
        }
    });
    stopped
}

/// So many people in one transaction: a gateway that runs waits no longer than this for its own.
const BATCH: usize = 500;
const MAX_SOURCE: usize = 64;
/// Some 75 MiB.
const MAX_REMEMBERED: usize = 4_000_000;
