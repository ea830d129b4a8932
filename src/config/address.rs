//! Addresses and plain paths as an operator writes them.
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

use super::codes::Code;
use super::finding::{Finding, Place};
use super::value::quoted;
use crate::proxy::Address;
use crate::server::ListenAddress;
use crate::wire::PublicUrl;

/// Why a text is not what it should be, and what was meant where that is sure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) why: String,
    pub(super) meant: Option<String>,
}

impl Trouble {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), meant: None }
    }

    fn meant(why: impl Into<String>, meant: impl Into<String>) -> Self {
        Self { why: why.into(), meant: Some(meant.into()) }
    }

    /// As a finding about the value at `place`.
    pub(super) fn finding(&self, code: Code, place: &Place, title: impl Into<String>) -> Finding {
        let with = self.meant.as_deref().map(quoted);
        Finding::new(code, place.clone(), title).label(self.why.clone()).replace_if("write", place, with)
    }
}

/// `"127.0.0.1:8080"`, `"[::]:8080"`, `"localhost:8080"` or `"unix:/run/authgate.sock"`
pub(super) fn listen(text: &str) -> Result<ListenAddress, Trouble> {
    if let Some(path) = text.strip_prefix("unix:") {
        return unix(path).map(ListenAddress::Unix);
    }
    if text == "systemd" {
        return Err(Trouble::new("not in this version"));
    }
    tcp(text).map(ListenAddress::Tcp)
}

/// An IP address and a port; the name `localhost` is 127.0.0.1.
pub(super) fn tcp(text: &str) -> Result<SocketAddr, Trouble> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    if let Ok(address) = numeric.as_deref().unwrap_or(text).parse() {
        return Ok(address);
    }
    let bare = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    if bare != text && tcp(bare).is_ok() {
        return Err(Trouble::meant("an address has no scheme", bare));
    }
    let port = bare.strip_prefix(':').or_else(|| bare.strip_prefix("*:")).unwrap_or(bare);
    if port.parse::<u16>().is_ok() {
        return Err(Trouble::meant("the address is missing", format!("127.0.0.1:{port}")));
    }
    match bare.parse::<IpAddr>() {
        Ok(ip) => Err(Trouble::meant("the port is missing", SocketAddr::new(ip, 8080).to_string())),
        Err(_) => Err(Trouble::new("neither an IP address with a port nor unix:/path")),
    }
}

/// "http://127.0.0.1:3000" or "unix:/run/app.sock"
pub(super) fn upstream(text: &str) -> Result<Address, Trouble> {
    if let Some(path) = text.strip_prefix("unix:") {
        return unix(path).map(|path| Address::Unix { path });
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        let meant = format!("http://{text}");
        return Err(match upstream(&meant) {
            Ok(_) => Trouble::meant("the scheme is missing", meant),
            Err(_) => Trouble::new("neither http://HOST:PORT nor unix:/path"),
        });
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" | "h2c" => {}
        _ => return Err(Trouble::new("neither http://, https://, h2c:// nor unix:")),
    }
    let (host, port) = authority(scheme, rest)?;
    let host = host.trim_matches(['[', ']']).to_owned();
    let usual = if speaks(text) == Speaks::Tls { 443 } else { 80 };
    Ok(Address::Tcp { host, port: port.unwrap_or(usual) })
}

/// What is spoken at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    /// HTTP/1.1 in the clear.
    Http1,
    /// HTTP/2 in the clear, from the first byte.
    Http2,
    Tls,
}

/// Of an address that [`upstream`] reads.
pub(super) fn speaks(text: &str) -> Speaks {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    if scheme.eq_ignore_ascii_case("https") {
        Speaks::Tls
    } else if scheme.eq_ignore_ascii_case("h2c") {
        Speaks::Http2
    } else {
        Speaks::Http1
    }
}

