//! What people remember: hashing in a bounded pool, and what a new password must be.
mod settings;
mod policy;
mod argon;
mod memory;
mod hasher;

pub(crate) use hasher::{HashError, Hasher};
pub(crate) use policy::{Password, Policy, WeakPassword};
pub(crate) use settings::{Argon2Cost, Settings};
