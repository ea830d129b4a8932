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

/// One array: section, key, value, source.
pub(super) fn json(effective: &[Effective]) -> String {
    let rows: Vec<Value> = effective
        .iter()
        .map(|one| json!({ "section": one.section, "key": one.key, "value": one.value, "source": one.origin.to_string() }))
        .collect();
    format!("{:#}\n", Value::Array(rows))
}
