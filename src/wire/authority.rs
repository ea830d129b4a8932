//! The host that a request is for (RFC 9110, section 7.2; RFC 3986, section 3.2).
use std::cell::RefCell;
use std::net::Ipv6Addr;
use std::sync::Arc;

/// Host and optional port, lower case. A value that exists is well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    text: Arc<str>,
    host_end: usize,
    port: Option<u16>,
}

impl Authority {
    /// `None` for anything that is not `host[:port]`: user information, percent signs and empty ports are refused too.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let known = LAST.with_borrow(|last| last.as_ref().filter(|last| last.text.as_bytes() == bytes).cloned());
        known.or_else(|| {
            let authority = Self::read(bytes)?;
            LAST.set(Some(authority.clone()));
            Some(authority)
        })
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_AUTHORITY)?;
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, after) = rest.split_once(']')?;
                let _address: Ipv6Addr = address.parse().ok()?;
                (text.get(..address.len() + 2)?, after)
            }
            None => {
                let host = text.split_once(':').map_or(text, |(host, _)| host);
                is_name(host.as_bytes()).then_some((host, text.get(host.len()..)?))?
            }
        };
        let port = match port.strip_prefix(':') {
            Some(digits) => Some(parse_port(digits)?),
            None if port.is_empty() => None,
            None => return None,
        };
        Some(Self { text: text.to_ascii_lowercase().into(), host_end: host.len(), port })
    }

    /// Host and port as given, lower case.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Without the port and without a final dot: what host patterns are compared with.
    pub(crate) fn host(&self) -> &str {
        let host = self.text.get(..self.host_end).unwrap_or_default();
        host.strip_suffix('.').unwrap_or(host)
    }

    /// The same place, the scheme's default port counted as none.
    pub(crate) fn is_same_place(&self, other: &Self, https: bool) -> bool {
        let default = if https { 443 } else { 80 };
        let port = |authority: &Self| authority.port.filter(|&port| port != default);
        self.host() == other.host() && port(self) == port(other)
    }
}

fn is_name(host: &[u8]) -> bool {
    let mut before = b'.';
    for &byte in host.strip_suffix(b".").unwrap_or(host) {
        let fits = match byte {
            b'.' => before != b'.',
            _ => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
        };
        if !fits {
            return false;
        }
        before = byte;
    }
    before != b'.'
}

fn parse_port(digits: &str) -> Option<u16> {
    let fits = (1..=5).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    fits.then(|| digits.parse().ok()).flatten()
}

thread_local! {
    /// What was read last: one request after the other is for the same host, most of the time.
    static LAST: RefCell<Option<Authority>> = const { RefCell::new(None) };
}

/// A DNS name has at most 253 characters; a colon and five digits may follow.
const MAX_AUTHORITY: usize = 260;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_folded_and_ports_taken_off() {
        for (text, host) in [
            ("App.Example.COM", "app.example.com"),
            ("app:8080", "app"),
            ("app.example.com.", "app.example.com"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]:8080", "[::1]"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("my_service", "my_service"),
        ] {
            let authority = Authority::parse(text.as_bytes()).unwrap();
            assert_eq!(authority.host(), host);
            assert_eq!(authority.as_str(), text.to_ascii_lowercase());
        }
    }

    #[test]
    fn malformed_authorities_are_refused() {
        #[rustfmt::skip]
        let wrong = [
            "", ".", ":80", "a b", "a b@c/d?e#f", "u@g", "u:p@g", "g:99999", "g:", "g:8o", "g:-1", "g:+1", "g:80:80", "a..b", ".a", "g/",
            "[::1", "::1", "[::1]x", "[zz]", "[::1%25eth0]", "g%41", "g,h", "é", "*", "g\\",
        ];
        for text in wrong {
            assert_eq!(Authority::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Authority::parse(b"g\0"), None);
        assert_eq!(Authority::parse("a".repeat(261).as_bytes()), None);
    }

    #[test]
    fn a_default_port_is_no_difference() {
        let of = |text: &str| Authority::parse(text.as_bytes()).unwrap();
        assert!(of("g").is_same_place(&of("G:80"), false));
        assert!(!of("g").is_same_place(&of("g:80"), true));
        assert!(of("g:443").is_same_place(&of("g"), true));
        assert!(!of("g:8080").is_same_place(&of("g"), false));
        assert!(!of("g").is_same_place(&of("h"), false));
    }
}
