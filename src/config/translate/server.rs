//! `[server]`, `[limits]` of connections and `[admin]`.
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::config::address::{self, Trouble};
use crate::config::codes::Code;
use crate::config::environment::Environment;
use crate::config::finding::{Finding, Place};
use crate::config::read::{Part, Reader, Spot, Texts};
use crate::config::tree::{Item, Node};
use crate::server::{Limits, ListenAddress, has_ipv4_neighbour};
use crate::wire::{AuthPrefix, OwnCookies, PublicUrl};
use crate::{admin, server, wire};

/// `own_identity_names`, `query_token` and `cookies` are filled in when the rest of the file is known.
pub(super) fn server(
    reader: &Reader<'_>,
    limits: &Part<'_>,
    environment: &Environment,
) -> (server::Settings, wire::Settings) {
    let part = reader.part("server");
    let listen = listeners(&part);
    let public_url = public_url(&part);
    let trusted_proxies = trusted_proxies(&part);
    if !names_a_proxy(&part) && reader.part("tls").item("cert").is_none() {
        warn_of_plain_text(&part, &listen, public_url.as_ref());
    }
    let trusts_unix = trusts_unix(&part, &listen);
    let workers = match part.value("workers") {
        0 => environment.cores(),
        workers => workers,
    };
    let server = server::Settings {
        listen: listen.into_iter().map(|spot| spot.value).collect(),
        workers,
        shutdown_grace: part.value("shutdown_grace"),
        limits: Limits {
            announcing: announcing(&part, &trusted_proxies),
            max_connections: limits.value("max_connections"),
            max_connections_per_ip: limits.value("max_connections_per_ip"),
            max_header: limits.value("max_header"),
            header_timeout: limits.value("header_timeout"),
            body_timeout: limits.value("body_timeout"),
            idle_timeout: limits.value("idle_timeout"),
        },
    };
    let wire = wire::Settings {
        trusted_proxies,
        trusts_unix,
        own_identity_names: Vec::new(),
        public_url: public_url.map(|spot| spot.value),
        auth_prefix: auth_prefix(&part),
        well_known: part.value("well_known"),
        // Filled in when the routes are read.
        cors: wire::Cors::default(),
        allow_in_path: Default::default(),
        query_token: None,
        cookies: OwnCookies::default(),
    };
    (server, wire)
}

/// `[admin]`
pub(super) fn admin(reader: &Reader<'_>, server: &server::Settings, redirect: Option<SocketAddr>) -> admin::Settings {
    let part = reader.part("admin");
    let Spot { value: listen, place } = admin_listen(&part);
    if let Some(public) = clashing(&server.listen, listen) {
        part.complain(taken(reader, &place, public, listen));
    } else if let Some(redirect) = redirect.filter(|to| clashing(&[ListenAddress::Tcp(*to)], listen).is_some()) {
        part.complain(taken_by_redirect(reader, &place, redirect));
    }
    let allow = networks(&part, "allow", |place| {
        Finding::new(Code::W305, place, "the admin address is open to everybody")
            .label("everybody")
            .say("name the networks that need it")
    });
    admin::Settings { listen, allow }
}

/// The one of these beside which the other cannot be listened on. `::` alone is for IPv4 as well.
pub(super) fn clashing(all: &[ListenAddress], other: SocketAddr) -> Option<&ListenAddress> {
    all.iter().find(|one| {
        let ListenAddress::Tcp(one) = one else { return false };
        let both = one.is_ipv6() && !has_ipv4_neighbour(*one, all);
        is_same(*one, other) || (one.port() == other.port() && (covers(*one, both, other) || covers(other, true, *one)))
    })
}

/// One port of one address, or of all of its kind.
fn is_same(one: SocketAddr, other: SocketAddr) -> bool {
    let ips = one.ip().to_canonical() == other.ip().to_canonical();
    let all = covers(one, false, other) || covers(other, false, one);
    one.port() != 0 && one.port() == other.port() && (ips || all)
}

/// Whether `all` stands for every address of a kind, and `one` is such. `both`: for those of IPv4 too.
fn covers(all: SocketAddr, both: bool, one: SocketAddr) -> bool {
    let kind = all.is_ipv4() == one.ip().to_canonical().is_ipv4() || (both && all.is_ipv6());
    all.ip().is_unspecified() && all.port() != 0 && kind
}

