//! Passkeys (Web Authentication, level 3): what a browser sends is read and verified here; values in, verdict out.
//!
//! Whoever made the device is not asked about: an attestation is read over and ignored, as "none" says.
#[cfg(test)]
mod authenticator;
mod cbor;
mod ceremony;
mod cose;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use authenticator::Authenticator;
pub(crate) use ceremony::{Made, Shown, Site, Unfit, challenge_of, from_base64, to_base64};

/// The algorithms that are taken (COSE), the liked ones first.
pub(crate) const ALGORITHMS: [i64; 3] = [cose::EDDSA, cose::ES256, cose::RS256];
