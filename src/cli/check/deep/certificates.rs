//! How long certificates last: those shown to clients, and those shown to backends that ask who we are.
use super::{Look, Verdict};
use crate::base::Timestamp;
use crate::config::Config;
use crate::observe::Chain;
use crate::tls::{Certificate, Pair};

pub(super) fn look(config: &Config, now: Timestamp) -> Vec<Look> {
    let shown = config.tls.iter().flat_map(|tls| &tls.pairs);
    let of_ours = config.upstreams.iter().filter_map(|upstream| upstream.tls.as_ref()?.client.as_ref());
    let mut pairs: Vec<&Pair> = Vec::new();
    for pair in shown.chain(of_ours) {
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    pairs.into_iter().map(|pair| one(pair, now)).collect()
}

fn one(pair: &Pair, now: Timestamp) -> Look {
    let name = pair.cert.display().to_string();
    match Certificate::read(pair) {
        Ok(certificate) => {
            let (verdict, left) = until(certificate.until, now);
            let cure = (verdict != Verdict::Fine).then(|| "renew it".to_owned());
            Look::new("certificate", name, verdict, left).cure(cure)
        }
        Err(why) => Look::new("certificate", name, Verdict::Failed, Chain(&why).to_string()),
    }
}

/// How much of its time is left.
pub(super) fn until(ends: Timestamp, now: Timestamp) -> (Verdict, String) {
    if ends <= now {
        return (Verdict::Failed, "has expired".to_owned());
    }
    let days = ends.since(now).as_secs() / (24 * 3600);
    let verdict = if days < SOON { Verdict::Doubtful } else { Verdict::Fine };
    (verdict, if days == 1 { "1 day left".to_owned() } else { format!("{days} days left") })
}

/// In days: time enough to find out why it was not renewed.
const SOON: u64 = 14;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_two_weeks_are_doubtful() {
        let now = Timestamp::from_seconds(1_790_000_000);
        let after = |days: u64| until(now.plus(std::time::Duration::from_secs(days * 24 * 3600)), now);
        assert_eq!(after(71), (Verdict::Fine, "71 days left".to_owned()));
        assert_eq!(after(14).0, Verdict::Fine);
        assert_eq!(after(13).0, Verdict::Doubtful);
        assert_eq!(after(1).1, "1 day left");
        assert_eq!(after(0).0, Verdict::Failed);
    }
}
