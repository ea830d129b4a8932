//! Parts of a request that hyper has read.
use std::net::{IpAddr, Ipv4Addr};

use http::header::{AUTHORIZATION, COOKIE, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use super::{Promise, hold};
use crate::authn::token_in;
use crate::base::Timestamp;
use crate::wire::{
    AuthPrefix, BadRequest, Body, CanonPath, ClientFacts, Door, Inbound, OwnCookie, OwnCookies, PathPrefix, Peer,
    RequestId, Settings, Shown,
};

/// A path that is let in is canonical: read again it is the same, and nobody reads another one out of it.
pub fn path(bytes: &[u8]) -> Promise {
    let Ok(target) = PathAndQuery::try_from(bytes) else { return Ok(()) };
    let Ok(path) = CanonPath::parse(&target) else { return Ok(()) };
    let again = CanonPath::parse(path.target()).map_err(|error| format!("a canonical path is refused: {error}"))?;
    hold(again.as_str() == path.as_str() && again.octets() == path.octets(), "reading a canonical path changes it")?;
    hold(again.query() == target.query(), "a query was changed")?;
    let octets = path.octets();
    hold(octets.first() == Some(&b'/'), "a path does not begin with a slash")?;
    let inside = octets.strip_suffix(b"/").unwrap_or(octets);
    let bad = |segment: &[u8]| matches!(segment, b"" | b"." | b"..");
    hold(!inside.split(|byte| *byte == b'/').skip(1).any(bad), "a segment that is none was let in")?;
    let ambiguous = octets.iter().any(|byte| matches!(byte, b'\\' | b';' | b'?' | b'#' | 0..=0x1f | 0x7f));
    hold(!ambiguous, "a byte that others read in two ways was let in")?;
    let prefix = inside.iter().skip(1).position(|byte| *byte == b'/').and_then(|at| path.as_str().get(..=at));
    let Some(Ok(prefix)) = prefix.map(PathPrefix::parse) else { return Ok(()) };
    if !prefix.covers(&path) {
        return Ok(());
    }
    let left = prefix.strip(&path).map_err(|error| format!("a covered path cannot be stripped: {error}"))?;
    let left = PathAndQuery::try_from(&*left).map_err(|_| "what is left is no target".to_owned())?;
    let left = CanonPath::parse(&left).map_err(|error| format!("what is left is ambiguous: {error}"))?;
    hold(octets.ends_with(left.octets()) || left.octets() == b"/", "stripping a prefix made another path")
}

/// Our cookies are taken off a request, and the others stay as they were.
pub fn cookies(bytes: &[u8]) -> Promise {
    let Some(inbound) = admitted(bytes, &[COOKIE], false).and_then(Result::ok) else { return Ok(()) };
    let session = |piece: &[u8]| piece.trim_ascii().starts_with(b"__Host-authgate=");
    let ours = |piece: &[u8]| session(piece) || piece.trim_ascii().starts_with(b"__Host-authgate-form=");
    let pieces = |line: &HeaderValue| line.as_bytes().split(|byte| *byte == b';').any(ours);
    hold(!inbound.headers().get_all(COOKIE).iter().any(pieces), "a cookie of ours was left on a request")?;
    let shown = inbound.own_cookie(OwnCookie::Session);
    let right =
        match lines(bytes).flat_map(|line| line.split(|byte| *byte == b';')).filter(|piece| session(piece)).count() {
            0 => matches!(shown, Shown::Nothing),
            1 => matches!(shown, Shown::One(_)),
            _ => matches!(shown, Shown::Several),
        };
    hold(right, "the cookies of ours were miscounted")?;
    let kept = |lines: &mut dyn Iterator<Item = &[u8]>| -> Vec<u8> {
        let pieces = lines.flat_map(|line| line.split(|byte| *byte == b';')).filter(|piece| !ours(piece));
        pieces.flatten().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
    };
    let mut after = inbound.headers().get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    hold(kept(&mut lines(bytes)) == kept(&mut after), "somebody else's cookie was changed")
}

/// One credential, or none, or a refusal: never one made out of two.
pub fn authorization(bytes: &[u8]) -> Promise {
    let admitted = admitted(bytes, &[AUTHORIZATION], false);
    let count = lines(bytes).count();
    let inbound = match admitted {
        None => return Ok(()),
        Some(Err(BadRequest::DoubleCredentials)) => return hold(count > 1, "one credential was refused as two"),
        Some(Err(error)) => return Err(format!("a credential is {error}")),
        Some(Ok(inbound)) => inbound,
    };
    hold(count <= 1, "two credentials were let in")?;
    let line = inbound.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    match token_in(inbound.headers()) {
        Ok(Some(token)) => {
            let (scheme, rest) = line.split_at_checked(7).ok_or("a token came out of nothing")?;
            let right = scheme.eq_ignore_ascii_case(b"bearer ") && rest == token;
            hold(right && !token.starts_with(b" "), "a token is not what stands behind the scheme")
        }
        Ok(None) => {
            let scheme = line.split(|byte| *byte == b' ').next().unwrap_or_default();
            hold(!scheme.eq_ignore_ascii_case(b"bearer"), "a bearer credential was taken for none")
        }
        Err(_) => Ok(()),
    }
}

/// A stranger's words about the client change nothing, and a trusted proxy's never make the client a trusted one by force.
pub fn forwarded(bytes: &[u8]) -> Promise {
    let names = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "x-real-ip"];
    let names = names.map(HeaderName::from_static);
    if let Some(Ok(inbound)) = admitted(bytes, &names, false) {
        let client = inbound.client();
        let same = client.ip == Some(STRANGER) && client.scheme() == "http" && !client.via_trusted;
        hold(same && inbound.host() == "app.example.com", "a stranger's words were believed")?;
        hold(told(client) == Some(STRANGER.to_string().into_bytes()), "a stranger's chain goes on")?;
    }
    let Some(Ok(inbound)) = admitted(bytes, &names, true) else { return Ok(()) };
    let client = inbound.client();
    hold(client.ip.is_some_and(|ip| ip == ip.to_canonical()), "an address is written in two ways")?;
    let told = told(client).ok_or("the chain got lost, or could end a line")?;
    let last = told.rsplit(|byte| *byte == b',').next().map(<[u8]>::trim_ascii);
    hold(last == Some(PROXY.to_string().as_bytes()), "the chain does not end with the proxy")?;
    hold(!inbound.host().contains(['/', '@', '?', '#', '\\', ' ']), "a host with more in it was believed")
}

