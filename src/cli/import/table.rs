//! CSV (RFC 4180) with a line of names: ours, or Supabase's.
use std::io::Read;

use serde_json::Value;

use super::documents;
use super::read::{Format, Row};
use crate::account::Brought;

/// The rows below the line of names; every field becomes text under its name, and is then read like JSON.
pub(super) fn rows(opened: impl Read + 'static) -> Result<impl Iterator<Item = Row>, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(opened);
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
        match reader.read_record(&mut record) {
            Ok(false) => None,
            Ok(true) => {
                let line = record.position().map_or(0, csv::Position::line);
                Some(Row { line, person: person(&names, &record) })
            }
            Err(error) => {
                // What is not UTF-8 is one bad row; anything else is the end of the file.
                over = !matches!(error.kind(), csv::ErrorKind::Utf8 { .. });
                let line = error.position().map_or(0, csv::Position::line);
                Some(Row { line, person: Err(format!("cannot be read: {error}")) })
            }
        }
    }))
}

fn person(names: &[String], record: &csv::StringRecord) -> Result<Brought, String> {
    if record.len() != names.len() {
        return Err(format!("has {} fields, and the first line names {}", record.len(), names.len()));
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
