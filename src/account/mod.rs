//! People and sessions: the use cases, free of HTTP.
mod settings;

pub(crate) use settings::{Identifier, Registration, Settings};
