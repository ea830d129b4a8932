//! `ANY {p}/verify`: is this token good? 200 with identity headers, or 401.
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};

use super::{Endpoints, Problem};
use crate::authz::{Asks, Denied};
use crate::gate::Denial;
use crate::proxy;
use crate::refusal::{Refusal, own_response};
use crate::token::Identity;
use crate::wire::{Body, IdentityFields, Inbound};

impl Endpoints {
    /// No route is asked, so anybody may ask about the token they hold.
    pub(super) async fn verify(&self, inbound: &Inbound) -> Result<Response<Body>, Problem> {
        let caller = self.authenticator.identify(inbound, Asks::Somebody, self.clock.now()).await?;
        match caller.identity() {
            Some(identity) => Ok(yes(&self.identity, Some(identity))),
            None => Err(Refusal::of_denial(Denial::Denied(Denied::NotSignedIn), None).into()),
        }
    }
}

/// 200 with an empty body: the request may go on, and this is who asks. Envoy takes no other status for a yes.
pub(crate) fn yes(fields: &IdentityFields, identity: Option<&Identity>) -> Response<Body> {
    let mut response = own_response(StatusCode::OK, "text/plain", "");
    response.headers_mut().remove(CONTENT_TYPE);
    *response.body_mut() = Body::Empty;
    proxy::tell(response.headers_mut(), fields, identity);
    response
}
