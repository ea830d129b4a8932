//! What an HTTP message means to us.
mod body;
mod peer;
mod settings;

pub(crate) use body::{Body, BodyError};
pub(crate) use peer::Peer;
pub(crate) use settings::{AuthPrefix, IdentityFields, IdentityPart, PublicUrl, Settings};
