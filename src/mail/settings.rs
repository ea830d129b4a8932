use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use tokio::time::timeout;

use crate::base::Secret;

/// What the operator says about mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Without one, letters are written to the log.
    pub(crate) server: Option<Server>,
    pub(crate) from: Mailbox,
}

/// Who letters are from: `Example <no-reply@example.com>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mailbox(pub(super) lettre::message::Mailbox);

impl Mailbox {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        lettre::message::Mailbox::from_str(text).ok().map(Self)
    }

    /// Where there is no better one.
    pub(crate) fn nobody() -> Self {
        let address = lettre::Address::new("no-reply", "localhost");
        Self(lettre::message::Mailbox::new(None, address.expect("an address")))
    }

    /// What stands behind the `@`.
    pub(super) fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

/// A server that takes mail.
#[derive(Clone)]
pub(crate) struct Server {
    host: String,
    port: u16,
    tls: Encryption,
    login: Option<(String, Secret)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    /// From the first byte (RFC 8314).
    FromTheStart,
    /// STARTTLS, and no mail without it.
    Required,
    /// In the clear: to this machine, or because the operator says so.
    None,
}

/// What is wrong with an address, in words that hold nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadServer {
    #[error("not smtps://HOST or smtp://HOST")]
    Malformed,
    #[error("the only parameter is tls=none, for smtp://")]
    Parameter,
    #[error("there is a password in the address and one beside it")]
    TwoPasswords,
    #[error("a name to sign in with and no password, or a password and no name")]
    HalfALogin,
    #[error("the password would travel unencrypted")]
    InTheClear,
}

impl Server {
    /// `smtps://NAME@HOST:465`, or `smtp://HOST:587` with STARTTLS. In the clear only to this machine, or with `?tls=none`.
    pub(crate) fn parse(url: &str, password: Option<&Secret>) -> Result<Self, BadServer> {
        let (scheme, rest) = url.split_once("://").ok_or(BadServer::Malformed)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (login, place) = place.rsplit_once('@').map_or((None, place), |(login, place)| (Some(login), place));
        let authority: http::uri::Authority = place.trim_end_matches('/').parse().map_err(|_| BadServer::Malformed)?;
        let host = authority.host().to_owned();
        let is_here = ["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str());
        let (tls, usual_port) = match (scheme, query) {
            ("smtps", "") => (Encryption::FromTheStart, 465),
            ("smtp", "tls=none") => (Encryption::None, 25),
            ("smtp", "") if is_here => (Encryption::None, 25),
            ("smtp", "") => (Encryption::Required, 587),
            ("smtp" | "smtps", _) => return Err(BadServer::Parameter),
            _ => return Err(BadServer::Malformed),
        };
        let login = login.map(|login| self::login(login, password)).transpose()?;
        if login.is_none() && password.is_some() {
            return Err(BadServer::HalfALogin);
        }
        if login.is_some() && tls == Encryption::None && !is_here {
            return Err(BadServer::InTheClear);
        }
        Ok(Self { host, port: authority.port_u16().unwrap_or(usual_port), tls, login })
    }

    /// Connects, greets, signs in where there is a password, and leaves; sends nothing.
    pub(crate) async fn look(&self, helo: &Mailbox, patience: Duration) -> Result<(), NoGreeting> {
        let looked = async {
            let way = self.transport(helo.domain(), patience)?;
            way.test_connection().await
        };
        match timeout(patience, looked).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(NoGreeting::Lost),
            Ok(Err(error)) => Err(NoGreeting::Failed(error)),
            Err(_) => Err(NoGreeting::Slow(patience)),
        }
    }

