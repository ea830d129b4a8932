//! Where the probe goes, and one request as bytes that nothing repairs on the way.
use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Uri;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::answer::{Answer, Read};
use super::plan::Place;
use crate::base::random_bytes;
use crate::observe::Chain;
use crate::tls::{Offer, Outgoing, Trust};

/// One address that speaks HTTP/1.1.
#[derive(Debug)]
pub(super) struct Target {
    tls: Option<Outgoing>,
    /// Without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// What stands in `Host`.
    pub(super) authority: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("cannot connect: {0}")]
    Unreachable(String),
    #[error("the connection was closed without an answer")]
    Closed,
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    Slow,
    #[error("the answer is not HTTP/1.1")]
    Nonsense,
}

/// One request; only what is named here is sent.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) target: String,
    host: Option<String>,
    fields: Vec<(String, String)>,
}

impl Request {
    pub(super) fn get(target: impl Into<String>) -> Self {
        Self { method: "GET", target: target.into(), host: None, fields: Vec::new() }
    }

    pub(super) fn by(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    pub(super) fn for_host(self, host: &str) -> Self {
        Self { host: Some(host.to_owned()), ..self }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn bearer(self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    fn bytes(&self, authority: &str) -> Vec<u8> {
        let host = self.host.as_deref().unwrap_or(authority);
        let mut text = format!("{} {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\n", self.method, self.target);
        let has = |wanted: &str| self.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
        if !has("accept") {
            text.push_str("Accept: application/json\r\n");
        }
        if !has("connection") {
            text.push_str("Connection: close\r\n");
        }
        for (name, value) in &self.fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}

impl Target {
    /// `http://HOST[:PORT]` or `https://…`, and nothing after it.
    pub(super) fn parse(url: &str, ca: Option<&Path>) -> Result<Self, String> {
        let form = || format!("{url:?} is no address to probe: write http://HOST[:PORT] or https://HOST[:PORT]");
        let uri: Uri = url.parse().map_err(|_| form())?;
        let https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) | None => return Err(form()),
        };
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(form)?;
        if !uri.path().trim_end_matches('/').is_empty() || uri.query().is_some() {
            return Err(format!("{url:?} has a path: name protected paths with --protected"));
        }
        let tls = if https {
            let trust = Trust { ca: ca.map(Path::to_path_buf), client: None, verify: true };
            Some(Outgoing::read(&trust).map_err(|error| Chain(&error).to_string())?)
        } else {
            None
        };
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(if https { 443 } else { 80 });
        Ok(Self { tls, host, port, authority: authority.to_string() })
    }

    /// At an address that a file or a person named. Whoever answers there over TLS will do: nothing secret is sent.
    pub(super) fn unverified(place: &Place) -> Result<Self, String> {
        let Place { host, port, .. } = place;
        let shown = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let trust = Trust { ca: None, client: None, verify: false };
        let tls =
            if place.https { Some(Outgoing::read(&trust).map_err(|error| Chain(&error).to_string())?) } else { None };
        Ok(Self { tls, host: host.clone(), port: *port, authority: format!("{shown}:{port}") })
    }

    pub(super) const fn is_https(&self) -> bool {
        self.tls.is_some()
    }

    /// `http://HOST[:PORT]`
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", if self.is_https() { "https" } else { "http" }, self.authority)
    }

    /// Sends one request on a connection of its own. Whoever asks to wait a little is waited for, once.
    pub(super) async fn ask(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let first = self.once(request).await;
        let wait = first.as_ref().ok().filter(|answer| answer.status == 429).and_then(|answer| {
            answer.field("retry-after")?.parse().ok().map(Duration::from_secs).filter(|wait| *wait <= LONGEST_WAIT)
        });
        let Some(wait) = wait else { return first };
        sleep(wait).await;
        self.once(request).await
    }

    async fn once(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let exchange = async {
            let socket = self.connect().await?;
            let bytes = request.bytes(&self.authority);
            match &self.tls {
                None => exchange(socket, &bytes, request.method).await,
                Some(tls) => {
                    let shaken = tls.shake(socket, &self.host, Offer::Http1).await;
                    let stream = shaken.map_err(|error| distrusted(&error))?;
                    exchange(stream, &bytes, request.method).await
                }
            }
        };
        timeout(PATIENCE, exchange).await.map_err(|_| NoAnswer::Slow)?
    }

    async fn connect(&self) -> Result<TcpStream, NoAnswer> {
        let connected = timeout(CONNECT, TcpStream::connect((self.host.as_str(), self.port))).await;
        let connected = connected.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)));
        connected.map_err(|error| NoAnswer::Unreachable(error.to_string()))
    }

    /// Our own address as the target sees it, where nothing translates it, and whether the target is this machine.
    pub(super) async fn seen_from(&self) -> Option<(IpAddr, bool)> {
        let socket = self.connect().await.ok()?;
        let ours = socket.local_addr().ok()?.ip().to_canonical();
        let theirs = socket.peer_addr().ok()?.ip().to_canonical();
        Some((ours, ours == theirs || theirs.is_loopback()))
    }
}

