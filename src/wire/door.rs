//! What admission needs to know, made once from the settings.
use super::client::Trusted;
use super::fields::Registry;
use super::{Authority, Cors, OwnCookies, Peer, RequestId, Settings, Spellings};
use crate::base::Timestamp;
use http::{HeaderMap, HeaderName};

/// The door that every request comes through.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(super) trusted: Trusted,
    pub(super) registry: Registry,
    pub(super) public: Option<PublicOrigin>,
    pub(crate) cors: Cors,
    pub(super) allow_in_path: Spellings,
    pub(super) query_token: Option<String>,
    pub(super) cookies: OwnCookies,
}

/// The operator's `public_url`, read.
#[derive(Debug, Clone)]
pub(super) struct PublicOrigin {
    pub(super) https: bool,
    pub(super) authority: Authority,
}

impl Door {
    pub(crate) fn new(settings: &Settings) -> Self {
        let public = settings.public_url.as_ref().and_then(|url| {
            let authority = Authority::parse(url.authority.as_bytes())?;
            Some(PublicOrigin { https: url.https, authority })
        });
        let registry = Registry::new(&settings.own_identity_names);
        let query_token = settings.query_token.clone();
        Self {
            trusted: Trusted { nets: settings.trusted_proxies.clone(), unix: settings.trusts_unix },
            registry,
            public,
            cors: settings.cors.clone(),
            allow_in_path: settings.allow_in_path,
            query_token,
            cookies: settings.cookies.clone(),
        }
    }

    /// The name of this request: the one a trusted proxy gave, else a new one.
    pub(crate) fn request_id(&self, headers: &HeaderMap, peer: Peer, now: Timestamp) -> RequestId {
        let given = self.trusted.has(peer.ip).then(|| headers.get(&REQUEST_ID)).flatten().and_then(RequestId::given);
        given.unwrap_or_else(|| RequestId::make(now))
    }

    /// The cookies that are ours.
    pub(crate) const fn cookies(&self) -> &OwnCookies {
        &self.cookies
    }
}

/// The field that carries the request's name in and out.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::wire::AuthPrefix;

    #[test]
    fn only_a_trusted_proxy_names_a_request() {
        let settings = Settings {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            trusts_unix: false,
            own_identity_names: Vec::new(),
            public_url: None,
            auth_prefix: AuthPrefix("/auth".to_owned()),
            well_known: true,
            cors: Default::default(),
            allow_in_path: Default::default(),
            query_token: None,
            cookies: OwnCookies::default(),
        };
        let door = Door::new(&settings);
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("given-1"));
        let id = |ip: &str| {
            let peer = Peer { ip: Some(ip.parse().unwrap()), tls: false };
            door.request_id(&headers, peer, Timestamp::from_seconds(1)).as_str().to_owned()
        };
        assert_eq!(id("10.1.2.3"), "given-1");
        assert_eq!(id("9.9.9.9").len(), 26);
        let socket = Peer { ip: None, tls: false };
        let at_socket = |door: &Door| door.request_id(&headers, socket, Timestamp::from_seconds(1)).as_str().len();
        assert_eq!(at_socket(&door), 26);
        assert_eq!(at_socket(&Door::new(&Settings { trusts_unix: true, ..settings })), "given-1".len());
    }
}
