//! Short-lived state that several processes and nodes share. Today through the store; another way keeps these types.
mod revocations;

pub(crate) use revocations::Revocations;
