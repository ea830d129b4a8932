//! `[upstreams]`, and the upstreams that routes name by URL.
use http::uri::PathAndQuery;

use super::trust;
use crate::config::address::{self, Speaks};
use crate::config::codes::Code;
use crate::config::finding::{Finding, Place};
use crate::config::identity;
use crate::config::read::{Part, Reader, Spot, Texts};
use crate::config::settings;
use crate::config::tree::{Entry, Node};
use crate::proxy::{Address, Balance, HealthCheck, HostHeader, Settings};
use crate::wire::IdentityFields;

/// What requests can be sent to.
pub(super) struct Upstreams<'r> {
    reader: &'r Reader<'r>,
    pub(super) list: Vec<Settings>,
    /// Every declared name, those with something wrong too, so that a route is not blamed for them.
    pub(super) names: Vec<(&'r str, &'r Place)>,
    identity: IdentityFields,
}

/// What `[upstreams]` declares.
pub(super) fn declared<'r>(reader: &'r Reader<'r>, identity: &IdentityFields) -> Upstreams<'r> {
    let mut upstreams = Upstreams { reader, list: Vec::new(), names: Vec::new(), identity: identity.clone() };
    if let Some(item) = reader.not_a_table("upstreams") {
        reader.complain(
            Finding::new(Code::E101, item.place.clone(), "`upstreams` is a section")
                .label(format!("this is {}", item.kind()))
                .say("write `[upstreams]`, and below it `name = \"http://...\"`"),
        );
    }
    for entry in reader.entries("upstreams") {
        upstreams.names.push((&entry.key, &entry.key_place));
        if !is_name(&entry.key) {
            reader.complain(
                Finding::new(Code::E102, entry.key_place.clone(), "this is no name for an upstream")
                    .label("only letters, digits, `_` and `-`"),
            );
        }
        if let Some(settings) = declared_one(reader, entry, identity) {
            upstreams.list.push(settings);
        }
    }
    upstreams
}

impl Upstreams<'_> {
    /// The name of the upstream at this URL, declared now if it was not named before.
    pub(super) fn at(&mut self, url: &Spot<String>) -> Option<String> {
        let address = match address::upstream(&url.value) {
            Ok(address) => address,
            Err(trouble) => {
                self.reader.complain(trouble.finding(Code::E205, &url.place, "requests cannot be sent there"));
                return None;
            }
        };
        if !self.list.iter().any(|upstream| upstream.name == url.value) {
            let speaks = address::speaks(&url.value);
            self.list.push(plain(url.value.clone(), vec![address], speaks, &self.identity));
        }
        Some(url.value.clone())
    }

    /// Every field name that any upstream may be sent.
    pub(super) fn identity_names(&self, identity: &IdentityFields) -> Vec<http::HeaderName> {
        let every = self.list.iter().flat_map(|upstream| &upstream.identity.fields).chain(&identity.fields);
        let mut names: Vec<_> = every.map(|(_, name)| name.clone()).collect();
        names.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        names.dedup();
        names
    }
}

fn declared_one<'r>(reader: &'r Reader<'r>, entry: &'r Entry, identity: &IdentityFields) -> Option<Settings> {
    let name = entry.key.clone();
    match &entry.item.node {
        Node::Text(text) => match address::upstream(&text.text) {
            Ok(address) => {
                reader.note_upstream(entry);
                Some(plain(name, vec![address], address::speaks(&text.text), identity))
            }
            Err(trouble) => {
                let title = format!("requests to `{name}` cannot be sent there");
                reader.complain(trouble.finding(Code::E205, &entry.item.place, title));
                None
            }
        },
        Node::Table(entries) => {
            let section = settings::section("upstreams").expect("upstreams are a section of the table");
            let part = reader.open(section, format!("[upstreams.{name}]"), entries, entry.key_place.clone());
            table(&part, name, identity)
        }
        Node::Broken => None,
        Node::Number(_) | Node::Flag(_) | Node::Other(_) | Node::List(_) => {
            reader.complain(
                Finding::new(
                    Code::E101,
                    entry.item.place.clone(),
                    format!("the upstream `{name}` must be a URL or a table"),
                )
                .label(format!("this is {}", entry.item.kind()))
                .say("several URLs stand in `urls` of a table of their own"),
            );
            None
        }
    }
}

