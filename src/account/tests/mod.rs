//! What several use cases are tested in, and what is true of them together.
mod besieged;
pub(super) mod fixture;