/// The chain as it goes on; `None` where a line could end in what is written.
fn told(client: &ClientFacts) -> Option<Vec<u8>> {
    let (mut chain, mut forwarded) = (Vec::new(), Vec::new());
    let peer = client.peer()?;
    client.write_forwarded_for(peer, &mut chain);
    client.write_forwarded(peer, &mut forwarded);
    let fits = |value: &[u8]| HeaderValue::from_bytes(value).is_ok();
    (fits(&chain) && fits(&forwarded)).then_some(chain)
}

/// A request whose lines are those of these fields, in turn. `None`: hyper would not have read them.
fn admitted(bytes: &[u8], names: &[HeaderName], trusted: bool) -> Option<Result<Box<Inbound>, BadRequest>> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("app.example.com"));
    for (line, name) in lines(bytes).zip(names.iter().cycle()).take(MOST_LINES) {
        headers.try_append(name.clone(), HeaderValue::from_bytes(line).ok()?).ok()?;
    }
    let mut request = Request::new(Body::Empty);
    *request.uri_mut() = PathAndQuery::from_static("/").into();
    *request.headers_mut() = headers;
    let door = Door::new(&Settings {
        trusted_proxies: vec![PROXY.into()],
        trusts_unix: false,
        own_identity_names: Vec::new(),
        public_url: None,
        auth_prefix: AuthPrefix("/auth".to_owned()),
        well_known: true,
        allow_in_path: Default::default(),
        cors: Default::default(),
        query_token: None,
        cookies: OwnCookies::new("authgate", true, crate::wire::SameSite::Lax, None),
    });
    let peer = Peer { ip: Some(if trusted { PROXY } else { STRANGER }), tls: false };
    Some(Inbound::admit(Box::new(request), peer, &door, RequestId::make(Timestamp::from_seconds(1_790_000_000))))
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').take(MOST_LINES)
}

const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(9, 9, 9, 9));
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
/// As many as a head may have.
const MOST_LINES: usize = 100;