/// `https://app.example.com`: scheme, host, optional port.
pub(super) fn public_url(text: &str) -> Result<PublicUrl, Trouble> {
    let Some((scheme, rest)) = text.split_once("://") else {
        let meant = format!("https://{text}");
        return Err(match public_url(&meant) {
            Ok(_) => Trouble::meant("the scheme is missing", meant),
            Err(_) => Trouble::new("not http(s)://HOST or http(s)://HOST:PORT"),
        });
    };
    let https = match scheme {
        "http" => false,
        "https" => true,
        _ => return Err(Trouble::new("neither http:// nor https://")),
    };
    let (host, port) = authority(scheme, rest)?;
    let standard = if https { 443 } else { 80 };
    let authority = match port.filter(|port| *port != standard) {
        Some(port) => format!("{host}:{port}"),
        None => host,
    };
    Ok(PublicUrl { https, authority })
}

/// A host in lower case and a port, and nothing beside.
fn authority(scheme: &str, rest: &str) -> Result<(String, Option<u16>), Trouble> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err(Trouble::new("a name and a password have no place here"));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = match port.map(str::parse::<u16>) {
        Some(Ok(port)) if port > 0 => Some(port),
        Some(_) => return Err(Trouble::new("the port is not a number from 1 to 65535")),
        None => None,
    };
    let host = host.to_ascii_lowercase();
    if !is_host(&host) {
        return Err(Trouble::new("the host is neither a name nor an address"));
    }
    if path.is_empty() {
        Ok((host, port))
    } else {
        Err(Trouble::meant("only a host and a port: no path, no slash", format!("{scheme}://{authority}")))
    }
}

/// A name, an IPv4 address, or an IPv6 address in brackets; lower case.
pub(super) fn is_host(host: &str) -> bool {
    if let Some(inside) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inside.parse::<std::net::Ipv6Addr>().is_ok();
    }
    (1..=253).contains(&host.len())
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
        })
}

/// An address or a network: "10.0.0.1", "10.0.0.0/8", "::1".
pub(super) fn network(text: &str) -> Result<IpNet, Trouble> {
    if let Ok(network) = text.parse::<IpNet>() {
        return if network.addr() == network.network() {
            Ok(network)
        } else {
            Err(Trouble::meant("bits beyond the prefix are set", network.trunc().to_string()))
        };
    }
    match text.parse::<IpAddr>() {
        Ok(ip) => Ok(IpNet::from(ip)),
        Err(_) => Err(Trouble::new("neither an IP address nor a network such as 10.0.0.0/8")),
    }
}

/// A path as it is matched: begins with a slash, nothing to decode or to resolve. A slash at the end is dropped.
pub(super) fn plain_path(text: &str) -> Result<String, Trouble> {
    let Some(inside) = text.strip_prefix('/') else {
        let meant = format!("/{text}");
        return Err(match plain_path(&meant) {
            Ok(_) if !text.is_empty() && !text.contains("://") => Trouble::meant("must begin with `/`", meant),
            _ => Trouble::new("must begin with `/`"),
        });
    };
    if let Some(bare) = text.strip_suffix("/*").or_else(|| text.strip_suffix("/**")) {
        let meant = if bare.is_empty() { "/" } else { bare };
        return Err(Trouble::meant("a prefix covers everything under it: no `*`", meant));
    }
    if text.contains("//") {
        return Err(Trouble::new("`//` is ambiguous"));
    }
    if inside.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(Trouble::new("`.` and `..` are ambiguous"));
    }
    if let Some(c) = inside.chars().find(|c| !is_plain(*c)) {
        return Err(Trouble::new(format!("`{}` cannot stand in it", c.escape_default())));
    }
    let bare = text.strip_suffix('/').filter(|bare| !bare.is_empty()).unwrap_or(text);
    Ok(bare.to_owned())
}

/// What stands for itself in a path (RFC 3986, section 3.3), but for `;` that some backends cut at and `*`
/// that some operators expect to match.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/-._~!$&'()+,=:@".contains(c)
}

