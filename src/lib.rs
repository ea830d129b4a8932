//! authgate: a reverse-proxy authentication gateway. One line per room, in import order.
mod base;
mod wire;
mod token;
mod passkey;
mod password;
mod observe;
mod pages;
mod mail;
mod store;
mod tls;
mod shared;
mod limit;
mod client;
mod authz;
mod authn;
mod account;
mod proxy;
mod routes;
mod gate;
mod refusal;
mod endpoints;
mod pipeline;
mod server;
mod admin;
mod config;
mod app;
mod cli;
#[doc(hidden)]
pub mod door;

/// Real databases and caches, for the tests of the rooms that speak to them.
#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    dead_code,
    reason = "a server of its own is waited for by the system's clock, and not all of it is needed here"
)]
#[path = "../tests/gateway/support/servers.rs"]
mod servers;

/// Runs the command line of this process.
#[must_use]
pub fn main() -> std::process::ExitCode {
    cli::main()
}
