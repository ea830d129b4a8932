//! `[[routes]]`: what is protected, and where it goes.
use std::time::Duration;

use super::headers;
use super::upstreams::Upstreams;
use crate::authz::{self, Asks, Mode};
use crate::base::{NameError, Role, Scope};
use crate::config::address;
use crate::config::codes::Code;
use crate::config::finding::{DID_YOU_MEAN, Finding, Place};
use crate::config::identity;
use crate::config::read::{Part, Reader, Spot, Texts};
use crate::config::suggest::nearest;
use crate::config::tree::{Item, Node};
use crate::config::value::quoted;
use crate::limit::Rate;
use crate::routes::{self, OnDenied, Settings};
use crate::wire::{AuthPrefix, Cors, Spellings};

/// What a browser needs to sign in.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignsIn {
    pub(super) pages: bool,
    pub(super) cookie: bool,
}

/// All routes, and what is wrong between them.
pub(super) fn routes(
    reader: &Reader<'_>,
    upstreams: &mut Upstreams<'_>,
    max_body: u64,
    auth_prefix: &AuthPrefix,
    signs_in: SignsIn,
) -> Vec<Settings> {
    let parts = reader.parts("routes");
    if reader.has_none("routes") && !reader.is_misspelt("routes") {
        reader.complain(
            Finding::new(Code::E204, Place::Default, "there is no route: every request would be answered 404")
                .say("add `[[routes]]` with `prefix = \"/\"` and `upstream = \"http://127.0.0.1:3000\"`"),
        );
    }
    let mut seen: Vec<Matched> = Vec::new();
    let mut routes = Vec::new();
    for part in &parts {
        no_form_to_lead_to(reader, part, signs_in);
        let prefix = prefix(part, auth_prefix);
        let hosts = hosts(part);
        if let Some((written, prefix)) = &prefix {
            let matched = Matched { prefix: prefix.clone(), hosts: hosts.clone(), place: written.place.clone() };
            if let Some(first) = seen.iter().find(|first| first.takes_all_of(&matched)) {
                part.complain(equal(written, &first.place));
            }
            seen.push(matched);
        }
        let upstream = upstream(part, upstreams);
        let settings = rest(reader, part, max_body);
        if let (Some((_, prefix)), Some(upstream)) = (prefix, upstream) {
            routes.push(Settings { prefix, hosts, upstream, ..settings });
        }
    }
    routes
}

/// What one route matches.
struct Matched {
    prefix: String,
    hosts: Vec<String>,
    place: Place,
}

impl Matched {
    /// The same prefix for the same host.
    fn takes_all_of(&self, other: &Self) -> bool {
        let hosts = (self.hosts.is_empty() && other.hosts.is_empty())
            || self.hosts.iter().any(|host| other.hosts.contains(host));
        self.prefix == other.prefix && hosts
    }
}

fn equal(written: &Spot<String>, first: &Place) -> Finding {
    Finding::new(Code::E202, written.place.clone(), format!("two routes have the prefix `{}`", written.value))
        .label("second, would never match")
        .beside(first, "first")
        .say("`/x` and `/x/` are the same prefix: it matches `/x` and everything under `/x/`, never `/xyz`")
}

