//! The JSON schema of the file, for editors that complete and check while one types.
use serde_json::{Map, Value, json};

use super::settings::{Kind, SECTIONS, Section, Setting, Shape, Unset};

/// The schema (draft 7, which the editors' TOML extensions know), with a newline at its end.
pub(crate) fn schema() -> String {
    let sections: Map<String, Value> =
        SECTIONS.iter().map(|section| (section.name.to_owned(), in_file(section))).collect();
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "gateway.toml",
        "description": "The configuration file of authgate.",
        "type": "object",
        "additionalProperties": false,
        "required": ["routes"],
        "properties": sections,
    });
    format!("{schema:#}\n")
}

fn in_file(section: &Section) -> Value {
    let table = table(section.settings);
    let mut value = match section.shape {
        Shape::Once => table,
        Shape::Named => json!({
            "type": "object",
            "additionalProperties": { "anyOf": [{ "type": "string" }, table] },
        }),
        Shape::List => json!({ "type": "array", "minItems": 1, "items": table }),
    };
    describe(&mut value, section.words);
    value
}

fn table(settings: &[Setting]) -> Value {
    let properties: Map<String, Value> =
        settings.iter().map(|setting| (setting.key.to_owned(), one(setting))).collect();
    let required: Vec<_> =
        settings.iter().filter(|setting| setting.unset == Unset::Refused).map(|setting| setting.key).collect();
    let mut value = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty()
        && let Value::Object(members) = &mut value
    {
        members.insert("required".to_owned(), json!(required));
    }
    value
}

fn one(setting: &Setting) -> Value {
    let mut value = kind(&setting.kind);
    describe(&mut value, setting.words);
    if setting.unset == Unset::Default
        && let Some(default) = default(setting)
        && let Value::Object(members) = &mut value
    {
        members.insert("default".to_owned(), default);
    }
    value
}

fn kind(kind: &Kind) -> Value {
    // A reference may stand in place of any quantity.
    let quantity = |pattern: &str| json!({ "type": "string", "pattern": format!("^([0-9]+({pattern})|.*\\$\\{{.*)$") });
    let list = json!({ "type": "array", "items": { "type": "string" } });
    match kind {
        Kind::Text | Kind::Secret => json!({ "type": "string" }),
        Kind::Word(words) => json!({ "anyOf": [{ "type": "string", "enum": words }, reference()] }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Duration(..) => quantity("ms|s|m|h|d"),
        Kind::Size(..) => quantity("B|KiB|MiB|GiB"),
        Kind::Rate => quantity("/[smhd]"),
        Kind::List => list,
        Kind::OneOrMore => json!({ "anyOf": [{ "type": "string" }, list] }),
        Kind::Table(settings) => table(settings),
        Kind::Lists => json!({ "type": "object", "additionalProperties": list }),
        Kind::Texts([]) | Kind::Hidden => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Kind::Texts(keys) => {
            let properties: Map<String, Value> =
                keys.iter().map(|key| ((*key).to_owned(), json!({ "type": "string" }))).collect();
            json!({ "type": "object", "additionalProperties": false, "properties": properties })
        }
    }
}

/// `${NAME}` may stand in any text.
fn reference() -> Value {
    json!({ "type": "string", "pattern": "\\$\\{" })
}

fn describe(value: &mut Value, words: &str) {
    if let (Value::Object(members), false) = (value, words.is_empty()) {
        members.insert("description".to_owned(), json!(words.trim_start()));
    }
}

/// The default as JSON; its TOML is one of the few shapes both have, or a table that needs no default of its own.
fn default(setting: &Setting) -> Option<Value> {
    serde_json::from_str(setting.shown).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_may_stand_where_a_word_does() {
        let schema: Value = serde_json::from_str(&schema()).unwrap();
        let auth = &schema["properties"]["routes"]["items"]["properties"]["auth"];
        assert_eq!(auth["anyOf"][0]["enum"], json!(["required", "optional", "none"]));
        assert_eq!(auth["anyOf"][1], json!({ "type": "string", "pattern": "\\$\\{" }));
        assert_eq!(auth["default"], "required");
    }
}
