//! authgate: a reverse-proxy authentication gateway. One line per room, in import order.
mod base;
mod wire;
mod token;
mod password;
mod store;
mod observe;
mod limit;
mod authz;
mod authn;
mod account;
mod proxy;
mod routes;
mod server;
mod admin;
mod config;
