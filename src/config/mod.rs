//! What the operator writes: checked, then unchangeable.
mod address;
mod codes;
mod draw;
mod effective;
mod environment;
mod example;
mod finding;
mod identity;
mod mask;
mod read;
mod schema;
mod secrets;
mod settings;
mod suggest;
mod translate;
mod tree;
mod units;
mod unknown;
mod value;
#[cfg(test)]
mod samples_test;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub(crate) use codes::Code;
pub(crate) use draw::Format;
pub(crate) use effective::Effective;
pub(crate) use environment::Environment;
pub(crate) use example::{example, manual, nearest_key};
pub(crate) use finding::{Finding, Findings};
pub(crate) use identity::{preset_fields, presets};
pub(crate) use schema::schema;
pub(crate) use value::quoted;

use finding::{Place, Source};
use read::Reader;

use crate::{
    account, admin, authn, mail, observe, pages, password, proxy, routes, server, shared, store, tls, token, wire,
};

/// The whole file, checked; each room gets the part it obeys.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) server: server::Settings,
    /// `None`: plain HTTP.
    pub(crate) tls: Option<tls::Settings>,
    pub(crate) wire: wire::Settings,
    /// What is told about the person where an upstream does not say otherwise.
    pub(crate) identity: wire::IdentityFields,
    pub(crate) upstreams: Vec<proxy::Settings>,
    pub(crate) routes: Vec<routes::Settings>,
    pub(crate) accounts: account::Settings,
    pub(crate) passwords: password::Settings,
    pub(crate) tokens: token::Settings,
    pub(crate) locations: authn::Settings,
    pub(crate) sessions: shared::Settings,
    pub(crate) pages: pages::Settings,
    pub(crate) store: store::Settings,
    pub(crate) migrate: store::Migrate,
    pub(crate) mail: mail::Settings,
    pub(crate) admin: admin::Settings,
    pub(crate) log: observe::LogSettings,
    pub(crate) metrics: observe::MetricsSettings,
}

/// A file that may be put to work.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// Warnings only.
    pub(crate) warnings: Findings,
    /// Every setting in force and where it came from.
    pub(crate) effective: Vec<Effective>,
}

impl Config {
    /// Where people and programs find the gateway: `public_url`, else localhost and the first port.
    pub(crate) fn origin(&self) -> String {
        translate::origin(&self.server, &self.wire, self.tls.is_some())
    }
}

/// What a command needs to ask a running gateway.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) admin: SocketAddr,
    pub(crate) store: store::Settings,
    pub(crate) migrate: store::Migrate,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("no configuration file: looked at {}", places(.0))]
    NotFound(Vec<PathBuf>),
    #[error("cannot read {}", .path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("{}", .0.summary())]
    Wrong(Box<Findings>),
}

/// The file to use: the one named, `AUTHGATE_CONFIG`, ./gateway.toml, /etc/authgate/gateway.toml.
pub(crate) fn find(named: Option<&Path>, environment: &Environment) -> Result<PathBuf, ConfigError> {
    let named = named.map(Path::to_path_buf);
    let named = named.or_else(|| environment.variable(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from));
    let places = named.map_or_else(|| PLACES.iter().map(PathBuf::from).collect(), |named| vec![named]);
    let found = places.iter().find(|place| place.exists()).cloned();
    found.ok_or(ConfigError::NotFound(places))
}

/// Is it found without being named?
pub(crate) fn is_looked_for(path: &Path) -> bool {
    PLACES.iter().any(|place| Path::new(place) == path)
}

/// Reads what is needed to ask a running gateway: the rest may be wrong, or need variables that only the gateway has.
/// What is wrong with the whole file is told only where that cannot be had.
pub(crate) fn desk(path: &Path, environment: &Environment) -> Result<Desk, ConfigError> {
    let bytes = bytes_of(path)?;
    let text = std::str::from_utf8(&bytes).ok().filter(|_| bytes.len() as u64 <= MAX_FILE);
    if let Some(desk) = text.and_then(|text| desk_in(text, environment)) {
        return Ok(desk);
    }
    let Config { admin, store, migrate, .. } = parse_bytes(&bytes, &path.display().to_string(), environment)?.config;
    Ok(Desk { admin: admin.listen, store, migrate })
}

fn desk_in(text: &str, environment: &Environment) -> Option<Desk> {
    let source = Source::new("", text.strip_prefix('\u{feff}').unwrap_or(text));
    let (root, findings) = tree::read_only(&["admin", "store"], &source, environment)?;
    let reader = Reader::new(&source, &root, findings);
    let desk = translate::desk(&reader);
    let findings = Findings::new(source.clone(), reader.done().0);
    (findings.errors() == 0).then_some(desk)
}

/// Reads and checks a file.
pub(crate) fn load(path: &Path, environment: &Environment) -> Result<Loaded, ConfigError> {
    parse_bytes(&bytes_of(path)?, &path.display().to_string(), environment)
}

/// One byte more than there may be tells a file that is too long.
fn bytes_of(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let unreadable = |cause| ConfigError::Unreadable { path: path.to_path_buf(), cause };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Checks what a file or standard input held.
pub(crate) fn parse_bytes(bytes: &[u8], name: &str, environment: &Environment) -> Result<Loaded, ConfigError> {
    let trouble = match std::str::from_utf8(bytes) {
        Ok(_) if bytes.len() as u64 > MAX_FILE => "the file is longer than 1 MiB",
        Ok(text) => return parse(text, name, environment),
        Err(_) => "the file is not UTF-8",
    };
    let finding = Finding::new(Code::E002, Place::Default, trouble);
    Err(ConfigError::Wrong(Box::new(Findings::new(Source::new(name, ""), vec![finding]))))
}

/// Checks a text. All findings are told at once.
pub(crate) fn parse(text: &str, name: &str, environment: &Environment) -> Result<Loaded, ConfigError> {
    // Some editors begin a file with a mark that is no part of it.
    let source = Source::new(name, text.strip_prefix('\u{feff}').unwrap_or(text));
    let (root, findings) = match tree::read(&source, environment) {
        Ok(tree) => tree,
        Err(findings) => return Err(ConfigError::Wrong(Box::new(Findings::new(source, findings)))),
    };
    let reader = Reader::new(&source, &root, findings);
    let config = translate::config(&reader, environment);
    let (findings, effective) = reader.done();
    let warnings = Findings::new(source, findings);
    if warnings.errors() > 0 {
        return Err(ConfigError::Wrong(Box::new(warnings)));
    }
    Ok(Loaded { config, warnings, effective })
}

/// "900ms", "30s", "15m", "12h", "30d"
pub(crate) fn duration(text: &str) -> Option<std::time::Duration> {
    units::duration(text).ok()
}

fn places(places: &[PathBuf]) -> String {
    places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Names the file when the command line does not.
const VARIABLE: &str = "AUTHGATE_CONFIG";
/// Where a file is looked for.
const PLACES: [&str; 2] = [FILE, "/etc/authgate/gateway.toml"];
/// The first of them.
pub(crate) const FILE: &str = "gateway.toml";
/// A file of a thousand routes has 100 KiB.
const MAX_FILE: u64 = 1024 * 1024;
