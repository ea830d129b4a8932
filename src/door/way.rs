//! What every request goes through between its head and the upstream.
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

use super::TokenBench;
use crate::authz::{Asks, Caller, Mode, Permit, Policy, Settings as Rule};
use crate::base::Timestamp;
use crate::proxy::{Address, Balance, HostHeader, Proxy, Settings as Upstream, Target};
use crate::routes::{Found, Place, RouteTable, Settings as Route};
use crate::wire::{
    AuthPrefix, Body, CanonPath, Door, IdentityFields, IdentityPart, Inbound, Peer, RequestId, Settings as Wire,
};

/// A door, a table of routes and an upstream, with a browser's request in front of them.
#[derive(Debug)]
pub struct WayBench {
    door: Door,
    routes: RouteTable,
    proxy: Proxy,
    caller: Caller,
    policy: Policy,
    id: RequestId,
}

impl WayBench {
    /// With so many routes: `/service-0/api`, `/service-1/api` and so on.
    pub fn new(routes: usize) -> Option<Self> {
        let identity = TokenBench::new("HS256")?.identity()?;
        let rule = || Rule {
            auth: Asks::Somebody,
            roles: Vec::new(),
            scopes: Vec::new(),
            fresh_login: None,
            mfa: false,
            mode: Mode::Enforce,
        };
        let routes = (0..routes).map(|number| route(number, rule())).collect();
        Some(Self {
            door: Door::new(&Wire {
                trusted_proxies: Vec::new(),
                trusts_unix: false,
                own_identity_names: Vec::new(),
                public_url: None,
                auth_prefix: AuthPrefix("/auth".to_owned()),
                well_known: true,
                cors: Default::default(),
                allow_in_path: Default::default(),
                query_token: None,
                cookies: crate::wire::OwnCookies::default(),
            }),
            routes: RouteTable::new(routes).ok()?,
            proxy: Proxy::new(&[upstream()], None).ok()?,
            caller: Caller::Known(Arc::new(identity)),
            policy: Policy::new(rule()),
            id: RequestId::make(Timestamp::from_seconds(1_790_000_000)),
        })
    }

    /// Reads a request target's path.
    pub fn read_path(target: &PathAndQuery) -> bool {
        CanonPath::parse(target).is_ok()
    }

    /// Which of the routes covers a path.
    pub fn find(&self, path: &PathAndQuery) -> Option<usize> {
        match self.routes.find("app.example.com", &CanonPath::parse(path).ok()?) {
            Found::Route(route) => Some(route.index),
            Found::NoRoute | Found::UnknownHost => None,
        }
    }

    /// Admits a request with these fields: every check, the client's address, identity fields taken off.
    pub fn admit(&self, headers: HeaderMap) -> bool {
        self.inbound(headers).is_some()
    }

    /// Admits a request and builds the upstream's, the person's fields in it; how many fields that has.
    pub fn admit_and_build(&self, headers: HeaderMap) -> Option<usize> {
        let (inbound, permit) = (self.inbound(headers)?, self.permit()?);
        let preview = self.proxy.preview(&inbound, &permit, &target()).ok()?;
        Some(preview.headers.len())
    }

    fn permit(&self) -> Option<Permit> {
        self.policy.admit(&self.caller, Timestamp::from_seconds(1_790_000_000)).ok()
    }

    fn inbound(&self, headers: HeaderMap) -> Option<Box<Inbound>> {
        let mut request = Request::new(Body::Empty);
        *request.method_mut() = Method::GET;
        *request.uri_mut() = PathAndQuery::from_static("/service-1/api/items?page=2").into();
        *request.headers_mut() = headers;
        let peer = Peer { ip: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), tls: false };
        Inbound::admit(Box::new(request), peer, &self.door, self.id.clone()).ok()
    }

    /// What a browser sends with each request.
    pub fn browser() -> HeaderMap {
        let fields = [
            ("host", "app.example.com"),
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
            ("accept", "application/json"),
            ("accept-language", "en-US,en;q=0.5"),
            ("accept-encoding", "gzip, deflate, br"),
            ("referer", "https://app.example.com/items"),
            ("authorization", "Bearer aaaa.bbbb.cccc"),
            ("connection", "keep-alive"),
            ("cookie", "theme=dark; seen=1"),
            ("sec-fetch-mode", "cors"),
        ];
        fields
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }
}

fn route(number: usize, policy: Rule) -> Route {
    Route {
        prefix: format!("/service-{number}/api"),
        hosts: Vec::new(),
        methods: Vec::new(),
        policy,
        upstream: "app".to_owned(),
        strip_prefix: false,
        forward_token: false,
        max_body: 10 * 1024 * 1024,
        timeout: None,
        place: Place { file: Arc::from("gateway.toml"), line: 1 },
        edge: crate::routes::Edge::default(),
        places: crate::routes::Places::default(),
    }
}

fn upstream() -> Upstream {
    let names = [
        (IdentityPart::User, "remote-user"),
        (IdentityPart::Email, "remote-email"),
        (IdentityPart::Name, "remote-name"),
        (IdentityPart::Groups, "remote-groups"),
        (IdentityPart::Sub, "remote-sub"),
    ];
    Upstream {
        name: "app".to_owned(),
        addresses: vec![Address::Tcp { host: "127.0.0.1".to_owned(), port: 3000 }],
        http2: false,
        tls: None,
        health: None,
        balance: Balance::LeastRequests,
        eject_after: 5,
        eject_for: WAIT,
        retries: 1,
        connect_timeout: WAIT,
        response_timeout: WAIT,
        idle_timeout: WAIT,
        keep_alive: WAIT,
        max_connections: 1,
        host_header: HostHeader::Keep,
        identity: IdentityFields {
            fields: names.map(|(part, name)| (part, HeaderName::from_static(name))).to_vec(),
            separator: ",".to_owned(),
        },
    }
}

fn target() -> Target<'static> {
    Target {
        upstream: "app",
        strip: None,
        set: &[],
        forward_token: false,
        asks: Asks::Somebody,
        timeout: None,
        max_body: 1024,
        body_timeout: WAIT,
    }
}

const WAIT: Duration = Duration::from_secs(60);
