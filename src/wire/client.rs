//! What we believe about the client: decided here, from the socket, the trusted proxies and their fields, and nowhere else.
use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use super::{Authority, Peer};

/// Who asks and how, as far as sockets and trusted proxies tell.
#[derive(Debug, Clone)]
pub(crate) struct ClientFacts {
    /// The client's address: the right-most one in the chain that is no trusted proxy. `None` on a unix socket.
    pub(crate) ip: Option<IpAddr>,
    /// The public side speaks TLS.
    pub(crate) https: bool,
    /// The socket's other end is a trusted proxy.
    pub(crate) via_trusted: bool,
    /// The host as the public sees it, well-formed. `None` only when an HTTP/1.0 client names none.
    pub(crate) host: Option<HeaderValue>,
    /// The address at the socket's other end.
    pub(super) peer: Option<IpAddr>,
    /// What a trusted proxy said of the chain before it.
    pub(super) chain: Option<HeaderValue>,
    /// What a trusted proxy said of the request that it asks about.
    pub(super) about: Option<Box<About>>,
}

/// The words of proxies that ask about a request instead of sending it on.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    /// `X-Original-Method` and `X-Original-URL`, as nginx is told to send them.
    pub(crate) original: (Option<HeaderValue>, Option<HeaderValue>),
    /// `X-Forwarded-Method` and `X-Forwarded-Uri`, as Traefik and Caddy send them.
    pub(crate) forwarded: (Option<HeaderValue>, Option<HeaderValue>),
}

impl About {
    fn read(headers: &HeaderMap) -> Self {
        // Two of one name: the proxy did not write over what a client sent, so neither is believed.
        let single = |name: &HeaderName| {
            let mut lines = headers.get_all(name).iter();
            lines.next().filter(|_| lines.next().is_none()).cloned()
        };
        Self {
            original: (single(&ORIGINAL_METHOD), single(&ORIGINAL_URL)),
            forwarded: (single(&FORWARDED_METHOD), single(&FORWARDED_URI)),
        }
    }
}

impl ClientFacts {
    /// `host` is the well-formed `Host` of the request. Also returns the public host, read.
    pub(super) fn decide(
        peer: Peer,
        trusted: &Trusted,
        headers: &HeaderMap,
        host: Option<(HeaderValue, Authority)>,
    ) -> (Self, Option<Authority>) {
        let address = peer.ip.map(|ip| ip.to_canonical());
        let (host, authority) = host.unzip();
        let facts =
            Self { ip: address, https: peer.tls, via_trusted: false, host, peer: address, chain: None, about: None };
        if trusted.has(address) { facts.believing(trusted, headers, authority) } else { (facts, authority) }
    }

    fn believing(
        mut self,
        trusted: &Trusted,
        headers: &HeaderMap,
        host: Option<Authority>,
    ) -> (Self, Option<Authority>) {
        self.via_trusted = true;
        self.about = Some(Box::new(About::read(headers)));
        if let Some(ip) = right_most_stranger(trusted, headers) {
            self.ip = Some(ip);
            // What cannot be passed on is left out, not the client: to the upstream the socket's address would be one.
            self.chain = joined(headers).or_else(|| HeaderValue::try_from(ip.to_string()).ok());
            if self.peer.is_none() {
                self.take_peer_from_chain();
            }
        }
        match last_entry(headers, &FORWARDED_PROTO) {
            Some(b"https") => self.https = true,
            Some(b"http") => self.https = false,
            _ => {}
        }
        let public = last_entry(headers, &FORWARDED_HOST)
            .and_then(|text| Some((HeaderValue::from_bytes(text).ok()?, Authority::parse(text)?)));
        match public {
            Some((value, authority)) => (Self { host: Some(value), ..self }, Some(authority)),
            None => (self, host),
        }
    }

    /// A proxy at a unix socket has no address of its own: the last one it tells of stands in its place, and the chain
    /// goes on as it came.
    fn take_peer_from_chain(&mut self) {
        let chain = self.chain.take();
        let Some(text) = chain.as_ref().and_then(|chain| chain.to_str().ok()) else { return };
        let (before, last) = text.rsplit_once(',').map_or((None, text), |(before, last)| (Some(before), last));
        self.peer = parse_address(last.trim().as_bytes());
        self.chain = before.and_then(|before| HeaderValue::from_str(before.trim_end()).ok());
    }

    /// What the request is about that a trusted proxy sends instead of the one it got.
    pub(crate) fn about(&self) -> Option<&About> {
        self.about.as_deref()
    }

