use std::fmt;
use std::path::PathBuf;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::base::Secret;

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settings {
    /// One file on this machine, from `sqlite:PATH`. Relative paths are relative to the working directory.
    Sqlite { path: PathBuf },
    /// A server that several nodes may share.
    Server(Box<Server>),
}

/// Whether the tables are brought up to date by whoever opens the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Migrate {
    #[default]
    Auto,
    /// `authgate store migrate` does it.
    Manual,
}

/// A database on a server. Made by `Server::parse` only, so that its address was understood.
#[derive(Clone)]
pub(crate) struct Server {
    pub(super) options: Options,
    /// As it was written: two files are compared by it.
    url: Secret,
    password: Option<Secret>,
    shown: String,
    pub(super) max_connections: u32,
}

#[derive(Debug, Clone)]
pub(super) enum Options {
    Postgres(PgConnectOptions),
    Mysql(MySqlConnectOptions),
}

/// What is wrong with an address, in words that hold nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadServer {
    #[error("the address cannot be read")]
    Malformed,
    #[error("the address names no database")]
    NoDatabase,
    #[error("the address has a parameter that is not known")]
    Parameter,
    #[error("there is a password in the address and one beside it")]
    TwoPasswords,
}

impl Settings {
    /// From an address, for a store that is named on the command line.
    pub(crate) fn parse(url: &str, password: Option<Secret>) -> Result<Self, BadServer> {
        match url.strip_prefix("sqlite:") {
            Some(path) if path.is_empty() || path.starts_with("//") => Err(BadServer::Malformed),
            Some(path) => Ok(Self::Sqlite { path: PathBuf::from(path) }),
            None => Server::parse(url, password, FEW).map(|server| Self::Server(Box::new(server))),
        }
    }
}

impl Server {
    /// Does an address begin like one of these?
    pub(crate) fn is_address(url: &str) -> bool {
        SCHEMES.iter().any(|(scheme, _)| url.starts_with(scheme))
    }

    /// From `postgres://USER@HOST/DATABASE` or `mysql://…`, and a password that needs no escaping.
    pub(crate) fn parse(url: &str, password: Option<Secret>, max_connections: u32) -> Result<Self, BadServer> {
        let (scheme, known) = SCHEMES.iter().find(|(scheme, _)| url.starts_with(scheme)).ok_or(BadServer::Malformed)?;
        let rest = url.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("//")).ok_or(BadServer::Malformed)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').ok_or(BadServer::NoDatabase)?;
        if database.is_empty() || database.contains('/') {
            return Err(BadServer::NoDatabase);
        }
        let mut names = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next());
        if !names.all(|name| name.is_some_and(|name| known.contains(&name))) {
            return Err(BadServer::Parameter);
        }
        let (login, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if password.is_some() && login.contains(':') {
            return Err(BadServer::TwoPasswords);
        }
        let postgres = scheme.starts_with("postgres");
        let shown = format!("{}://{host}/{database}", if postgres { "postgres" } else { "mysql" });
        let options =
            if postgres { postgres_options(rest, password.as_ref()) } else { mysql_options(rest, password.as_ref()) };
        let options = options.ok_or(BadServer::Malformed)?;
        Ok(Self { options, url: Secret::new(url.to_owned()), password, shown, max_connections })
    }
}

fn postgres_options(rest: &str, password: Option<&Secret>) -> Option<Options> {
    let options: PgConnectOptions = format!("postgres://{rest}").parse().ok()?;
    let options = options.application_name("authgate");
    Some(Options::Postgres(match password {
        Some(password) => options.password(password.expose()),
        None => options,
    }))
}

fn mysql_options(rest: &str, password: Option<&Secret>) -> Option<Options> {
    let options: MySqlConnectOptions = format!("mysql://{rest}").parse().ok()?;
    Some(Options::Mysql(match password {
        Some(password) => options.password(password.expose()),
        None => options,
    }))
}

impl PartialEq for Server {
    fn eq(&self, other: &Self) -> bool {
        let password = |server: &Self| server.password.as_ref().map(Secret::digest);
        self.url.matches(other.url.expose())
            && password(self) == password(other)
            && self.max_connections == other.max_connections
    }
}

impl Eq for Server {}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// As it is written in the file, without who signs in to a server and how.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(f, "sqlite:{}", path.display()),
            Self::Server(server) => f.write_str(&server.shown),
        }
    }
}

/// What an address may begin with, and the parameters it may have: those about the way there. The others would change
/// what the gateway relies on.
const SCHEMES: [(&str, &[&str]); 4] = [
    ("postgres:", POSTGRES_PARAMETERS),
    ("postgresql:", POSTGRES_PARAMETERS),
    ("mysql:", MYSQL_PARAMETERS),
    ("mariadb:", MYSQL_PARAMETERS),
];
/// Connections that a command needs.
const FEW: u32 = 2;
const POSTGRES_PARAMETERS: &[&str] = &["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "user"];
const MYSQL_PARAMETERS: &[&str] = &["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "socket"];

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Server, BadServer> {
        Server::parse(url, None, 4)
    }

    #[test]
    fn an_address_is_shown_without_who_signs_in() {
        for (url, shown) in [
            ("postgres://gw:hunter22@db:5432/people", "postgres://db:5432/people"),
            ("postgresql://db/people?sslmode=verify-full", "postgres://db/people"),
            ("mariadb://gw:hunter22@db/people", "mysql://db/people"),
            ("postgres:///people?host=/run/postgresql&user=gw", "postgres:///people"),
        ] {
            let server = parse(url).unwrap();
            assert_eq!(Settings::Server(Box::new(server.clone())).to_string(), shown);
            assert!(!format!("{server:?}").contains("hunter22"));
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (url, why) in [
            ("postgres:db/people", BadServer::Malformed),
            ("postgres://db", BadServer::NoDatabase),
            ("mysql://db/", BadServer::NoDatabase),
            ("mysql://db/a/b", BadServer::NoDatabase),
            ("postgres://db:port/a", BadServer::Malformed),
            ("postgres://db/a?options=-csearch_path%3Dx", BadServer::Parameter),
            ("mysql://db/a?sslmode=disable", BadServer::Parameter),
        ] {
            assert_eq!(parse(url).unwrap_err(), why, "{url}");
        }
        let both = Server::parse("postgres://gw:a@db/x", Some(Secret::new("b".to_owned())), 4);
        assert_eq!(both.unwrap_err(), BadServer::TwoPasswords);
    }

    #[test]
    fn another_password_is_another_setting() {
        let with =
            |password: &str| Server::parse("mysql://gw@db/x", Some(Secret::new(password.to_owned())), 4).unwrap();
        assert_eq!(with("a"), with("a"));
        assert_ne!(with("a"), with("b"));
    }
}
