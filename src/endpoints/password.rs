//! `POST {p}/password`: a new password for somebody who knows the old one; their other sessions end.
use http::Response;
use serde::Deserialize;

use super::{Endpoints, Problem, form, nothing, source};
use crate::base::Secret;
use crate::wire::{Body, Inbound};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    current_password: Secret,
    new_password: Secret,
}

impl Endpoints {
    pub(super) async fn change_password(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let (user, session, form) = self.person_with(&mut inbound, form::json::<Form>).await?;
        let (current, new) = (&form.current_password, &form.new_password);
        self.accounts.change_password(&user, session, current, new, &source(&inbound)).await?;
        Ok(nothing())
    }
}
