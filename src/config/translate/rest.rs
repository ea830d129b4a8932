//! `[sessions]`, `[identity]`, `[store]`, `[log]` and `[metrics]`.
use std::path::PathBuf;

use crate::base::Secret;
use crate::config::address;
use crate::config::codes::Code;
use crate::config::finding::Finding;
use crate::config::identity;
use crate::config::read::{Part, Reader, Spot, Texts};
use crate::config::value::quoted;
use crate::observe::{Level, LogFormat, LogSettings, MetricsSettings};
use crate::shared;
use crate::store;
use crate::wire::IdentityFields;

/// What upstreams are told that do not say otherwise.
pub(super) fn identity(reader: &Reader<'_>) -> IdentityFields {
    let part = reader.part("identity");
    let separator: Spot<String> = part.spot("group_separator");
    // Where one stands in the name of a role it is encoded.
    let fits = !separator.value.is_empty() && separator.value.chars().all(|c| ",; |:/".contains(c));
    if !fits || separator.value.len() > 2 {
        part.complain(
            Finding::new(Code::E102, separator.place, "`group_separator` cannot stand between roles")
                .label("not one or two of , ; | : / and blanks")
                .say("write \",\", or another one of these that the backend reads"),
        );
    }
    let presets: Spot<Texts> = part.spot("headers");
    let names = part.given::<identity::Names>("names");
    // Names one by one stand in place of the default, and beside presets that are asked for.
    let presets = if names.is_some() && part.item("headers").is_none() { Vec::new() } else { presets.value };
    let names = names.map(|names| names.value).unwrap_or_default();
    identity::fields(&presets, &names, &separator.value, &|finding| part.complain(finding))
}

/// `[sessions]`, and where nodes meet.
pub(super) fn sessions(part: &Part<'_>, redis: Option<shared::RedisAddress>) -> shared::Settings {
    shared::Settings { close_streams: part.value("close_streams"), redis }
}

/// What nodes share beside the store. The text may hold a password: it is never repeated in what is said.
fn redis(part: &Part<'_>) -> Option<shared::RedisAddress> {
    let url: Spot<String> = part.given("shared")?;
    let address = shared::RedisAddress::parse(&url.value);
    address
        .map_err(|why| {
            part.complain(
                Finding::new(Code::E102, url.place, "`shared` leads to no Redis")
                    .label(why.to_string())
                    .say("write `redis://HOST:6379/0`, or `rediss://USER:PASSWORD@HOST:6379/0` with TLS"),
            );
        })
        .ok()
}

/// What `[store]` says.
pub(super) struct StorePart {
    pub(super) settings: store::Settings,
    pub(super) migrate: store::Migrate,
    pub(super) redis: Option<shared::RedisAddress>,
}

/// `[store]`
pub(super) fn store(reader: &Reader<'_>) -> StorePart {
    let part = reader.part("store");
    let words = [("auto", store::Migrate::Auto), ("manual", store::Migrate::Manual)];
    StorePart { settings: place(&part), migrate: part.choice("migrate", &words), redis: redis(&part) }
}

/// Where the store is.
fn place(part: &Part<'_>) -> store::Settings {
    let url: Spot<String> = part.spot("url");
    let password = part.given::<(Secret, bool)>("password");
    let most: Spot<u32> = part.spot("max_connections");
    if !store::Server::is_address(&url.value) {
        if url.value.starts_with("sqlite:") {
            // The default may stand in the file.
            let is_usual = most.value == part.default_of::<u32>("max_connections");
            for_no_server(part, if is_usual { &["password"] } else { &["password", "max_connections"] });
        }
        return store::Settings::Sqlite { path: PathBuf::from(sqlite_path(part, &url).unwrap_or_default()) };
    }
    match store::Server::parse(&url.value, password.map(|spot| spot.value.0), most.value) {
        Ok(server) => store::Settings::Server(Box::new(server)),
        Err(why) => {
            part.complain(bad_server(&url, why));
            store::Settings::Sqlite { path: PathBuf::new() }
        }
    }
}