/// Where a running gateway can be asked.
pub(super) fn admin_listen(part: &Part<'_>) -> Spot<SocketAddr> {
    let text: Spot<String> = part.spot("listen");
    let value = address::tcp(&text.value).unwrap_or_else(|trouble| {
        part.complain(trouble.finding(Code::E102, &text.place, "`listen` of the admin address is no address"));
        SocketAddr::from(([127, 0, 0, 1], 0))
    });
    Spot { value, place: text.place }
}

/// Both want one address; where the file says nothing of the admin's, it is told beside the public one.
fn taken(reader: &Reader<'_>, admin: &Place, public: &ListenAddress, listen: SocketAddr) -> Finding {
    let item = reader.entries("server").iter().find(|entry| entry.key == "listen").map(|entry| &entry.item);
    let items = item
        .map_or(&[][..], |item| if let Node::List(items) = &item.node { items } else { std::slice::from_ref(item) });
    let is_it = |item: &&Item| {
        let Node::Text(text) = &item.node else { return false };
        address::listen(&text.text).is_ok_and(|address| address == *public)
    };
    let public = items.iter().find(is_it).map_or(&Place::Default, |item| &item.place);
    let title = format!("the public and the admin listener are both {listen}");
    let cure = "take another port, for one of `[server] listen` and `[admin] listen`";
    let finding = |place: &Place| Finding::new(Code::E106, place.clone(), title).say(cure);
    if *admin == Place::Default {
        return finding(public).label("taken by `[admin]`, whose default it is");
    }
    finding(admin).label("taken by `[server]`").beside(public, "here")
}

fn taken_by_redirect(reader: &Reader<'_>, admin: &Place, redirect: SocketAddr) -> Finding {
    let entry = reader.entries("tls").iter().find(|entry| entry.key == "redirect_http");
    let said = entry.map_or(&Place::Default, |entry| &entry.item.place);
    let (place, label) = match admin {
        Place::Default => (said, "taken by `[admin]`, whose default it is"),
        Place::Span(_) | Place::Variable(_) => (admin, "taken by `redirect_http` of `[tls]`"),
    };
    Finding::new(Code::E106, place.clone(), format!("the redirect and the admin listener are both {redirect}"))
        .label(label)
        .say("take another port, for one of `[tls] redirect_http` and `[admin] listen`")
}

fn listeners(part: &Part<'_>) -> Vec<Spot<ListenAddress>> {
    let texts: Texts = part.spot("listen").value;
    if texts.is_empty()
        && let Some(item) = part.item("listen")
    {
        part.complain(Finding::new(Code::E102, item.place.clone(), "`listen` is empty").label("no address"));
    }
    let mut listeners: Vec<Spot<ListenAddress>> = Vec::new();
    for text in texts {
        match address::listen(&text.value) {
            Ok(value) => {
                if let Some(earlier) = listeners.iter().find(|earlier| is_one(&earlier.value, &value)) {
                    part.complain(
                        Finding::new(Code::E106, text.place.clone(), "`listen` names one port of one address twice")
                            .label("again")
                            .beside(&earlier.place, "first")
                            .say("take one of the two out"),
                    );
                }
                listeners.push(Spot { value, place: text.place });
            }
            Err(trouble) => part.complain(trouble.finding(Code::E102, &text.place, "`listen` is no address")),
        }
    }
    listeners
}

fn is_one(one: &ListenAddress, other: &ListenAddress) -> bool {
    match (one, other) {
        (ListenAddress::Tcp(one), ListenAddress::Tcp(other)) => is_same(*one, *other),
        (ListenAddress::Tcp(_) | ListenAddress::Unix(_), _) => one == other,
    }
}

fn public_url(part: &Part<'_>) -> Option<Spot<PublicUrl>> {
    let text: Spot<String> = part.given("public_url")?;
    match address::public_url(&text.value) {
        Ok(value) => Some(Spot { value, place: text.place }),
        Err(trouble) => {
            part.complain(trouble.finding(Code::E102, &text.place, "`public_url` is no address of a site"));
            None
        }
    }
}

fn auth_prefix(part: &Part<'_>) -> AuthPrefix {
    let text: Spot<String> = part.spot("auth_prefix");
    match address::plain_path(&text.value) {
        Ok(path) if path == "/" => AuthPrefix(String::new()),
        Ok(path) => AuthPrefix(path),
        Err(trouble) => {
            part.complain(trouble.finding(Code::E304, &text.place, "`auth_prefix` is no plain path"));
            AuthPrefix("/auth".to_owned())
        }
    }
}

