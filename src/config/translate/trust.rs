//! `https://` upstreams: whom we believe, and what we show. The files are read here too, so that what cannot be used is said
//! before anything starts.
use std::path::PathBuf;

use crate::config::codes::Code;
use crate::config::finding::Finding;
use crate::config::read::{Part, Spot};
use crate::observe::Chain;
use crate::tls::{Outgoing, Pair, Trust};

/// `None` where TLS is not spoken.
pub(super) fn trust(part: &Part<'_>, secure: bool) -> Option<Trust> {
    let (ca, verify): (Option<Spot<String>>, _) = (part.given("ca"), part.value::<bool>("verify_tls"));
    let client = pair(part);
    let trust = Trust { ca: ca.map(|ca| PathBuf::from(ca.value)), client, verify };
    if trust == usual() {
        return secure.then_some(trust);
    }
    let place = SETTINGS.iter().find_map(|key| part.key_place(key)).unwrap_or(part.place()).clone();
    if !secure {
        part.complain(
            Finding::new(Code::E102, place, "this is for upstreams that speak TLS")
                .label("nothing would be protected")
                .say("write `urls` with https://, or take the line out"),
        );
        return None;
    }
    if let (false, Some(place)) = (verify, part.key_place("verify_tls")) {
        part.complain(
            Finding::new(Code::W308, place.clone(), "any certificate of the backend is believed")
                .label("whoever stands in between can read and change everything")
                .say("name the PEM file of its authority, or of the certificate itself, with `ca`"),
        );
    }
    // What is missing of a pair was told already.
    if let Err(error) = Outgoing::read(&trust) {
        part.complain(Finding::new(Code::E305, place, "a certificate cannot be used").label(Chain(&error).to_string()));
    }
    Some(trust)
}

/// Where only the URL is said.
pub(super) const fn usual() -> Trust {
    Trust { ca: None, client: None, verify: true }
}

fn pair(part: &Part<'_>) -> Option<Pair> {
    let (cert, key) = (part.given::<String>("client_cert"), part.given::<String>("client_key"));
    match (cert, key) {
        (Some(cert), Some(key)) => Some(Pair { cert: cert.value.into(), key: key.value.into() }),
        (None, None) => None,
        (Some(half), None) | (None, Some(half)) => {
            part.complain(
                Finding::new(Code::E104, half.place, "`client_cert` and `client_key` belong together")
                    .label("the other one is missing"),
            );
            None
        }
    }
}

const SETTINGS: &[&str] = &["verify_tls", "ca", "client_cert", "client_key"];
