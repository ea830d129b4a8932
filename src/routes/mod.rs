//! Which rule and which upstream a request belongs to.
mod settings;

pub(crate) use settings::{Place, Settings};
