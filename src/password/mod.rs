//! What people remember: hashing in a bounded pool, and what a new password must be.
mod settings;

pub(crate) use settings::{Argon2Cost, Settings};
