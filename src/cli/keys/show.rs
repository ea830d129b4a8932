//! Keys on the terminal, and as JSON: never a private half.
use serde_json::{Value, json};

use crate::base::Timestamp;
use crate::cli::Out;
use crate::token::{Algorithm, LineUp, Settings, StoredKey};

pub(super) fn list(line_up: &LineUp, settings: &Settings, now: Timestamp, out: &mut Out) {
    let signing = &line_up.signing;
    let rows = std::iter::once((signing, "signs".to_owned()))
        .chain(line_up.believed.iter().map(|key| (key, standing(key, signing, now))));
    let rows: Vec<_> = rows.map(|(key, state)| (key, state, source(key, signing, settings))).collect();
    if out.json() {
        out.data(&rows.iter().map(|(key, state, source)| value(key, state, source)).collect());
        return;
    }
    for (key, state, source) in rows {
        out.line(format_args!("{:<43}  {:<5}  {source:<6}  {state}", key.kid, key.algorithm.name()));
    }
}

pub(super) fn added(kid: &str, signs_from: Timestamp, now: Timestamp, out: &mut Out) {
    if out.json() {
        out.data(&json!({ "kid": kid, "signs_from": signs_from.to_string() }));
    } else if signs_from.since(now).as_secs() == 0 {
        out.line(format_args!(
            "{kid} signs within a second; the key before it is believed until its last token is dead"
        ));
    } else {
        out.line(format_args!("{kid} is in the key set within a second and signs from {signs_from}"));
    }
}

pub(super) fn secret(secret: &str, out: &mut Out) {
    if out.json() {
        out.data(&json!({ "secret": secret }));
    } else {
        out.line(secret);
    }
}

pub(super) fn retired(kid: &str, out: &mut Out) {
    if out.json() {
        out.data(&json!({ "kid": kid, "done": "retired" }));
    } else {
        out.line(format_args!("retired {kid}: what it signed is refused within a second"));
    }
}

fn standing(key: &StoredKey, signing: &StoredKey, now: Timestamp) -> String {
    match key.believed_until {
        Some(until) => format!("believed until {until}"),
        None if key.algorithm == signing.algorithm && key.signs_from > now => format!("signs from {}", key.signs_from),
        None => "believed".to_owned(),
    }
}

fn source(key: &StoredKey, signing: &StoredKey, settings: &Settings) -> &'static str {
    let shared = key.algorithm == Algorithm::Hs256 && settings.secret.is_some() && key.kid == signing.kid;
    if settings.keys.files.iter().any(|file| file.kid == key.kid) {
        "file"
    } else if shared {
        "secret"
    } else {
        "store"
    }
}

fn value(key: &StoredKey, state: &str, source: &str) -> Value {
    json!({
        "kid": key.kid,
        "algorithm": key.algorithm.name(),
        "source": source,
        "state": state,
        "created_at": key.created_at.to_string(),
        "signs_from": key.signs_from.to_string(),
        "believed_until": key.believed_until.map(|time| time.to_string()),
    })
}
