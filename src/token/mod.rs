//! What we sign: access tokens and the keys behind them.
mod settings;

pub(crate) use settings::{Algorithm, Settings, Subject};
