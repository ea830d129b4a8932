//! Whether somebody reaches a backend, or the admin address, without asking the gateway.
use super::Probe;
use super::answer::Answer;
use super::judge::{Outcome, Verdict};
use super::plan::{Place, Plan, What};
use super::target::{NoAnswer, Request, Target};

const GROUP: &str = "around";

pub(super) async fn attempt(probe: &mut Probe<'_>) {
    for place in &probe.plan.around {
        direct(probe, place).await;
    }
    let here = probe.target.seen_from().await.is_none_or(|(_, same)| same);
    let named = !probe.plan.around.is_empty();
    let places = if here { Vec::new() } else { places(probe.plan, &probe.target.host, probe.target.port) };
    for place in &places {
        direct(probe, place).await;
    }
    if here && !named {
        // Everything of a machine can be reached from itself.
        let why =
            "this runs on the gateway's own machine: run it from where clients are, or name an address with --around";
        probe.skip(GROUP, "the backends and the admin address, directly", why);
    } else if places.is_empty() && !named {
        probe.skip(GROUP, "the backends, directly", "no file says where they are: name them with --around HOST:PORT");
    }
}

/// Where the file says that something listens which only the gateway, or the operator, should reach.
fn places(plan: &Plan, site: &str, site_port: u16) -> Vec<Place> {
    let elsewhere = plan.upstreams.iter().filter(|place| !is_own(&place.host)).cloned();
    // A port that was published by mistake stands at the gateway's address.
    let published = plan.upstreams.iter().map(|place| Place { host: site.to_owned(), ..place.clone() });
    let admin = plan.admin_port.map(|port| Place { host: site.to_owned(), port, https: false, what: What::Admin });
    let mut all: Vec<_> = elsewhere.chain(published).chain(admin).collect();
    all.retain(|place| place.host != site || place.port != site_port);
    all.sort();
    all.dedup_by(|one, other| (&one.host, one.port) == (&other.host, other.port));
    all
}

async fn direct(probe: &mut Probe<'_>, place: &Place) {
    let path = probe.plan.protected.first().cloned().unwrap_or_else(|| "/".to_owned());
    let (outcome, words, origin) = match Target::unverified(place) {
        Ok(target) => {
            let answer = target.ask(&Request::get(path).with("Remote-User", "admin")).await;
            let (outcome, words) = verdict(&answer, place.what);
            (outcome, words, target.origin())
        }
        Err(why) => (Outcome::Unsure, why, format!("{}:{}", place.host, place.port)),
    };
    probe.record(GROUP, format!("{origin} directly"), outcome, words);
}

fn verdict(answer: &Result<Answer, NoAnswer>, what: What) -> Verdict {
    match answer {
        Err(NoAnswer::Unreachable(_)) => (Outcome::Held, "cannot be reached from here".to_owned()),
        Err(NoAnswer::Closed) => (Outcome::Held, "does not answer us".to_owned()),
        Err(error @ (NoAnswer::Slow | NoAnswer::Nonsense)) => {
            (Outcome::Unsure, format!("can be reached from here: {error}"))
        }
        Ok(answer) => match (answer.status, what) {
            (status @ (401 | 403), _) => (Outcome::Held, format!("{status}: it can be reached, but asks for itself")),
            (status @ (300..=400), _) => {
                (Outcome::Unsure, format!("can be reached from here, and answered {status}: does it ask for itself?"))
            }
            (status, What::Backend) => {
                let cure = "let only the gateway reach it, by its listen address, a firewall or a network of their own";
                (Outcome::GotIn, format!("answered {status} to somebody who says Remote-User: admin: {cure}"))
            }
            (status, What::Admin) => {
                (Outcome::GotIn, format!("the admin address answered {status}: narrow [admin] listen or allow"))
            }
        },
    }
}

fn is_own(host: &str) -> bool {
    let address: Result<std::net::IpAddr, _> = host.parse();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Outcome {
        let answer = Answer::ended(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").as_bytes(), "GET");
        verdict(&Ok(answer.unwrap()), What::Backend).0
    }

    #[test]
    fn what_answers_anybody_can_be_reached_around_the_gateway() {
        assert_eq!([200, 404, 500].map(answered), [Outcome::GotIn; 3]);
        assert_eq!([401, 403].map(answered), [Outcome::Held; 2]);
        assert_eq!([302, 400].map(answered), [Outcome::Unsure; 2]);
        assert_eq!(verdict(&Err(NoAnswer::Unreachable(String::new())), What::Backend).0, Outcome::Held);
        assert_eq!(verdict(&Err(NoAnswer::Nonsense), What::Backend).0, Outcome::Unsure);
    }

    #[test]
    fn ports_of_the_file_are_tried_at_the_gateways_address_too() {
        let backend = |host: &str, port| Place { host: host.to_owned(), port, https: false, what: What::Backend };
        let plan = Plan {
            upstreams: vec![backend("127.0.0.1", 3000), backend("10.0.0.5", 80), backend("localhost", 443)],
            admin_port: Some(9090),
            ..Plan::default()
        };
        let admin = Place { what: What::Admin, ..backend("app.example.com", 9090) };
        let at_the_site = [backend("app.example.com", 80), backend("app.example.com", 3000), admin];
        let expected: Vec<_> = [backend("10.0.0.5", 80)].into_iter().chain(at_the_site).collect();
        assert_eq!(places(&plan, "app.example.com", 443), expected);
    }
}
