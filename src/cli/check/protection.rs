//! What is open, what asks for a sign-in, and what an operator should know beside.
use crate::account::Registration;
use crate::authz::{Asks, Mode};
use crate::config::{Config, Effective, Loaded};
use crate::endpoints::Endpoints;
use crate::proxy::{Address, Settings as Upstream};
use crate::routes::Settings;
use crate::store;

/// "gateway.toml is fine.", the routes in order, and notes.
pub(crate) fn table(loaded: &Loaded) -> String {
    let config = &loaded.config;
    let mut text = match loaded.warnings.warnings() {
        0 => format!("{} is fine.\n", loaded.warnings.name()),
        1 => format!("{} is fine, with 1 warning.\n", loaded.warnings.name()),
        warnings => format!("{} is fine, with {warnings} warnings.\n", loaded.warnings.name()),
    };
    text.push_str(&routes(config));
    text.push('\n');
    for note in notes(loaded) {
        text.push_str(&format!("  note  {note}\n"));
    }
    text
}

/// One line for each route: what it asks, its prefix, where it goes.
pub(crate) fn routes(config: &Config) -> String {
    let mut rows: Vec<Row> = config.routes.iter().flat_map(|route| rows(route, config)).collect();
    rows.sort_by(|one, other| one.path.cmp(&other.path));
    let everything = config.routes.iter().any(|route| route.prefix == "/" && route.hosts.is_empty());
    let asks = rows.iter().map(|row| row.asks.len()).fold("login + role".len(), usize::max);
    let path = rows.iter().map(|row| row.path.len()).fold(15, usize::max);
    let target = rows.iter().map(|row| row.target.len()).max().unwrap_or_default();
    let mut text = String::new();
    if config.wire.auth_prefix.0.is_empty() {
        text.push_str(&format!("  {:<asks$}  {}\n", "gateway", Endpoints::names().collect::<Vec<_>>().join(" ")));
    }
    for row in &rows {
        let line = format!("  {:<asks$}  {:<path$}  -> {:<target$}     {}", row.asks, row.path, row.target, row.beside);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if !everything {
        text.push_str("  404  everything else\n");
    }
    text
}

struct Row {
    asks: String,
    path: String,
    target: String,
    beside: String,
}

fn rows(route: &Settings, config: &Config) -> Vec<Row> {
    let policy = &route.policy;
    let mut asks = match policy.auth {
        Asks::Nobody => "open",
        Asks::Anyone => "optional",
        Asks::Somebody => "login",
    }
    .to_owned();
    if !policy.roles.is_empty() {
        asks.push_str(" + role");
    }
    if !policy.scopes.is_empty() {
        asks.push_str(" + scope");
    }
    if policy.mode == Mode::Observe {
        asks.push_str(" (observed)");
    }
    let roles = policy.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let scopes = policy.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    let methods = route.methods.iter().map(http::Method::as_str).collect::<Vec<_>>().join(" ");
    let beside = [roles, scopes, methods].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    let row = |path: String| Row { asks: asks.clone(), path, target: target(route, config), beside: beside.clone() };
    if route.hosts.is_empty() {
        vec![row(route.prefix.clone())]
    } else {
        route.hosts.iter().map(|host| row(format!("{host}{}", route.prefix))).collect()
    }
}

fn target(route: &Settings, config: &Config) -> String {
    let upstream = config.upstreams.iter().find(|upstream| upstream.name == route.upstream);
    let addresses = upstream
        .map(|upstream| upstream.addresses.iter().map(|address| url(address, upstream)).collect::<Vec<_>>().join(", "));
    addresses.unwrap_or_else(|| route.upstream.clone())
}

pub(super) fn url(address: &Address, upstream: &Upstream) -> String {
    let (scheme, usual) = match (&upstream.tls, upstream.http2) {
        (Some(_), _) => ("https", 443),
        (None, true) => ("h2c", 80),
        (None, false) => ("http", 80),
    };
    match address {
        Address::Tcp { host, port } => {
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            if *port == usual { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") }
        }
        Address::Unix { path } => format!("unix:{}", path.display()),
    }
}

fn notes(loaded: &Loaded) -> Vec<String> {
    let mut notes = Vec::new();
    if loaded.config.accounts.registration == Registration::Open {
        let origin = origin(&loaded.effective, "[accounts]", "registration");
        notes.push(format!("everyone may make an account ([accounts] registration = \"open\", {origin})"));
    }
    for route in loaded.config.routes.iter().filter(|route| route.policy.mode == Mode::Observe) {
        let place = &route.place;
        notes.push(format!(
            "nobody is refused under {}: it is only observed, see authgate report ({place})",
            route.key()
        ));
    }
    let good_for = match &loaded.config.store {
        store::Settings::Sqlite { .. } => "good for one node",
        store::Settings::Server(_) => "which several nodes may share",
    };
    notes.push(format!("users are kept in {}, {good_for}", loaded.config.store));
    notes
}

fn origin(effective: &[Effective], section: &str, key: &str) -> String {
    let found = effective.iter().find(|one| one.section == section && one.key == key);
    found.map(|one| one.origin.to_string()).unwrap_or_default()
}
