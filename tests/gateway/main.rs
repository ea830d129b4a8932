//! What the gateway promises, asked of a real one through real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test may fail where it stands, and waits by the system's clock"
)]
mod support;

mod caching;
mod cases;
mod harness;

// People.
mod browser_forms;
mod browser_pages;
mod browser_sessions;
mod login;
mod logout;
mod mail;
mod old_login;
mod clients;
mod held;
mod leaving;
mod me;
mod mfa;
mod oauth;
mod own_account;
mod browser;
mod pages;
mod refresh;
mod register;
mod token;
mod keys;

// The way of a request.
mod balance;
mod cors;
mod credentials;
mod edge;
mod every_door;
mod forward_auth;
mod formats;
mod forward;
mod fresh;
mod framing;
mod h2;
mod health_checks;
mod https_upstreams;
mod identity;
mod observe;
mod openapi;
mod passkey_forms;
mod paths;
mod names;
mod proxy_protocol;
mod routes;
mod spellings;
mod tokens;
mod websocket;
mod websocket_h2;

// Bounds, life and death.
mod deadlines;
mod early;
mod faults;
mod frames;
mod fuzz;
mod kill;
mod limits;
mod nodes;
mod regression;
mod reload;
mod kept;
mod rudeness;
mod secrets;
mod sessions;
mod stop;
mod tls;
mod together;

// With other people's parts.
mod third_party;

// What the operator sees.
mod bring;
mod cli;
mod deep;
mod explain;
mod status;
mod log;
mod metrics;
mod probe;
mod store;
mod users;
