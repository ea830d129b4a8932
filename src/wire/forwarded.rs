//! `Forwarded` (RFC 7239), made from what is known of the client: what a request said in it is never believed.
use std::net::{IpAddr, SocketAddr};

use super::ClientFacts;
use super::client::push_address;

impl ClientFacts {
    /// One element for each address of the chain; the first one tells what the public side was asked for.
    pub(crate) fn write_forwarded(&self, peer: IpAddr, text: &mut Vec<u8>) {
        let Some(chain) = &self.chain else { return self.push_element(text, Node::Address(peer), true) };
        let mut first = true;
        let chain = chain.to_str().unwrap_or_default();
        for entry in chain.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            self.push_element(text, read(entry), std::mem::take(&mut first));
        }
        self.push_element(text, Node::Address(peer), first);
    }

    fn push_element(&self, text: &mut Vec<u8>, node: Node, first: bool) {
        text.extend_from_slice(if first { b"for=" } else { b", for=" });
        match node {
            Node::Address(ip @ IpAddr::V4(_)) => push_address(text, ip),
            Node::Address(ip) => {
                text.extend_from_slice(b"\"[");
                push_address(text, ip);
                text.extend_from_slice(b"]\"");
            }
            Node::Port(socket) => text.extend_from_slice(format!("\"{socket}\"").as_bytes()),
            Node::Unknown => text.extend_from_slice(b"unknown"),
        }
        if first {
            if let Some(host) = &self.host {
                text.extend_from_slice(b";host=");
                push_quoted(text, host.as_bytes());
            }
            text.extend_from_slice(b";proto=");
            text.extend_from_slice(self.scheme().as_bytes());
        }
    }
}

/// Who stands in the chain.
#[derive(Clone, Copy)]
enum Node {
    Address(IpAddr),
    Port(SocketAddr),
    /// A stranger's word that is no address.
    Unknown,
}

fn read(entry: &str) -> Node {
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    match (bare.parse(), entry.parse()) {
        (Ok(ip), _) => Node::Address(ip),
        (Err(_), Ok(socket)) => Node::Port(socket),
        (Err(_), Err(_)) => Node::Unknown,
    }
}

/// A host with a port, or one in brackets, is no token.
fn push_quoted(text: &mut Vec<u8>, value: &[u8]) {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if value.iter().all(is_plain) && !value.is_empty() {
        return text.extend_from_slice(value);
    }
    text.push(b'"');
    // A host was read as one, so neither a quote nor a backslash is in it; were one, it would be left out.
    for piece in value.split(|byte| matches!(byte, b'"' | b'\\')) {
        text.extend_from_slice(piece);
    }
    text.push(b'"');
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn forwarded(facts: &ClientFacts) -> String {
        let mut text = Vec::new();
        facts.write_forwarded(facts.peer().unwrap(), &mut text);
        String::from_utf8(text).unwrap()
    }

    fn facts(peer: &str, chain: Option<&'static str>, host: Option<&'static str>, https: bool) -> ClientFacts {
        let peer: IpAddr = peer.parse().unwrap();
        ClientFacts {
            ip: Some(peer),
            https,
            via_trusted: chain.is_some(),
            host: host.map(HeaderValue::from_static),
            peer: Some(peer),
            chain: chain.map(HeaderValue::from_static),
            about: None,
        }
    }

    #[test]
    fn each_address_is_an_element_and_what_is_no_token_is_quoted() {
        for (facts, expected) in [
            (facts("9.9.9.9", None, Some("app.example.com"), true), "for=9.9.9.9;host=app.example.com;proto=https"),
            (facts("9.9.9.9", None, Some("app:8080"), false), "for=9.9.9.9;host=\"app:8080\";proto=http"),
            (facts("2001:db8::1", None, Some("[::1]:80"), false), "for=\"[2001:db8::1]\";host=\"[::1]:80\";proto=http"),
            (facts("127.0.0.1", None, None, false), "for=127.0.0.1;proto=http"),
            (
                facts("10.0.0.1", Some("5.5.5.5, 2001:db8::2,[::3], 6.6.6.6:70, <x>\", "), Some("a"), true),
                "for=5.5.5.5;host=a;proto=https, for=\"[2001:db8::2]\", for=\"[::3]\", for=\"6.6.6.6:70\", for=unknown, for=10.0.0.1",
            ),
        ] {
            assert_eq!(forwarded(&facts), expected);
        }
    }
}
