//! `GET {p}/me` and its aliases: who the token says one is, as the store knows it now.
use http::{Response, StatusCode};

use super::{Endpoints, Problem, tokens_out};
use crate::refusal::own_response;
use crate::wire::{Body, Inbound};

impl Endpoints {
    pub(super) async fn me(&self, inbound: &Inbound) -> Result<Response<Body>, Problem> {
        let user = self.somebody(inbound).await?;
        Ok(own_response(StatusCode::OK, "application/json", tokens_out::user(&user).to_string()))
    }
}
