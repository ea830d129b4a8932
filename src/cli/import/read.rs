//! A file of people, row after row, whoever wrote it.
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::Value;

use super::{documents, table};
use crate::account::Brought;
use crate::base::Secret;
use crate::password::{of_firebase, peppered};

/// Who wrote the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A table with a line of names
    Csv,
    /// An array, or an object a line
    Json,
    /// Apache and nginx: name:hash
    Htpasswd,
    /// users_database.yml
    Authelia,
    /// A realm export
    Keycloak,
    /// auth.users as CSV or JSON
    Supabase,
    /// The export of users, an object a line
    Auth0,
    /// firebase auth:export
    Firebase,
}

impl Format {
    pub(super) fn of(said: Option<Self>, file: &Path) -> Result<Self, String> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        match said {
            Some(format) => Ok(format),
            None if ends(&[".csv"]) => Ok(Self::Csv),
            None if ends(&[".json", ".jsonl", ".ndjson"]) => Ok(Self::Json),
            None if ends(&[".yml", ".yaml"]) => Ok(Self::Authelia),
            None if name.contains("htpasswd") => Ok(Self::Htpasswd),
            None => Err(format!("cannot tell from the name {name:?} what is in it: say --from csv, json, …")),
        }
    }
}

/// One person of the file, or why there is none in this row.
pub(super) struct Row {
    /// The line, or the place in a document that has none.
    pub(super) line: u64,
    pub(super) person: Result<Brought, String>,
}

/// All rows of a file.
pub(super) struct Rows<'a>(Box<dyn Iterator<Item = Row> + 'a>);

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        self.0.next()
    }
}

impl<'a> Rows<'a> {
    pub(super) fn open(file: &Path, format: Format, wrap: &'a Wrap) -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", file.display());
        let opened = BufReader::with_capacity(64 * 1024, File::open(file).map_err(|error| told(&error))?);
        Self::read(opened, format, wrap).map_err(|error| told(&error))
    }

    /// The same from anything that can be read.
    pub(super) fn read(mut opened: impl BufRead + 'static, format: Format, wrap: &'a Wrap) -> Result<Self, String> {
        let rows: Box<dyn Iterator<Item = Row>> = match format {
            Format::Csv => Box::new(table::rows(opened)?),
            Format::Htpasswd => Box::new(lines(opened, htpasswd)),
            Format::Authelia => Box::new(documents::authelia(&whole(opened)?)?),
            Format::Supabase if !looks_like_json(&mut opened) => Box::new(table::rows(opened)?),
            Format::Json | Format::Keycloak | Format::Supabase | Format::Auth0 | Format::Firebase => {
                json(opened, format)?
            }
        };
        let finish = move |row: Row| Row { line: row.line, person: row.person.and_then(|person| wrap.put_on(person)) };
        Ok(Self(Box::new(rows.map(finish))))
    }
}

/// What must be written around each hash, because it does not stand in the file.
#[derive(Debug, Default)]
pub(super) struct Wrap {
    pub(super) pepper: Option<Secret>,
    pub(super) project: Option<Project>,
    pub(super) prehash: Option<Prehash>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Prehash {
    /// SHA-256, as hexadecimal text
    Sha256Hex,
}

/// The hash parameters of a Firebase project.
#[derive(Debug)]
pub(super) struct Project {
    signer_key: Secret,
    separator: String,
    rounds: u32,
    mem_cost: u32,
}

impl Project {
    /// Reads `base64_signer_key: jxsp…,` and the like, one a line, as the console shows them.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix(':'));
            let value = line.map(|value| value.trim().trim_end_matches(',').trim_matches(['<', '>', '"']).to_owned());
            value.ok_or_else(|| format!("the Firebase hash parameters have no line `{name}: …`"))
        };
        let number = |name: &str| field(name)?.parse().map_err(|_| format!("{name} is not a number"));
        Ok(Self {
            signer_key: Secret::new(field("base64_signer_key")?),
            separator: field("base64_salt_separator")?,
            rounds: number("rounds")?,
            mem_cost: number("mem_cost")?,
        })
    }
}

impl Wrap {
    fn put_on(&self, mut person: Brought) -> Result<Brought, String> {
        let salt = person.attributes.remove(FIREBASE_SALT);
        let Some(hash) = &person.password_hash else { return Ok(person) };
        if let Some(salt) = salt {
            let project = self
                .project
                .as_ref()
                .ok_or("hashes of Firebase need the project's parameters: --firebase-config FILE")?;
            let Project { signer_key, separator, rounds, mem_cost } = project;
            let kept = of_firebase(*mem_cost, *rounds, &salt, separator, signer_key.expose(), hash.expose());
            person.password_hash = Some(Secret::new(kept));
        } else if hash.expose().starts_with("$2") {
            let kept = match (&self.pepper, self.prehash) {
                (Some(pepper), _) => peppered(pepper.expose(), hash.expose()),
                (None, Some(Prehash::Sha256Hex)) => format!("$sha256-hex{}", hash.expose()),
                (None, None) => return Ok(person),
            };
            person.password_hash = Some(Secret::new(kept));
        }
        Ok(person)
    }
}

