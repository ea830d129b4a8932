//! What routes with `mode = "observe"` would have done, beside what their backends did: counted here, kept by `app`, told by
//! `authgate report`.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;

use crate::base::Timestamp;

/// The counts since they were last taken. They outlive a reload.
#[derive(Debug, Default)]
pub(crate) struct Observed(Mutex<HashMap<Kind, Counted>>);

/// One request and both its verdicts.
#[derive(Debug)]
pub(super) struct Compared<'a> {
    pub(super) route: Arc<str>,
    /// Why the rule says no, if it does.
    pub(super) refusal: Option<&'static str>,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// The backend's.
    pub(super) status: StatusCode,
    pub(super) at: Timestamp,
}

/// Requests of one kind, and the newest of them.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Hosts and prefix.
    pub(crate) route: Arc<str>,
    pub(crate) refusal: Option<&'static str>,
    /// The backend answered 401 or 403.
    pub(crate) backend_refused: bool,
    pub(crate) many: u64,
    pub(crate) method: String,
    /// Without the query: tokens hide there.
    pub(crate) path: String,
    pub(crate) status: StatusCode,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
}

/// Requests of one kind differ only in their number.
type Kind = (Arc<str>, Option<&'static str>, bool);

#[derive(Debug)]
struct Counted {
    many: u64,
    first_at: Timestamp,
    last_at: Timestamp,
    method: String,
    path: String,
    status: StatusCode,
}

impl Observed {
    pub(super) fn note(&self, compared: &Compared<'_>) {
        let backend_refused = matches!(compared.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let kind = (Arc::clone(&compared.route), compared.refusal, backend_refused);
        let mut counts = self.lock();
        if counts.len() >= MOST_KINDS && !counts.contains_key(&kind) {
            return;
        }
        let counted = counts.entry(kind).or_insert_with(|| Counted {
            many: 0,
            first_at: compared.at,
            last_at: compared.at,
            method: String::new(),
            path: String::new(),
            status: compared.status,
        });
        counted.many += 1;
        counted.last_at = compared.at;
        counted.status = compared.status;
        counted.method.clear();
        counted.method.push_str(cut(compared.method, MOST_METHOD));
        counted.path.clear();
        counted.path.push_str(cut(compared.path, MOST_PATH));
    }

    /// What was counted; counting begins anew.
    pub(crate) fn take(&self) -> Vec<Tally> {
        let counts = std::mem::take(&mut *self.lock());
        counts
            .into_iter()
            .map(|((route, refusal, backend_refused), counted)| {
                let Counted { many, first_at, last_at, method, path, status } = counted;
                Tally { route, refusal, backend_refused, many, method, path, status, first_at, last_at }
            })
            .collect()
    }

    /// What could not be kept just now is counted on.
    pub(crate) fn put_back(&self, tallies: Vec<Tally>) {
        let mut counts = self.lock();
        for tally in tallies {
            let kind = (tally.route, tally.refusal, tally.backend_refused);
            match counts.get_mut(&kind) {
                Some(counted) => {
                    counted.many += tally.many;
                    counted.first_at = tally.first_at;
                }
                None => {
                    let Tally { many, first_at, last_at, method, path, status, .. } = tally;
                    counts.insert(kind, Counted { many, first_at, last_at, method, path, status });
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Kind, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both are ASCII, so any place is between two characters.
fn cut(text: &str, most: usize) -> &str {
    text.get(..most).unwrap_or(text)
}

/// Routes come from the file and reasons from the program; this holds while no store takes what was counted and files come and go.
const MOST_KINDS: usize = 16_384;
const MOST_METHOD: usize = 32;
const MOST_PATH: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn compared<'a>(refusal: Option<&'static str>, path: &'a str, status: u16, second: u64) -> Compared<'a> {
        let status = StatusCode::from_u16(status).unwrap();
        Compared { route: "/app".into(), refusal, method: "GET", path, status, at: Timestamp::from_seconds(second) }
    }

    #[test]
    fn requests_of_one_kind_are_one_count_and_the_newest_of_them() {
        let observed = Observed::default();
        for (second, status) in [(1, 200), (2, 404), (3, 200)] {
            observed.note(&compared(Some("login_required"), &format!("/app/{second}"), status, second));
        }
        observed.note(&compared(None, "/app", 403, 4));
        let mut taken = observed.take();
        taken.sort_by_key(|tally| tally.first_at);
        let told = |tally: &Tally| (tally.many, tally.path.clone(), tally.backend_refused, tally.last_at.seconds());
        assert_eq!(
            taken.iter().map(told).collect::<Vec<_>>(),
            [(3, "/app/3".into(), false, 3), (1, "/app".into(), true, 4)]
        );
        assert!(observed.take().is_empty());
    }

    #[test]
    fn what_was_put_back_is_counted_on() {
        let observed = Observed::default();
        observed.note(&compared(None, "/app/old", 200, 1));
        let taken = observed.take();
        observed.note(&compared(None, "/app/new", 200, 2));
        observed.put_back(taken);
        let tally = observed.take().remove(0);
        assert_eq!((tally.many, tally.path.as_str(), tally.first_at.seconds()), (2, "/app/new", 1));
    }

    #[test]
    fn what_a_client_chooses_is_cut() {
        let observed = Observed::default();
        observed.note(&compared(None, &"/x".repeat(9000), 200, 1));
        assert_eq!(observed.take().remove(0).path.len(), MOST_PATH);
    }
}
