//! Sockets; knows nothing of auth.
mod settings;

pub(crate) use settings::{Limits, ListenAddress, Settings};
