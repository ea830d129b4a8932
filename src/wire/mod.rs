//! What an HTTP message means to us.
mod authority;
mod body;
mod client;
mod cors;
mod cookies;
mod door;
mod fields;
mod forwarded;
mod inbound;
mod origin;
mod page;
mod path;
mod peer;
mod request_id;
mod settings;
mod shown;
mod takeover;
mod visitor;

pub(crate) use authority::Authority;
pub(crate) use body::{Body, BodyError, BodyProblem, Bounded, Deadline, collect_small};
pub(crate) use client::ClientFacts;
pub(crate) use cookies::{OwnCookie, OwnCookies, SameSite, token_cookie};
pub(crate) use cors::{Cors, Grant, preflight, preflight_of};
pub(crate) use door::{Door, REQUEST_ID};
#[cfg(test)]
pub(crate) use fields::PRESET_NAMES;
pub(crate) use fields::fold;
pub(crate) use inbound::{BadRequest, Inbound};
pub(crate) use origin::{is_from_elsewhere, is_welcome};
pub(crate) use page::ReturnTo;
pub(crate) use path::{CanonPath, PathError, PathPrefix, Spellings};
pub(crate) use peer::Peer;
pub(crate) use request_id::RequestId;
pub(crate) use settings::{AuthPrefix, IdentityFields, IdentityPart, PublicUrl, Settings};
pub(crate) use shown::Shown;
pub(crate) use takeover::{Io, Stopping, Takeover};
pub(crate) use visitor::Visitor;