/// As written, and as it is matched.
fn prefix(part: &Part<'_>, auth_prefix: &AuthPrefix) -> Option<(Spot<String>, String)> {
    let text: Spot<String> = part.given("prefix")?;
    let path = match address::plain_path(&text.value) {
        Ok(path) => path,
        Err(trouble) => {
            let title = format!("the prefix `{}` is no plain path", text.value);
            part.complain(trouble.finding(Code::E203, &text.place, title));
            return None;
        }
    };
    let ours = &auth_prefix.0;
    if !ours.is_empty() && path.strip_prefix(ours.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    {
        part.complain(
            Finding::new(Code::W201, text.place.clone(), format!("the gateway itself answers under `{ours}`"))
                .label("no request for this reaches the backend")
                .say("set another `auth_prefix` in `[server]`, such as \"/_gateway\""),
        );
    }
    Some((text, path))
}

fn hosts(part: &Part<'_>) -> Vec<String> {
    let Some(texts) = some(part, "hosts", "take the line out to serve every host") else { return Vec::new() };
    let mut hosts = Vec::new();
    for text in texts.value {
        let host = text.value.to_ascii_lowercase();
        if address::is_host(host.strip_prefix("*.").unwrap_or(&host)) {
            hosts.push(host);
        } else {
            let finding = Finding::new(Code::E206, text.place.clone(), format!("`{}` is no host", text.value))
                .label("a name such as app.example.com or *.example.org");
            let bare = host.split_once("://").map_or(host.as_str(), |(_, rest)| rest);
            let bare = bare.split(['/', ':']).next().unwrap_or_default();
            let meant = (bare != host && address::is_host(bare)).then(|| quoted(bare));
            part.complain(finding.replace_if("only the name", &text.place, meant));
        }
    }
    hosts
}

/// The name of the upstream.
fn upstream(part: &Part<'_>, upstreams: &mut Upstreams<'_>) -> Option<String> {
    let text: Spot<String> = part.given("upstream")?;
    if text.value.contains("://") || text.value.starts_with("unix:") {
        return upstreams.at(&text);
    }
    if upstreams.names.iter().any(|(name, _)| *name == text.value) {
        return Some(text.value);
    }
    let title = format!("route sends requests to an unknown upstream `{}`", text.value);
    let finding = Finding::new(Code::E201, text.place.clone(), title).label("not declared in `[upstreams]`");
    let meant = nearest(&text.value, upstreams.names.iter().map(|(name, _)| *name));
    let named = meant.and_then(|meant| upstreams.names.iter().find(|(name, _)| *name == meant));
    let looks_like_url =
        text.value.contains([':', '.']) && address::upstream(&format!("http://{}", text.value)).is_ok();
    part.complain(match named {
        Some((name, place)) => {
            finding.beside(place, "this one is").replace(format!("{DID_YOU_MEAN} `{name}`?"), &text.place, quoted(name))
        }
        None if looks_like_url => {
            finding.replace("a URL begins with its scheme", &text.place, quoted(&format!("http://{}", text.value)))
        }
        None => finding.say("declare it in `[upstreams]`, or write a URL: `http://127.0.0.1:3000`"),
    });
    None
}

/// Everything that does not need the other routes; prefix, hosts and upstream are filled in by the caller.
fn rest(reader: &Reader<'_>, part: &Part<'_>, max_body: u64) -> Settings {
    let asks = [("required", Asks::Somebody), ("optional", Asks::Anyone), ("none", Asks::Nobody)];
    let auth = part.choice("auth", &asks);
    let signed_in = "take the line out to let everyone in who is signed in";
    let roles = some(part, "roles", signed_in);
    let scopes = some(part, "scopes", signed_in);
    if auth != Asks::Somebody
        && let Some(first) = roles.as_ref().or(scopes.as_ref())
        && let Some(asked) = part.item("auth")
    {
        part.complain(
            Finding::new(
                Code::E207,
                first.place.clone(),
                "nobody is asked to sign in here, so nobody has a role or a scope",
            )
            .label("cannot be asked for")
            .beside(&asked.place, "because of this")
            .say("take out `auth`, or take out `roles` and `scopes`"),
        );
    }
    let line = |place: Option<&Place>| match place {
        Some(Place::Span(span)) => Some(reader.source.position(span.start).0),
        Some(Place::Variable(_) | Place::Default) | None => None,
    };
    let place = |line| routes::Place { file: reader.source.name.clone(), line };
    let key = |key| line(part.key_place(key)).map(place);
    let [methods_at, networks, roles_at, scopes_at] = ["methods", "networks", "roles", "scopes"].map(key);
    Settings {
        prefix: String::new(),
        hosts: Vec::new(),
        methods: methods(part),
        policy: authz::Settings {
            auth,
            roles: roles.map(|roles| names(part, &roles.value, "roles", Role::parse)).unwrap_or_default(),
            scopes: scopes.map(|scopes| names(part, &scopes.value, "scopes", Scope::parse)).unwrap_or_default(),
            fresh_login: fresh_login(part, auth),
            mfa: mfa(part, auth),
            mode: part.choice("mode", &[("enforce", Mode::Enforce), ("observe", Mode::Observe)]),
        },
        upstream: String::new(),
        strip_prefix: part.value("strip_prefix"),
        forward_token: part.value("forward_token"),
        max_body: part.given("max_body").map_or(max_body, |spot| spot.value),
        timeout: part.given("timeout").map(|spot| spot.value),
        edge: edge(part, auth),
        place: place(line(part.key_place("prefix")).or_else(|| line(Some(part.place()))).unwrap_or(1)),
        places: routes::Places { methods: methods_at, networks, roles: roles_at, scopes: scopes_at },
    }
}

fn edge(part: &Part<'_>, asks: Asks) -> routes::Edge {
    let networks = some(part, "networks", "take the line out to let everybody in").map(|texts| texts.value);
    let networks = networks.unwrap_or_default().into_iter().filter_map(|text| match address::network(&text.value) {
        Ok(network) => Some(network),
        Err(trouble) => {
            let title = format!("`networks` names no network: `{}`", text.value);
            part.complain(trouble.finding(Code::E102, &text.place, title));
            None
        }
    });
    let set = part.given::<identity::Names>("set_request_headers").map(|set| set.value).unwrap_or_default();
    let removed = part.given::<Texts>("remove_response_headers").map(|texts| texts.value).unwrap_or_default();
    routes::Edge {
        networks: networks.collect(),
        rate_per_ip: part.given("rate_per_ip").map(|spot| spot.value),
        rate_per_user: rate_per_user(part, asks),
        set_request_headers: set.iter().filter_map(|(name, value)| headers::set(part, name, value)).collect(),
        on_denied: on_denied(part, asks),
        remove_response_headers: removed.iter().filter_map(|name| headers::name(part, name)).collect(),
        allow_in_path: spellings(part),
        cors: cors(part),
    }
}

fn spellings(part: &Part<'_>) -> Spellings {
    let mut spellings = Spellings::default();
    for text in part.value::<Texts>("allow_in_path") {
        match text.value.as_str() {
            "semicolon" => spellings.semicolon = true,
            "encoded_slash" => spellings.encoded_slash = true,
            "empty_segment" => spellings.empty_segment = true,
            other => {
                let title = format!("`{other}` is no spelling that can be let through");
                let label = "one of \"semicolon\", \"encoded_slash\" and \"empty_segment\"";
                part.complain(Finding::new(Code::E102, text.place, title).label(label));
            }
        }
    }
    spellings
}

/// Pages of other sites that may call a route.
fn cors(part: &Part<'_>) -> Option<Cors> {
    part.item("cors")?;
    let inner = part.inner("cors");
    let credentials = inner.value("credentials");
    let texts = some(&inner, "origins", "take `cors` out to let no other site in")?;
    let origins = texts.value.iter().filter_map(|text| origin(part, text, credentials)).collect();
    Some(Cors::new(origins, credentials))
}

/// As browsers write it.
fn origin(part: &Part<'_>, text: &Spot<String>, credentials: bool) -> Option<String> {
    if text.value != "*" {
        let read = address::public_url(&text.value);
        let complain = |trouble: address::Trouble| {
            let title = format!("`{}` is no origin", text.value);
            part.complain(trouble.finding(Code::E102, &text.place, title));
        };
        return read.map_err(complain).ok().map(|origin| origin.origin());
    }
    if credentials {
        part.complain(
            Finding::new(Code::E209, text.place.clone(), "every site would act in the name of whoever is signed in")
                .label("not with `credentials = true`")
                .say("name the origins, such as \"https://spa.example.com\", or take `credentials` out"),
        );
        return None;
    }
    Some(text.value.clone())
}

/// Where nobody is asked, nobody is denied.
fn on_denied(part: &Part<'_>, asks: Asks) -> OnDenied {
    if let Some(said) = part.item("on_denied").filter(|_| asks == Asks::Nobody) {
        let title = "nobody is asked to sign in here, so nobody is denied for not being so";
        idle(part, &said.place, "on_denied", title, "never happens");
    }
    let words = [("auto", OnDenied::Auto), ("login", OnDenied::Login), ("401", OnDenied::Unauthorized)];
    part.choice("on_denied", &words)
}

/// Where no page of ours can be shown, nobody can be led to it.
fn no_form_to_lead_to(reader: &Reader<'_>, part: &Part<'_>, signs_in: SignsIn) {
    let is_login = |item: &&Item| matches!(&item.node, Node::Text(text) if text.text == "login");
    let Some(said) = part.item("on_denied").filter(is_login) else { return };
    let (section, key, cure) = match signs_in {
        SignsIn { pages: true, cookie: true } => return,
        SignsIn { pages: false, .. } => ("pages", "enabled", "take `enabled = false` out of `[pages]`"),
        SignsIn { pages: true, cookie: false } => {
            ("tokens", "locations", "add \"cookie\" to `locations` in `[tokens]`")
        }
    };
    let finding = Finding::new(Code::E207, said.place.clone(), "there is no sign-in form to lead anybody to")
        .label("who is not signed in would get a 401")
        .say(format!("{cure}, or write \"401\" here"));
    let because = reader.entries(section).iter().find(|entry| entry.key == key);
    part.complain(match because {
        Some(because) => finding.beside(&because.item.place, "because of this"),
        None => finding,
    });
}

/// Only somebody who must sign in can be asked when they did.
fn fresh_login(part: &Part<'_>, auth: Asks) -> Option<Duration> {
    let fresh: Spot<Duration> = part.given("fresh_login")?;
    if auth != Asks::Somebody {
        let title = "nobody is asked to sign in here, so no sign-in can be too old";
        idle(part, &fresh.place, "fresh_login", title, "cannot be asked for");
    }
    Some(fresh.value)
}

/// The same of a second factor.
fn mfa(part: &Part<'_>, auth: Asks) -> bool {
    let mfa: Spot<bool> = part.spot("mfa");
    if mfa.value && auth != Asks::Somebody {
        let title = "nobody is asked to sign in here, so nobody can show a second factor";
        idle(part, &mfa.place, "mfa", title, "cannot be asked for");
    }
    mfa.value
}

/// Where tokens are never looked at, nobody is known whose requests could be counted.
fn rate_per_user(part: &Part<'_>, asks: Asks) -> Option<Rate> {
    let rate: Spot<Rate> = part.given("rate_per_user")?;
    if asks == Asks::Nobody {
        part.complain(
            Finding::new(
                Code::W313,
                rate.place.clone(),
                "nobody is asked who they are here, so nobody's requests can be counted",
            )
            .label("does nothing")
            .say("take out `rate_per_user`, or take `rate_per_ip`"),
        );
    }
    Some(rate.value)
}

/// A setting of those who sign in, where nobody does.
fn idle(part: &Part<'_>, place: &Place, key: &str, title: &str, label: &str) {
    let Some(asked) = part.item("auth") else { return };
    part.complain(
        Finding::new(Code::E207, place.clone(), title)
            .label(label)
            .beside(&asked.place, "because of this")
            .say(format!("take out `auth`, or take out `{key}`")),
    );
}

fn methods(part: &Part<'_>) -> Vec<http::Method> {
    let texts = some(part, "methods", "take the line out to let every method pass");
    let mut methods = Vec::new();
    for text in texts.map(|texts| texts.value).unwrap_or_default() {
        let upper = text.value.to_ascii_uppercase();
        match http::Method::from_bytes(upper.as_bytes()) {
            Ok(method) if text.value == upper => methods.push(method),
            Ok(_) => part.complain(
                Finding::new(Code::E102, text.place.clone(), format!("`{}` is no method", text.value))
                    .label("methods are written in capitals")
                    .replace(format!("{DID_YOU_MEAN} `{upper}`?"), &text.place, quoted(&upper)),
            ),
            Err(_) => {
                part.complain(Finding::new(Code::E102, text.place, "this is no method").label("a word such as `GET`"));
            }
        }
    }
    methods
}

/// A list that means something only when something stands in it: an empty one would silently open what it should close.
fn some(part: &Part<'_>, key: &str, instead: &str) -> Option<Spot<Texts>> {
    let list: Spot<Texts> = part.given(key)?;
    if list.value.is_empty() {
        // A list of what could not be read was complained about.
        if matches!(part.item(key).map(|item| &item.node), Some(Node::List(items)) if items.is_empty()) {
            part.complain(
                Finding::new(Code::E102, list.place, format!("`{key}` is empty")).label("names nothing").say(instead),
            );
        }
        return None;
    }
    Some(list)
}

/// Roles or scopes.
pub(super) fn names<T>(
    part: &Part<'_>,
    texts: &[Spot<String>],
    key: &str,
    parse: fn(&str) -> Result<T, NameError>,
) -> Vec<T> {
    let mut names = Vec::with_capacity(texts.len());
    for text in texts {
        match parse(&text.value) {
            Ok(name) => names.push(name),
            Err(why) => part.complain(
                Finding::new(Code::E102, text.place.clone(), format!("`{}` cannot stand in `{key}`", text.value))
                    .label(why.to_string()),
            ),
        }
    }
    names
}
