//! `[mail]`
use crate::base::Secret;
use crate::config::codes::Code;
use crate::config::finding::Finding;
use crate::config::read::{Part, Reader, Spot};
use crate::mail::{BadServer, Mailbox, Server, Settings};

/// `origin` is where people find the gateway: letters are from there when nobody says otherwise.
pub(super) fn mail(reader: &Reader<'_>, origin: &str) -> Settings {
    let part = reader.part("mail");
    let from: Option<Spot<String>> = part.given("from");
    let mailbox = match &from {
        Some(from) => Mailbox::parse(&from.value).or_else(|| {
            part.complain(
                Finding::new(Code::E102, from.place.clone(), "`from` is no e-mail address")
                    .label("such as \"Example <no-reply@example.com>\""),
            );
            None
        }),
        None => Mailbox::parse(&format!("no-reply@{}", host(origin))),
    };
    Settings { server: server(&part), from: mailbox.unwrap_or_else(Mailbox::nobody) }
}

fn server(part: &Part<'_>) -> Option<Server> {
    let password = part.given::<(Secret, bool)>("password");
    let url: Option<Spot<String>> = part.given("url");
    let Some(url) = url else {
        if let Some(password) = password {
            part.complain(
                Finding::new(Code::E102, password.place, "`password` is for no server").say("name the server: `url`"),
            );
        }
        return None;
    };
    // The text may hold a password: it is never repeated in what is said.
    match Server::parse(&url.value, password.as_ref().map(|spot| &spot.value.0)) {
        Ok(server) => Some(server),
        Err(why) => {
            let finding = Finding::new(Code::E102, url.place, "`url` leads to no mail server").label(why.to_string());
            part.complain(match why {
                BadServer::Malformed | BadServer::Parameter => {
                    finding.say("write `smtps://NAME@HOST:465`, or `smtp://NAME@HOST:587` for STARTTLS")
                }
                BadServer::TwoPasswords => finding.say("take one of the two away"),
                BadServer::HalfALogin => finding.say("write the name before the host, `NAME@HOST`, and set `password`"),
                BadServer::InTheClear => finding.say("take `?tls=none` away"),
            });
            None
        }
    }
}

/// The host of `https://app.example.com:8443`.
fn host(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}
