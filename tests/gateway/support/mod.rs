//! What the tests stand on: a real gateway, upstreams polite and rude, and clients that repair nothing.
pub(crate) mod cli;
pub(crate) mod client;
pub(crate) mod gateway;
pub(crate) mod log;
pub(crate) mod mint;
pub(crate) mod programs;
pub(crate) mod raw;
pub(crate) mod rows;
pub(crate) mod rude;
pub(crate) mod servers;
pub(crate) mod site;
pub(crate) mod secure;
pub(crate) mod time;
pub(crate) mod upstream;
pub(crate) mod wire;

pub(crate) use cli::{Ran, authgate, authgate_with_input};
pub(crate) use client::{Call, Person};
pub(crate) use gateway::Gateway;
pub(crate) use mint::Mint;
pub(crate) use programs::{Running, python_program};
pub(crate) use raw::{Answer, Raw};
pub(crate) use rows::{Row, Saw, run_rows};
pub(crate) use secure::{Secure, shipped};
pub(crate) use site::Site;
pub(crate) use time::{SOON, until};
pub(crate) use upstream::{Reply, Seen, Upstream};
pub(crate) use wire::Wire;