fn table(part: &Part<'_>, name: String, identity: &IdentityFields) -> Option<Settings> {
    let urls: Option<Spot<Texts>> = part.given("urls");
    let addresses = urls.as_ref().map(|urls| addresses(part, urls)).unwrap_or_default();
    let speaks =
        |what| urls.as_ref().is_some_and(|urls| urls.value.iter().any(|url| address::speaks(&url.value) == what));
    let settings = Settings {
        addresses,
        http2: speaks(Speaks::Http2),
        tls: trust::trust(part, speaks(Speaks::Tls)),
        balance: part.choice("balance", BALANCES),
        connect_timeout: part.value("connect_timeout"),
        response_timeout: part.value("response_timeout"),
        idle_timeout: part.value("idle_timeout"),
        keep_alive: part.value("keep_alive"),
        max_connections: part.value("max_connections"),
        host_header: part.choice("host_header", &[("keep", HostHeader::Keep), ("upstream", HostHeader::Upstream)]),
        eject_after: part.value("eject_after"),
        eject_for: part.value("eject_for"),
        retries: part.value("retries"),
        health: health(part),
        identity: own_identity(part, identity),
        name,
    };
    (!settings.addresses.is_empty()).then_some(settings)
}

fn addresses(part: &Part<'_>, urls: &Spot<Texts>) -> Vec<Address> {
    if urls.value.is_empty() {
        part.complain(Finding::new(Code::E102, urls.place.clone(), "`urls` is empty").label("at least one"));
    }
    let speaks = |url: &Spot<String>| address::speaks(&url.value);
    if let Some(first) = urls.value.first()
        && let Some(other) = urls.value.iter().find(|url| speaks(url) != speaks(first))
    {
        part.complain(
            Finding::new(Code::E205, other.place.clone(), "`urls` mixes protocols")
                .label("speaks the other protocol")
                .say("make two upstreams of them"),
        );
    }
    let mut addresses = Vec::new();
    for url in &urls.value {
        match address::upstream(&url.value) {
            Ok(address) => addresses.push(address),
            Err(trouble) => part.complain(trouble.finding(Code::E205, &url.place, "requests cannot be sent there")),
        }
    }
    addresses
}

fn health(part: &Part<'_>) -> Option<HealthCheck> {
    let interval = part.value("health_interval");
    let text: Spot<String> = part.given("health_path")?;
    match text.value.parse::<PathAndQuery>() {
        Ok(path) if text.value.starts_with('/') => Some(HealthCheck { path, interval }),
        Ok(_) | Err(_) => {
            let title = format!("`{}` is no path", text.value);
            part.complain(Finding::new(Code::E102, text.place, title).label("a path such as /healthz"));
            None
        }
    }
}

fn own_identity(part: &Part<'_>, identity: &IdentityFields) -> IdentityFields {
    match part.given::<Texts>("identity") {
        Some(presets) => identity::fields(&presets.value, &[], &identity.separator, &|finding| part.complain(finding)),
        None => identity.clone(),
    }
}

/// An upstream of which nothing but its URL is said: everything else as the table of settings has it.
fn plain(name: String, addresses: Vec<Address>, speaks: Speaks, identity: &IdentityFields) -> Settings {
    use crate::config::read::default_of;
    Settings {
        name,
        addresses,
        http2: speaks == Speaks::Http2,
        tls: (speaks == Speaks::Tls).then(trust::usual),
        balance: Balance::LeastRequests,
        connect_timeout: default_of("upstreams", "connect_timeout"),
        response_timeout: default_of("upstreams", "response_timeout"),
        idle_timeout: default_of("upstreams", "idle_timeout"),
        keep_alive: default_of("upstreams", "keep_alive"),
        max_connections: default_of("upstreams", "max_connections"),
        host_header: HostHeader::Keep,
        eject_after: default_of("upstreams", "eject_after"),
        eject_for: default_of("upstreams", "eject_for"),
        retries: default_of("upstreams", "retries"),
        health: None,
        identity: identity.clone(),
    }
}

const BALANCES: &[(&str, Balance)] = &[
    ("least_requests", Balance::LeastRequests),
    ("round_robin", Balance::RoundRobin),
    ("client_ip", Balance::ClientIp),
    ("user", Balance::User),
];

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}
