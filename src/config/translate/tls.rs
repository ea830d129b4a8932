//! `[tls]`: the certificates, tried out, so that what is wrong with them is said before anything starts.
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::server::clashing;
use crate::base::{Clock, Timestamp};
use crate::config::address;
use crate::config::codes::Code;
use crate::config::finding::{Finding, Place};
use crate::config::read::{Part, Reader, Spot, Texts};
use crate::observe::Chain;
use crate::server;
use crate::tls::{Certificate, MinVersion, Pair, Settings};

/// `None` without a `cert`: plain HTTP.
pub(super) fn tls(reader: &Reader<'_>, server: &server::Settings) -> Option<Settings> {
    let part = reader.part("tls");
    let min_version = part.choice("min_version", &[("1.2", MinVersion::Tls12), ("1.3", MinVersion::Tls13)]);
    let redirect_http = redirect(&part, server);
    let (certs, keys) = (part.given::<Texts>("cert"), part.given::<Texts>("key"));
    let (certs, keys) = match (certs, keys) {
        (Some(certs), Some(keys)) => (certs, keys),
        (certs, keys) => {
            complain_of_half(&part, certs.as_ref().or(keys.as_ref()), min_version);
            return None;
        }
    };
    if certs.value.len() != keys.value.len() || certs.value.is_empty() {
        part.complain(
            Finding::new(Code::E102, keys.place, "`cert` and `key` must name as many files")
                .label(format!("{} here", keys.value.len()))
                .beside(&certs.place, format!("{} here", certs.value.len()))
                .say("the first key belongs to the first certificate, and so on"),
        );
        return None;
    }
    let now = Clock::system().now();
    let pairs = certs.value.into_iter().zip(keys.value).map(|(cert, key)| pair(&part, cert, key, now)).collect();
    Some(Settings { pairs, min_version, redirect_http })
}

fn redirect(part: &Part<'_>, server: &server::Settings) -> Option<SocketAddr> {
    let text: Spot<String> = part.given("redirect_http")?;
    match address::tcp(&text.value) {
        Ok(address) if clashing(&server.listen, address).is_some() => {
            let title = format!("plain HTTP and HTTPS are both {address}");
            part.complain(Finding::new(Code::E106, text.place, title).label("taken by `[server]`"));
            None
        }
        Ok(address) => Some(address),
        Err(trouble) => {
            part.complain(trouble.finding(Code::E102, &text.place, "`redirect_http` is no address"));
            None
        }
    }
}

/// One of the two is missing, or both although something is said of TLS.
fn complain_of_half(part: &Part<'_>, half: Option<&Spot<Texts>>, min_version: MinVersion) {
    let place = half.map(|half| &half.place).or_else(|| part.key_place("redirect_http"));
    let Some(place) = place else {
        // The default may stand in a file that has no certificate yet.
        if let Some(item) = part.item("min_version").filter(|_| min_version != MinVersion::Tls12) {
            part.complain(
                Finding::new(Code::W313, item.place.clone(), "`min_version` is for TLS, and there is no certificate")
                    .label("does nothing: clients speak plain HTTP")
                    .say("take it out, or add `cert` and `key`"),
            );
        }
        return;
    };
    part.complain(
        Finding::new(Code::E104, place.clone(), "`[tls]` needs both `cert` and `key`")
            .label("not enough for TLS")
            .say("add a line such as `cert = \"/etc/authgate/tls/fullchain.pem\"` and one for `key`"),
    );
}

fn pair(part: &Part<'_>, cert: Spot<String>, key: Spot<String>, now: Timestamp) -> Pair {
    let pair = Pair { cert: PathBuf::from(&cert.value), key: PathBuf::from(&key.value) };
    match Certificate::read(&pair) {
        Ok(certificate) => judge_age(part, &cert.place, certificate.until, now),
        Err(error) => {
            let (place, what) =
                if error.is_about_key(&pair) { (key.place, "key") } else { (cert.place, "certificate") };
            part.complain(
                Finding::new(Code::E305, place, format!("the {what} cannot be used"))
                    .label(Chain(&error).to_string())
                    .say("`cert` is a PEM file with the certificate first and its chain after it, `key` one with its private key"),
            );
        }
    }
    pair
}

/// A gateway that does not start is worse than one whose clients are warned, so this is a warning.
fn judge_age(part: &Part<'_>, place: &Place, until: Timestamp, now: Timestamp) {
    let left = until.since(now);
    if left >= SOON {
        return;
    }
    let title = if left.is_zero() { "the certificate has expired" } else { "the certificate expires soon" };
    part.complain(
        Finding::new(Code::W307, place.clone(), title)
            .label(format!("good until {until}"))
            .say("renew it; the new file is taken up by itself"),
    );
}

/// Certificates of three months are renewed when a month is left; less than a week means that it did not work.
const SOON: Duration = Duration::from_secs(7 * 86_400);