/// A file is opened without a password, and by this node alone.
fn for_no_server(part: &Part<'_>, idle: &[&str]) {
    for key in idle {
        let Some(item) = part.item(key) else { continue };
        part.complain(
            Finding::new(Code::W313, item.place.clone(), format!("`{key}` is for no server"))
                .label("does nothing: the store is a file")
                .say("take it out, or name a server in `url`"),
        );
    }
}

/// The text may hold a password: it is never repeated in what is said.
fn bad_server(url: &Spot<String>, why: store::BadServer) -> Finding {
    let finding = Finding::new(Code::E102, url.place.clone(), "`url` leads to no store").label(why.to_string());
    match why {
        store::BadServer::TwoPasswords => finding.say("take one of the two away"),
        store::BadServer::Parameter => {
            finding.say("postgres: takes sslmode, sslrootcert, sslcert, sslkey, host, user; mysql: ssl-mode, ssl-ca, ssl-cert, ssl-key, socket")
        }
        store::BadServer::Malformed | store::BadServer::NoDatabase => {
            finding.say("write `postgres://USER@HOST:5432/DATABASE` or `mysql://USER@HOST:3306/DATABASE`")
        }
    }
}

fn sqlite_path(part: &Part<'_>, url: &Spot<String>) -> Option<String> {
    // The text may hold a password: it is never repeated in what is said.
    let finding = |title: &str| Finding::new(Code::E102, url.place.clone(), title);
    let Some(path) = url.value.strip_prefix("sqlite:") else {
        part.complain(
            finding("`url` names no store")
                .label("does not begin with `sqlite:`, `postgres:` or `mysql:`")
                .say("write `sqlite:authgate.db`"),
        );
        return None;
    };
    if let Some(bare) = path.strip_prefix("//") {
        part.complain(finding("a path follows `sqlite:` as it is").label("no `//`").replace(
            "write",
            &url.place,
            quoted(&format!("sqlite:{bare}")),
        ));
        return None;
    }
    if path.is_empty() || path.ends_with('/') || path.contains(['?', '\0']) || path.starts_with(':') {
        part.complain(
            finding("`url` names no file").label("a path must follow `sqlite:`").say("write `sqlite:authgate.db`"),
        );
        return None;
    }
    Some(path.to_owned())
}

/// `[log]`
pub(super) fn log(reader: &Reader<'_>) -> LogSettings {
    let part = reader.part("log");
    let levels = [
        ("error", Level::Error),
        ("warn", Level::Warn),
        ("info", Level::Info),
        ("debug", Level::Debug),
        ("trace", Level::Trace),
    ];
    let formats = [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
    LogSettings {
        level: part.choice("level", &levels),
        format: part.choice("format", &formats),
        access: part.value("access"),
        audit_file: audit_file(&part),
    }
}

fn audit_file(part: &Part<'_>) -> Option<PathBuf> {
    let path: Spot<String> = part.given("audit_file")?;
    if path.value.is_empty() || path.value.ends_with('/') || path.value.contains('\0') {
        part.complain(Finding::new(Code::E102, path.place, "`audit_file` names no file").label("a path is needed"));
        return None;
    }
    Some(PathBuf::from(path.value))
}

/// `[metrics]`
pub(super) fn metrics(reader: &Reader<'_>) -> MetricsSettings {
    let part = reader.part("metrics");
    let text: Spot<String> = part.spot("path");
    let path = address::plain_path(&text.value).unwrap_or_else(|trouble| {
        part.complain(trouble.finding(Code::E102, &text.place, "`path` of the metrics is no plain path"));
        String::new()
    });
    MetricsSettings {
        enabled: part.value("enabled"),
        path,
        per_route: part.value("per_route"),
        server_timing: part.value("server_timing"),
    }
}