fn unix(path: &str) -> Result<PathBuf, Trouble> {
    if path.starts_with('/') && !path.ends_with('/') && !path.contains('\0') {
        Ok(PathBuf::from(path))
    } else {
        Err(Trouble::new("a socket is written unix:/path/to.sock"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant<T: std::fmt::Debug>(result: Result<T, Trouble>) -> Option<String> {
        result.unwrap_err().meant
    }

    #[test]
    fn listening_addresses_are_read_and_slips_are_told() {
        assert_eq!(listen("[::]:80"), Ok(ListenAddress::Tcp("[::]:80".parse().unwrap())));
        assert_eq!(listen("localhost:0"), Ok(ListenAddress::Tcp("127.0.0.1:0".parse().unwrap())));
        assert_eq!(listen("unix:/run/a.sock"), Ok(ListenAddress::Unix("/run/a.sock".into())));
        assert_eq!(meant(listen(":8080")).as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(meant(listen("8080")).as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(meant(listen("0.0.0.0")).as_deref(), Some("0.0.0.0:8080"));
        assert_eq!(meant(listen("http://127.0.0.1:80/")).as_deref(), Some("127.0.0.1:80"));
        for wrong in ["", "unix:", "unix:a", "example.com:80", "systemd", "127.0.0.1:99999"] {
            assert!(listen(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn upstreams_are_a_host_and_a_port() {
        let address = |host: &str, port| Ok(Address::Tcp { host: host.to_owned(), port });
        assert_eq!(upstream("http://127.0.0.1:3000"), address("127.0.0.1", 3000));
        assert_eq!(upstream("HTTP://App_1.internal"), address("app_1.internal", 80));
        assert_eq!(upstream("http://[::1]:3000"), address("::1", 3000));
        assert_eq!(upstream("h2c://grpc:50051"), address("grpc", 50051));
        assert_eq!(upstream("https://a"), address("a", 443));
        assert_eq!(speaks("H2C://grpc:50051"), Speaks::Http2);
        assert_eq!((speaks("http://h2c"), speaks("Https://a")), (Speaks::Http1, Speaks::Tls));
        assert_eq!(meant(upstream("http://app:80/")).as_deref(), Some("http://app:80"));
        assert_eq!(meant(upstream("app:80")).as_deref(), Some("http://app:80"));
        for wrong in
            ["https://a/", "h2c://a/x", "http://", "http://a:0", "http://a b", "http://u:p@a", "http://é", "ftp://a"]
        {
            assert!(upstream(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_public_url_is_an_origin() {
        assert_eq!(public_url("https://App.example.com:443").unwrap().origin(), "https://app.example.com");
        assert_eq!(public_url("http://localhost:8080").unwrap().origin(), "http://localhost:8080");
        assert_eq!(meant(public_url("https://a.example/x")).as_deref(), Some("https://a.example"));
        assert_eq!(meant(public_url("a.example")).as_deref(), Some("https://a.example"));
        assert!(public_url("ftp://a").is_err());
    }

    #[test] // C04
    fn a_prefix_that_is_not_plain_is_refused() {
        assert_eq!(plain_path("/").as_deref(), Ok("/"));
        assert_eq!(plain_path("/api/").as_deref(), Ok("/api"));
        assert_eq!(meant(plain_path("app")).as_deref(), Some("/app"));
        assert_eq!(meant(plain_path("/app/*")).as_deref(), Some("/app"));
        for wrong in [
            "",
            "/app/../x",
            "/app//",
            "//",
            "/%61pp",
            "/app?x",
            "/app#",
            "/é",
            "/a;b",
            "/a\\b",
            "/.",
            "/a b",
            "*",
            "/a*b",
        ] {
            assert!(plain_path(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn networks_are_exact() {
        assert_eq!(network("10.0.0.1").unwrap().to_string(), "10.0.0.1/32");
        assert_eq!(meant(network("10.0.0.1/8")).as_deref(), Some("10.0.0.0/8"));
        assert!(network("proxy.example.com").is_err());
    }
}
