//! `check --show`: every setting in force, with where it came from.
use serde_json::{Value, json};

use crate::config::Effective;

/// As a file that could be used, but for the secrets.
pub(super) fn toml(effective: &[Effective]) -> String {
    let mut text = String::new();
    let mut last = None;
    for one in effective {
        let table = Some((&one.section, one.table));
        if last != table {
            let gap = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{gap}{}\n", one.section));
            last = table;
        }
        text.push_str(&format!("{:<48}  # {}\n", format!("{} = {}", one.key, one.value), one.origin));
    }
    text
}

/// One array: section, table (which of several `[[routes]]`, from 1, also for what stands inside it), key, value, source.
pub(super) fn json(effective: &[Effective]) -> String {
    let first = effective.iter().find(|one| one.section == LIST).map_or(0, |one| one.table.0);
    let inside = LIST.trim_matches(['[', ']']);
    let row = |one: &Effective| {
        let section = one.section.trim_matches(['[', ']']);
        let is_listed = section.strip_prefix(inside).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        // The tables of one list are numbered one after the other.
        let table = is_listed.then(|| one.table.0 + 1 - first);
        json!({
            "section": one.section,
            "table": table,
            "key": one.key,
            "value": one.value,
            "source": one.origin.to_string(),
        })
    };
    let rows: Vec<Value> = effective.iter().map(row).collect();
    format!("{:#}\n", Value::Array(rows))
}

/// The section of which there may be several.
const LIST: &str = "[[routes]]";
