//! The second listener, never the public one.
mod settings;

pub(crate) use settings::Settings;
