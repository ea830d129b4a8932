//! `authgate user invite`: a token that is good for one registration, shown once.
use serde_json::json;

use super::args::InviteArgs;
use super::{Failed, Loaded, Out, People};
use crate::account::{NewInvite, Registration, Source};

pub(super) async fn invite(args: &InviteArgs, people: &People, loaded: &Loaded, out: &mut Out) -> Result<(), Failed> {
    let config = &loaded.config;
    if config.accounts.registration == Registration::Closed {
        let why = "registration is closed: set registration = \"invite\" in [accounts], or use authgate user add";
        return Err(Failed::No(why.to_owned()));
    }
    let new = NewInvite { email: args.email.clone(), roles: args.roles.clone(), good_for: args.expires };
    let (token, expires_at) = people.invite(&new, &Source::default()).await?;
    let address = format!("{}{}/register", config.origin(), config.wire.auth_prefix.0);
    if out.json() {
        let email = args.email.as_ref().map(ToString::to_string);
        out.data(&json!({ "invite": token.expose(), "email": email, "expires_at": expires_at.to_string() }));
        return Ok(());
    }
    out.line(token.expose());
    out.note(format_args!("good once, until {expires_at}; it is not shown again"));
    out.note(format_args!("send it as \"invite\" to POST {address}"));
    Ok(())
}