    /// As `[mail] url` names it, without who signs in.
    pub(crate) fn shown(&self) -> String {
        let scheme = if self.tls == Encryption::FromTheStart { "smtps" } else { "smtp" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }

    /// The way there. `helo` is what we call ourselves.
    pub(super) fn transport(
        &self,
        helo: &str,
        patience: Duration,
    ) -> Result<AsyncSmtpTransport<Tokio1Executor>, lettre::transport::smtp::Error> {
        let bare = self.host.trim_matches(['[', ']']).to_owned();
        let tls = match self.tls {
            Encryption::FromTheStart => Tls::Wrapper(TlsParameters::new(bare.clone())?),
            Encryption::Required => Tls::Required(TlsParameters::new(bare.clone())?),
            Encryption::None => Tls::None,
        };
        let way = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(bare)
            .port(self.port)
            .tls(tls)
            .timeout(Some(patience))
            .hello_name(ClientId::Domain(helo.to_owned()));
        let way = match &self.login {
            Some((name, password)) => way.credentials(Credentials::new(name.clone(), password.expose().to_owned())),
            None => way,
        };
        Ok(way.build())
    }
}

/// Why a mail server is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoGreeting {
    #[error("it does not take letters")]
    Failed(#[source] lettre::transport::smtp::Error),
    #[error("it hung up after the greeting")]
    Lost,
    #[error("no answer within {} s", .0.as_secs())]
    Slow(Duration),
}

impl NoGreeting {
    /// Whether it does not take the name or the password (RFC 4954, section 6).
    pub(crate) fn refuses_login(&self) -> bool {
        let Self::Failed(error) = self else { return false };
        error.status().is_some_and(|code| [534, 535, 538].contains(&u16::from(code)))
    }
}

fn login(text: &str, beside: Option<&Secret>) -> Result<(String, Secret), BadServer> {
    let (name, inside) = text.split_once(':').map_or((text, None), |(name, word)| (name, Some(word)));
    let name = decoded(name).filter(|name| !name.is_empty()).ok_or(BadServer::HalfALogin)?;
    let password = match (inside, beside) {
        (Some(_), Some(_)) => return Err(BadServer::TwoPasswords),
        (Some(inside), None) => Secret::new(decoded(inside).ok_or(BadServer::Malformed)?),
        (None, Some(beside)) => beside.clone(),
        (None, None) => return Err(BadServer::HalfALogin),
    };
    Ok((name, password))
}

/// `%40` is an `@`: names of mail accounts often have one.
fn decoded(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut out = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        out.push(u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?);
        out.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(out).ok()
}

/// Without the password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({}:{})", self.host, self.port)
    }
}

impl PartialEq for Server {
    fn eq(&self, other: &Self) -> bool {
        let same_login = match (&self.login, &other.login) {
            (None, None) => true,
            (Some((name, word)), Some((other, others))) => name == other && word.matches(others.expose()),
            _ => false,
        };
        (&self.host, self.port, self.tls) == (&other.host, other.port, other.tls) && same_login
    }
}

impl Eq for Server {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_how_and_who() {
        let password = Secret::new("p@ss:word".to_owned());
        let server = Server::parse("smtps://authgate%40example.com@mail.example.com", Some(&password)).unwrap();
        assert_eq!((server.port, server.tls), (465, Encryption::FromTheStart));
        let (name, word) = server.login.clone().unwrap();
        assert_eq!((name.as_str(), word.expose()), ("authgate@example.com", "p@ss:word"));
        assert!(!format!("{server:?}").contains("p@ss"));
        let server = Server::parse("smtp://mail.example.com", None).unwrap();
        assert_eq!((server.port, server.tls), (587, Encryption::Required));
        assert_eq!(Server::parse("smtp://127.0.0.1:2525/", None).unwrap().tls, Encryption::None);
        assert_eq!(Server::parse("smtp://[::1]", None).unwrap().port, 25);
        assert_eq!(Server::parse("smtp://mail.example.com?tls=none", None).unwrap().tls, Encryption::None);
    }

    #[test]
    fn what_would_give_the_password_away_is_refused() {
        let word = Secret::new("word".to_owned());
        let password = || Some(&word);
        for (url, password, why) in [
            ("mail.example.com", None, BadServer::Malformed),
            ("http://mail.example.com", None, BadServer::Malformed),
            ("smtp://mail example.com", None, BadServer::Malformed),
            ("smtp://mail.example.com?tls=opportunistic", None, BadServer::Parameter),
            ("smtps://mail.example.com?tls=none", None, BadServer::Parameter),
            ("smtps://ann@mail.example.com", None, BadServer::HalfALogin),
            ("smtps://mail.example.com", password(), BadServer::HalfALogin),
            ("smtps://ann:b@mail.example.com", password(), BadServer::TwoPasswords),
            ("smtp://ann@mail.example.com?tls=none", password(), BadServer::InTheClear),
        ] {
            assert_eq!(Server::parse(url, password).err(), Some(why), "{url}");
        }
    }
}