/// A word that no backend says by itself.
pub(super) fn canary() -> String {
    let word = URL_SAFE_NO_PAD.encode(random_bytes::<9>()).replace(['-', '_'], "x");
    format!("probe{}", word.to_ascii_lowercase())
}

/// The cause, with the cure that this command has.
fn distrusted(error: &dyn Error) -> NoAnswer {
    let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    NoAnswer::Unreachable(format!("{cause}; --ca FILE names another authority"))
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    bytes: &[u8],
    method: &str,
) -> Result<Answer, NoAnswer> {
    // A server may refuse a request before it read all of it: its answer is read all the same.
    let written = stream.write_all(bytes).await;
    let mut read = Vec::new();
    let mut piece = vec![0_u8; 16 * 1024];
    loop {
        match Answer::read(&read, method) {
            Read::Whole(answer) => return Ok(answer),
            Read::Nonsense => return Err(NoAnswer::Nonsense),
            Read::More if read.len() >= MAX_ANSWER => break,
            Read::More => {}
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(many) => read.extend_from_slice(piece.get(..many).unwrap_or_default()),
        }
    }
    let ended = Answer::ended(&read, method);
    ended.ok_or(if read.is_empty() || written.is_err() { NoAnswer::Closed } else { NoAnswer::Nonsense })
}

const AGENT: &str = concat!("authgate-probe/", env!("CARGO_PKG_VERSION"));
/// One request, from connecting to the end of its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A firewall that drops packets says nothing for ever.
const CONNECT: Duration = Duration::from_secs(3);
/// A rate limit of seconds is waited for; a longer one is told.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// More of an answer is not looked at.
const MAX_ANSWER: usize = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_and_anything_more_is_refused() {
        let target = Target::parse("http://[::1]:8080/", None).unwrap();
        assert_eq!((target.host.as_str(), target.port, target.origin().as_str()), ("::1", 8080, "http://[::1]:8080"));
        let target = Target::parse("https://app.example.com", None).unwrap();
        assert_eq!((target.port, target.is_https()), (443, true));
        for bad in
            ["app.example.com", "ftp://a", "http://u:p@a", "http://a/path", "http://a/?q", "http://", "http://a b"]
        {
            assert!(Target::parse(bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_is_named_is_sent() {
        let request = Request::get("/a\\b").with("X_User", "admin").with("Accept", "text/html");
        let text = String::from_utf8(request.bytes("site:80")).unwrap();
        let agent = format!("User-Agent: {AGENT}");
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "GET /a\\b HTTP/1.1",
                "Host: site:80",
                &agent,
                "Connection: close",
                "X_User: admin",
                "Accept: text/html",
                ""
            ]
        );
    }
}
