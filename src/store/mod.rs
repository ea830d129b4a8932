//! What must outlive a restart: users, sessions, refresh tokens, keys.
mod settings;

pub(crate) use settings::Settings;
