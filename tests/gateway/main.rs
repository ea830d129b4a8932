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

mod harness;

// People.
mod login;
mod logout;
mod me;
mod own_account;
mod refresh;
mod register;
mod token;
mod keys;

// The way of a request.
mod balance;
mod credentials;
mod every_door;
mod forward;
mod framing;
mod h2;
mod identity;
mod paths;
mod routes;
mod tokens;
mod websocket;

// Bounds, life and death.
mod deadlines;
mod frames;
mod kill;
mod limits;
mod regression;
mod reload;
mod rudeness;
mod sessions;
mod stop;

// With other people's parts.
mod third_party;

// What the operator sees.
mod cli;
mod explain;
mod log;
mod metrics;
mod users;
