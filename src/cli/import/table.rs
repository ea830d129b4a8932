//! CSV (RFC 4180) with a line of names: ours, or Supabase's.
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use serde_json::Value;

use super::documents;
use super::read::{Format, MAX_LINE, Row};
use crate::account::Brought;

/// The rows below the line of names; every field becomes text under its name, and is then read like JSON.
pub(super) fn rows(opened: impl Read + 'static) -> Result<impl Iterator<Item = Row>, String> {
    let room = Rc::new(Cell::new(MAX_LINE));
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(Bounded {
        opened,
        room: Rc::clone(&room),
        quotes: 0,
        ended: false,
    });
    let names: Vec<String> = reader.headers().map_err(|error| error.to_string())?.iter().map(name).collect();
    if !["username", "email"].iter().any(|needed| names.iter().any(|name| name == needed)) {
        return Err("its first line names neither username nor email".to_owned());
    }
    let mut record = csv::StringRecord::new();
    let mut over = false;
    Ok(std::iter::from_fn(move || {
        if over {
            return None;
        }
        room.set(MAX_LINE);
        let begun = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => None,
            Ok(true) => {
                let line = record.position().map_or(0, csv::Position::line);
                let lines = reader.position().line().saturating_sub(line);
                let Bounded { quotes, ended, .. } = reader.get_ref();
                let unclosed = lines > 1 && *ended && !quotes.is_multiple_of(2);
                let person = if unclosed { Err(swallowed(lines)) } else { person(&names, &record, lines) };
                Some(Row { line, person })
            }
            Err(error) => {
                // What is not UTF-8 is one bad row; anything else is the end of the file.
                over = !matches!(error.kind(), csv::ErrorKind::Utf8 { .. });
                let line = error.position().map_or(begun, csv::Position::line);
                let lines = reader.position().line().saturating_sub(line);
                let why = match (room.get(), lines) {
                    (0, 2..) => swallowed(lines),
                    (0, _) => "is longer than a megabyte; nothing below it was read".to_owned(),
                    _ => format!("cannot be read: {error}"),
                };
                Some(Row { line, person: Err(why) })
            }
        }
    }))
}

fn swallowed(lines: u64) -> String {
    format!("a quote begins here and is not closed: the {lines} lines from here on were not read")
}

/// What is read of one record, the rest of the buffer aside.
struct Bounded<R> {
    opened: R,
    /// Bytes that the record may still take.
    room: Rc<Cell<usize>>,
    /// All that were seen: in pairs, unless one is not closed.
    quotes: usize,
    ended: bool,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = bytes.len().min(self.room.get());
        let Some(piece) = bytes.get_mut(..most).filter(|piece| !piece.is_empty()) else {
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        let read = self.opened.read(piece)?;
        self.room.set(self.room.get() - read);
        self.ended = read == 0;
        self.quotes += piece.iter().take(read).filter(|byte| **byte == b'"').count();
        Ok(read)
    }
}

fn person(names: &[String], record: &csv::StringRecord, lines: u64) -> Result<Brought, String> {
    if record.len() != names.len() {
        let over = if lines > 1 { format!(" (over {lines} lines, in quotes)") } else { String::new() };
        return Err(format!("has {} fields{over}, and the first line names {}", record.len(), names.len()));
    }
    // An empty field says nothing, but where roles have a column it says that there are none.
    let fields = names.iter().zip(record).filter(|(name, text)| !text.is_empty() || *name == "roles");
    let fields = fields.map(|(name, text)| (name.clone(), Value::String(text.to_owned()))).collect();
    documents::person(&Value::Object(fields), Format::Csv)
}

/// As it stands there, and Supabase's names as ours.
fn name(text: &str) -> String {
    text.trim_start_matches('\u{feff}').trim().to_lowercase()
}
