//! The way to an upstream and back.
mod settings;

pub(crate) use settings::{Address, HostHeader, Settings};