/// Objects: one a line, or in an array, or in the array `users` of one document.
fn json(mut opened: impl BufRead + 'static, format: Format) -> Result<Box<dyn Iterator<Item = Row>>, String> {
    let row = move |line: u64, value: &Value| Row { line, person: documents::person(value, format) };
    if !is_document(&mut opened) {
        return Ok(Box::new(lines(opened, move |line| {
            let value = serde_json::from_str::<Value>(line).map_err(|error| format!("is not JSON: {error}"))?;
            documents::person(&value, format)
        })));
    }
    let mut value: Value = serde_json::from_str(&whole(opened)?).map_err(|error| error.to_string())?;
    let people = if value.is_array() { Some(value.take()) } else { value.get_mut("users").map(Value::take) };
    let Some(Value::Array(people)) = people else {
        return Err("it is neither an array of people nor an object with the array `users`".to_owned());
    };
    Ok(Box::new((1..).zip(people).map(move |(line, value)| row(line, &value))))
}

/// Whether the file is one value over many lines, told from its first line.
fn is_document(opened: &mut impl BufRead) -> bool {
    let Ok(seen) = opened.fill_buf() else { return false };
    let text = String::from_utf8_lossy(seen);
    let first = text.trim_start().lines().next().unwrap_or_default();
    // A document on one line has its people inside; a line of its own is a person.
    let whole = serde_json::from_str::<Value>(first);
    match whole {
        Ok(value) => value.is_array() || value.get("users").is_some_and(Value::is_array),
        Err(_) => first.starts_with('[') || !first.trim_end().ends_with('}'),
    }
}

fn looks_like_json(opened: &mut impl BufRead) -> bool {
    let seen = opened.fill_buf().unwrap_or_default();
    matches!(seen.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Line after line; blank ones and comments are not counted as rows.
fn lines(opened: impl BufRead, read: impl Fn(&str) -> Result<Brought, String> + 'static) -> impl Iterator<Item = Row> {
    let mut opened = opened;
    let mut number = 0;
    std::iter::from_fn(move || {
        loop {
            let mut line = Vec::new();
            number += 1;
            let length = (&mut opened).take(MAX_LINE as u64).read_until(b'\n', &mut line);
            let row = |person| Some(Row { line: number, person });
            match length {
                Ok(0) => return None,
                Err(error) => return row(Err(format!("cannot be read: {error}"))),
                Ok(_) if line.len() >= MAX_LINE => {
                    skip_line(&mut opened);
                    return row(Err("is longer than a megabyte".to_owned()));
                }
                Ok(_) => {}
            }
            let Ok(text) = std::str::from_utf8(&line) else { return row(Err("is not UTF-8".to_owned())) };
            let text = text.trim_start_matches('\u{feff}').trim();
            if !text.is_empty() && !text.starts_with('#') {
                return row(read(text));
            }
        }
    })
    .fuse()
}

fn skip_line(opened: &mut impl BufRead) {
    while let Ok(seen) = opened.fill_buf()
        && !seen.is_empty()
    {
        let end = seen.iter().position(|byte| *byte == b'\n');
        let (all, is_end) = end.map_or((seen.len(), false), |at| (at + 1, true));
        opened.consume(all);
        if is_end {
            return;
        }
    }
}

fn htpasswd(line: &str) -> Result<Brought, String> {
    let (name, hash) = line.split_once(':').ok_or("is not name:hash")?;
    // Some write a comment behind the hash.
    let hash = hash.split(':').next().unwrap_or(hash);
    Ok(Brought {
        username: Some(name.to_owned()),
        password_hash: Some(Secret::new(hash.to_owned())),
        ..Brought::default()
    })
}

/// A document in memory, bounded.
fn whole(opened: impl BufRead) -> Result<String, String> {
    let mut text = String::new();
    let length = opened.take(MAX_DOCUMENT).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if length as u64 >= MAX_DOCUMENT {
        Err("it is larger than 512 MiB; write it as an object a line".to_owned())
    } else {
        Ok(text)
    }
}

/// Where a Firebase salt travels until the hash is written in one.
pub(super) const FIREBASE_SALT: &str = "\0firebase salt";
pub(super) const MAX_LINE: usize = 1024 * 1024;
const MAX_DOCUMENT: u64 = 512 * 1024 * 1024;