fn trusted_proxies(part: &Part<'_>) -> Vec<IpNet> {
    networks(part, "trusted_proxies", |place| {
        Finding::new(Code::W302, place, "every client is believed what it says about its address")
            .label("everybody")
            .say("name the addresses of the proxies in front of the gateway")
    })
}

/// Is there one that could do TLS? What is misspelt names one too.
fn names_a_proxy(part: &Part<'_>) -> bool {
    let is_other = |item: &Item| !matches!(&item.node, Node::Text(text) if text.text == UNIX);
    match part.item("trusted_proxies").map(|item| &item.node) {
        Some(Node::List(items)) => items.iter().any(is_other),
        Some(_) => true,
        None => false,
    }
}

/// Whether a proxy at a unix socket is believed. None of them has an address that could be named.
fn trusts_unix(part: &Part<'_>, listen: &[Spot<ListenAddress>]) -> bool {
    let socket = listen.iter().find(|spot| matches!(spot.value, ListenAddress::Unix(_)));
    let named = match part.item("trusted_proxies").map(|item| &item.node) {
        Some(Node::List(items)) => {
            items.iter().find(|item| matches!(&item.node, Node::Text(text) if text.text == UNIX))
        }
        _ => None,
    };
    match (socket, named) {
        (Some(socket), None) => part.complain(
            Finding::new(Code::W311, socket.place.clone(), "everybody who comes by this socket is one address")
                .label("no address is known here")
                .say("name the proxy that connects here in `trusted_proxies`: \"unix:\""),
        ),
        (None, Some(named)) => part.complain(
            Finding::new(Code::E104, named.place.clone(), "there is no unix socket to come by")
                .label("needs `listen = \"unix:/path\"`")
                .say("take it out, or listen on a unix socket"),
        ),
        (Some(_), Some(_)) | (None, None) => {}
    }
    named.is_some()
}

fn networks(part: &Part<'_>, key: &str, everybody: fn(Place) -> Finding) -> Vec<IpNet> {
    let mut networks = Vec::new();
    let texts = part.spot::<Texts>(key).value;
    for text in texts.into_iter().filter(|text| key != "trusted_proxies" || text.value != UNIX) {
        match address::network(&text.value) {
            Ok(network) => {
                if network.prefix_len() == 0 {
                    part.complain(everybody(text.place));
                }
                networks.push(network);
            }
            Err(Trouble { why, meant }) => {
                let title = format!("`{key}` names no network: `{}`", text.value);
                part.complain(Trouble { why, meant }.finding(Code::E102, &text.place, title));
            }
        }
    }
    networks
}

/// Whose connections begin with the PROXY protocol.
fn announcing(part: &Part<'_>, trusted: &[IpNet]) -> Vec<IpNet> {
    let asked: Spot<bool> = part.spot("proxy_protocol");
    if asked.value && trusted.is_empty() {
        part.complain(
            Finding::new(Code::E104, asked.place, "`proxy_protocol` is believed from nobody")
                .label("needs `trusted_proxies`")
                .say("name the load balancers that send it in `trusted_proxies`"),
        );
    }
    if asked.value { trusted.to_vec() } else { Vec::new() }
}

/// Plain HTTP beyond this machine, and nobody in front who could do TLS.
fn warn_of_plain_text(part: &Part<'_>, listen: &[Spot<ListenAddress>], public_url: Option<&Spot<PublicUrl>>) {
    for spot in listen {
        let ListenAddress::Tcp(address) = &spot.value else { continue };
        if is_local(address.ip()) {
            continue;
        }
        let mut finding = Finding::new(Code::W301, spot.place.clone(), "passwords would travel unencrypted")
            .label("plain HTTP, reachable from other machines")
            .say("add a `[tls]` section, or name the proxy that does TLS in `trusted_proxies`");
        if let Some(url) = public_url.filter(|url| url.value.https) {
            finding = finding.beside(&url.place, "but people are told to use this");
        }
        part.complain(finding);
    }
}

/// Stands for whoever comes by a unix socket of ours.
const UNIX: &str = "unix:";

fn is_local(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}
