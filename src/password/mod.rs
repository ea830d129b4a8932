//! What people remember: hashing in a bounded pool, and what a new password must be.
mod settings;
mod policy;
mod tune;
mod argon;
mod common;
mod foreign;
mod kept;
mod memory;
mod hasher;

pub(crate) use foreign::BadHash;
pub(crate) use hasher::{HashError, Hasher};
pub(crate) use kept::{of_firebase, peppered, run_if_cheap, scheme_of};
pub(crate) use policy::{Password, Policy, WeakPassword};
pub(crate) use settings::{Argon2Cost, Settings};
pub(crate) use tune::{STEPS as TUNE_STEPS, tune};
