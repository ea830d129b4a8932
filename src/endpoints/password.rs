//! `POST {p}/password`: a new password for somebody who knows the old one; their other sessions end.
use http::Response;
use serde::Deserialize;

use super::{Endpoints, Problem, form, nothing, source};
use crate::base::Secret;
use crate::wire::{Body, Inbound};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default, deserialize_with = "form::there")]
    current_password: Option<Secret>,
    #[serde(default, deserialize_with = "form::there")]
    new_password: Option<Secret>,
}

impl Endpoints {
    pub(super) async fn change_password(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let (user, session, form) = self.person_with(&mut inbound, form::json::<Form>).await?;
        let (Some(current), Some(new)) = (&form.current_password, &form.new_password) else {
            let (current, new) = (form.current_password.is_some(), form.new_password.is_some());
            return Err(form::missing(&[("current_password", current), ("new_password", new)]).into());
        };
        self.accounts.change_password(&user, session, current, new, &source(&inbound)).await?;
        Ok(nothing())
    }
}