    /// "https" or "http".
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    /// Who is at the other end of the socket, where it is one of a net.
    pub(crate) const fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// The `X-Forwarded-For` that an upstream gets: what a trusted proxy said, continued with the address it came from.
    pub(crate) fn write_forwarded_for(&self, peer: IpAddr, text: &mut Vec<u8>) {
        if let Some(chain) = &self.chain {
            text.extend_from_slice(chain.as_bytes());
            text.extend_from_slice(b", ");
        }
        push_address(text, peer);
    }
}

/// Every request has an address, so the usual kind does without the formatter's machinery.
pub(super) fn push_address(text: &mut Vec<u8>, ip: IpAddr) {
    let IpAddr::V4(v4) = ip else { return text.extend_from_slice(ip.to_string().as_bytes()) };
    for (at, octet) in v4.octets().into_iter().enumerate() {
        if at > 0 {
            text.push(b'.');
        }
        for (unit, least) in [(100, 100), (10, 10), (1, 0)] {
            if octet >= least {
                text.push(b'0' + octet / unit % 10);
            }
        }
    }
}

/// Who is believed what they say of others.
#[derive(Debug, Clone, Default)]
pub(super) struct Trusted {
    pub(super) nets: Vec<IpNet>,
    /// Whoever may open a unix socket of ours.
    pub(super) unix: bool,
}

impl Trusted {
    /// `None` is the other end of a unix socket.
    pub(super) fn has(&self, peer: Option<IpAddr>) -> bool {
        peer.map_or(self.unix, |ip| {
            let ip = ip.to_canonical();
            self.nets.iter().any(|net| net.contains(&ip))
        })
    }
}

/// Walks the joined list from the right. `None`, so that the socket's address counts, when an entry on the way cannot be
/// read or the list is longer than any honest one.
fn right_most_stranger(trusted: &Trusted, headers: &HeaderMap) -> Option<IpAddr> {
    let mut left_most = None;
    for (at, entry) in entries(headers, &FORWARDED_FOR).enumerate() {
        let ip = parse_address(entry).filter(|_| at < MAX_CHAIN)?;
        if !trusted.has(Some(ip)) {
            // Entries further left are a stranger's words, but their number is bounded all the same.
            return (entries(headers, &FORWARDED_FOR).count() <= MAX_CHAIN).then_some(ip);
        }
        left_most = Some(ip);
    }
    left_most
}

/// All entries of a list field, the last first.
fn entries<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
}

fn last_entry<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    entries(headers, name).next()
}

fn joined(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut lines = headers.get_all(&FORWARDED_FOR).iter();
    let first = lines.next()?;
    let mut text = first.to_str().ok()?.trim().to_owned();
    for line in lines {
        text.push_str(", ");
        text.push_str(line.to_str().ok()?.trim());
    }
    HeaderValue::try_from(text).ok()
}

/// An address, with or without a port, IPv6 in brackets or bare.
fn parse_address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(ip.to_canonical())
}

/// A chain of proxies is a handful; a hundred is an attack.
const MAX_CHAIN: usize = 100;

const ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");
const FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_everybody_writes_it() {
        for text in ["0.0.0.0", "127.0.0.1", "9.10.99.100", "255.255.255.255", "192.168.1.20", "::1", "2001:db8::7"] {
            let mut written = Vec::new();
            push_address(&mut written, text.parse().unwrap());
            assert_eq!(written, text.as_bytes());
        }
    }

    /// An empty `peer` is a unix socket.
    fn facts(peer: &str, fields: &[(&'static str, &str)]) -> (ClientFacts, Option<Authority>) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.try_append(*name, HeaderValue::from_str(value).unwrap()).unwrap();
        }
        let nets = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let trusted = Trusted { nets, unix: true };
        let host = (HeaderValue::from_static("inner"), Authority::parse(b"inner").unwrap());
        let peer = Peer { ip: peer.parse().ok(), tls: false };
        ClientFacts::decide(peer, &trusted, &headers, Some(host))
    }

    fn forwarded_for(facts: &ClientFacts) -> String {
        let mut text = Vec::new();
        facts.write_forwarded_for(facts.peer().unwrap(), &mut text);
        String::from_utf8(text).unwrap()
    }

    fn ip(peer: &str, lines: &[&str]) -> String {
        let fields: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        facts(peer, &fields).0.ip.unwrap().to_string()
    }

    #[test]
    fn a_strangers_words_are_not_believed() {
        let fields =
            [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.example")];
        let (facts, authority) = facts("9.9.9.9", &fields);
        assert_eq!(facts.ip, Some("9.9.9.9".parse().unwrap()));
        assert!(!facts.https && !facts.via_trusted);
        assert_eq!(authority.unwrap().host(), "inner");
        assert_eq!(forwarded_for(&facts), "9.9.9.9");
    }

    #[test]
    fn the_right_most_untrusted_address_is_the_client() {
        assert_eq!(ip("10.0.0.1", &["9.9.9.9, 5.5.5.5"]), "5.5.5.5");
        assert_eq!(ip("10.0.0.1", &["9.9.9.9", "5.5.5.5"]), "5.5.5.5");
        assert_eq!(ip("10.0.0.1", &["9.9.9.9, 5.5.5.5, 10.0.0.2"]), "5.5.5.5");
        assert_eq!(ip("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(ip("::ffff:10.0.0.1", &["5.5.5.5:4711"]), "5.5.5.5");
        assert_eq!(ip("fd00::1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(ip("fd00::1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(ip("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn a_trusted_proxy_at_a_unix_socket_tells_who_the_client_is() {
        for (line, client, onwards) in [
            ("5.5.5.5", "5.5.5.5", "5.5.5.5"),
            ("9.9.9.9, 5.5.5.5", "5.5.5.5", "9.9.9.9, 5.5.5.5"),
            ("5.5.5.5, 10.0.0.2", "5.5.5.5", "5.5.5.5, 10.0.0.2"),
        ] {
            let (facts, _) = facts("", &[("x-forwarded-for", line), ("x-forwarded-proto", "https")]);
            assert_eq!(facts.ip.unwrap().to_string(), client);
            assert_eq!(forwarded_for(&facts), onwards);
            assert!(facts.https && facts.via_trusted);
        }
        for unreadable in ["", "unknown", "5.5.5.5, unknown"] {
            let (facts, _) = facts("", &[("x-forwarded-for", unreadable)]);
            assert_eq!((facts.ip, facts.peer()), (None, None), "{unreadable}");
        }
        let peer = Peer { ip: None, tls: false };
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("5.5.5.5"));
        let (facts, _) = ClientFacts::decide(peer, &Trusted::default(), &headers, None);
        assert!(facts.ip.is_none() && !facts.via_trusted, "nobody is believed who was not named");
    }

    /// To the backend the stranger was the proxy itself.
    #[test]
    fn strange_bytes_before_the_client_do_not_hide_who_it_is() {
        for (peer, onwards) in [("10.0.0.1", "5.5.5.5, 10.0.0.1"), ("", "5.5.5.5")] {
            let mut headers = HeaderMap::new();
            headers.insert(FORWARDED_FOR, HeaderValue::from_bytes(b"\xff, 5.5.5.5").unwrap());
            let trusted = Trusted { nets: vec!["10.0.0.0/8".parse().unwrap()], unix: true };
            let (facts, _) = ClientFacts::decide(Peer { ip: peer.parse().ok(), tls: false }, &trusted, &headers, None);
            assert_eq!(facts.ip.unwrap().to_string(), "5.5.5.5");
            assert_eq!(forwarded_for(&facts), onwards);
        }
    }

    #[test]
    fn an_unreadable_chain_leaves_the_sockets_address() {
        let long = vec!["1.1.1.1"; 300].join(", ");
        for line in ["a", "unknown", "1.1.1.1:99999", "", "a, 10.0.0.2", ",", &long] {
            assert_eq!(ip("10.0.0.1", &[line]), "10.0.0.1", "{line}");
            assert_eq!(forwarded_for(&facts("10.0.0.1", &[("x-forwarded-for", line)]).0), "10.0.0.1");
        }
    }

    #[test]
    fn a_trusted_proxy_tells_scheme_and_host_and_its_chain_is_continued() {
        let fields = [
            ("x-forwarded-for", "5.5.5.5"),
            ("x-forwarded-proto", "http, https"),
            ("x-forwarded-host", "evil, App.Example.com"),
        ];
        let (facts, authority) = facts("10.0.0.1", &fields);
        assert!(facts.https && facts.via_trusted);
        assert_eq!(facts.host.as_ref().unwrap(), "App.Example.com");
        assert_eq!(authority.unwrap().host(), "app.example.com");
        assert_eq!(forwarded_for(&facts), "5.5.5.5, 10.0.0.1");
    }

    #[test]
    fn malformed_words_of_a_trusted_proxy_are_passed_over() {
        let (facts, authority) = facts("10.0.0.1", &[("x-forwarded-proto", "evil"), ("x-forwarded-host", "a b/c")]);
        assert!(!facts.https);
        assert_eq!(authority.unwrap().host(), "inner");
        assert_eq!(facts.host.unwrap(), "inner");
    }
}
