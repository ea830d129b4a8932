//! The values of the file → the settings of each room, and what can only be judged when several are seen together.
mod browsers;
mod headers;
mod keys;
mod mail;
mod pages;
mod people;
mod rest;
mod routes;
mod server;
mod tls;
mod tokens;
mod trust;
mod upstreams;

pub(super) use tokens::origin;

use super::environment::Environment;
use super::read::Reader;
use super::{Config, Desk};
use crate::wire::{Cors, Spellings};
use routes::SignsIn;

/// Reads all of the file. What comes out is to be believed only when nothing was complained about.
pub(super) fn config(reader: &Reader<'_>, environment: &Environment) -> Config {
    reader.check_sections();
    let limits = reader.part("limits");
    let (server, wire) = server::server(reader, &limits, environment);
    let tls = tls::tls(reader, &server);
    let identity = rest::identity(reader);
    let mut upstreams = upstreams::declared(reader, &identity);
    let tokens = tokens::tokens(reader, &server, &wire, tls.is_some());
    let pages = pages::pages(reader);
    let signs_in = SignsIn { pages: pages.enabled, cookie: tokens.locations.cookie };
    let routes = routes::routes(reader, &mut upstreams, limits.value("max_body"), &wire.auth_prefix, signs_in);
    let browsers = reader.part("sessions");
    let cookies = browsers::cookies(&browsers, &origin(&server, &wire, tls.is_some()));
    let cookies = cookies.and_tokens(tokens.in_cookies);
    let own_identity_names = upstreams.identity_names(&identity);
    let store = rest::store(reader);
    let mail = mail::mail(reader, &origin(&server, &wire, tls.is_some()));
    Config {
        mail,
        accounts: people::accounts(reader, &limits, &browsers, tokens.sessions),
        passwords: people::passwords(reader, environment),
        admin: server::admin(reader, &server, tls.as_ref().and_then(|tls| tls.redirect_http)),
        pages,
        sessions: rest::sessions(&browsers, store.redis),
        store: store.settings,
        migrate: store.migrate,
        log: rest::log(reader),
        metrics: rest::metrics(reader),
        wire: crate::wire::Settings {
            own_identity_names,
            cors: cors_of(&routes),
            allow_in_path: spellings_of(&routes),
            query_token: tokens.query_token,
            cookies,
            ..wire
        },
        locations: tokens.locations,
        tokens: tokens.settings,
        identity,
        upstreams: upstreams.list,
        server,
        tls,
        routes,
    }
}

/// Reads no more than a command needs to ask a running gateway.
pub(super) fn desk(reader: &Reader<'_>) -> Desk {
    let store = rest::store(reader);
    let admin = server::admin_listen(&reader.part("admin")).value;
    Desk { admin, store: store.settings, migrate: store.migrate }
}

/// Every origin that some route names.
fn cors_of(routes: &[crate::routes::Settings]) -> Cors {
    Cors::all_named(routes.iter().filter_map(|route| route.edge.cors.as_ref()))
}

/// What some route lets through in a path.
fn spellings_of(routes: &[crate::routes::Settings]) -> Spellings {
    routes.iter().fold(Spellings::default(), |all, route| all.or(route.edge.allow_in_path))
}
