//! A few numbers over all routes, read from what is counted anyway: for `authgate status`.
use prometheus::core::Collector;
use prometheus::proto::Metric;

use super::{FAILURE, Metrics, SUCCESS};

/// What was counted up to a moment, or between two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) requests: u64,
    /// Answered 401.
    pub(crate) unauthorized: u64,
    /// Answered 502.
    pub(crate) bad_gateway: u64,
    pub(crate) sign_ins: u64,
    pub(crate) refused_sign_ins: u64,
    /// Requests that took at most so many nanoseconds.
    pub(crate) took: Vec<(u64, u64)>,
}

/// How often the file was read again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reloads {
    pub(crate) good: u64,
    pub(crate) bad: u64,
    pub(crate) last_was_good: bool,
    /// When the settings in force were read, in seconds since 1970.
    pub(crate) read_at: f64,
}

impl Metrics {
    /// Goes through every series once: not for the way of a request.
    pub(crate) fn totals(&self) -> Totals {
        let families = &self.0.families;
        let mut totals = Totals::default();
        each(&families.requests, |metric| {
            let count = counted(metric);
            totals.requests += count;
            match label(metric, "code") {
                "401" => totals.unauthorized += count,
                "502" => totals.bad_gateway += count,
                _ => {}
            }
        });
        each(&families.logins, |metric| match label(metric, "result") {
            SUCCESS => totals.sign_ins += counted(metric),
            _ => totals.refused_sign_ins += counted(metric),
        });
        each(&families.request_duration, |metric| {
            let buckets = metric.get_histogram().get_bucket();
            totals.took.resize(buckets.len().max(totals.took.len()), (0, 0));
            for (all, bucket) in totals.took.iter_mut().zip(buckets) {
                *all = (nanos(bucket.upper_bound()), all.1 + bucket.cumulative_count());
            }
        });
        totals
    }

    pub(crate) fn reloads(&self) -> Reloads {
        let families = &self.0.families;
        let count = |result| families.reloads.with_label_values(&[result]).get();
        Reloads {
            good: count(SUCCESS),
            bad: count(FAILURE),
            last_was_good: families.reload_success.get() == 1,
            read_at: families.reload_time.get(),
        }
    }
}

impl Totals {
    /// What came after `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let before = |at: usize| earlier.took.get(at).map_or(0, |(_, count)| *count);
        let took = self.took.iter().enumerate();
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            unauthorized: self.unauthorized.saturating_sub(earlier.unauthorized),
            bad_gateway: self.bad_gateway.saturating_sub(earlier.bad_gateway),
            sign_ins: self.sign_ins.saturating_sub(earlier.sign_ins),
            refused_sign_ins: self.refused_sign_ins.saturating_sub(earlier.refused_sign_ins),
            took: took.map(|(at, (bound, count))| (*bound, count.saturating_sub(before(at)))).collect(),
        }
    }

    /// What 99 of 100 requests took at most, in seconds: read off between two bounds as Prometheus does. `None` where nobody
    /// asked; the last bound for what took longer than any.
    pub(crate) fn p99(&self) -> Option<f64> {
        let (last, all) = *self.took.last()?;
        // What is over the last bound is in no bucket.
        let all = all.max(self.requests);
        if all == 0 {
            return None;
        }
        let rank = all as f64 * 0.99;
        let (mut lower, mut below) = (0, 0);
        for &(bound, count) in &self.took {
            if count as f64 >= rank && count > below {
                let part = (rank - below as f64) / (count - below) as f64;
                return Some((lower as f64 + (bound - lower) as f64 * part.max(0.0)) / 1e9);
            }
            (lower, below) = (bound, count);
        }
        Some(last as f64 / 1e9)
    }
}

fn each(family: &impl Collector, mut tell: impl FnMut(&Metric)) {
    for family in family.collect() {
        family.get_metric().iter().for_each(&mut tell);
    }
}

fn label<'a>(metric: &'a Metric, name: &str) -> &'a str {
    metric.get_label().iter().find(|label| label.name() == name).map_or("", |label| label.value())
}

/// Whole numbers are counted; the format has them as fractions.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, far below 2^53")]
fn counted(metric: &Metric) -> u64 {
    metric.get_counter().get_value() as u64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a minute")]
fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(requests: u64, took: &[(u64, u64)]) -> Totals {
        let took = took.iter().map(|(millis, count)| (millis * 1_000_000, *count)).collect();
        Totals { requests, took, ..Totals::default() }
    }

    #[test]
    fn the_slowest_hundredth_is_read_off_between_two_bounds() {
        assert_eq!(totals(0, &[(1, 0), (10, 0)]).p99(), None);
        assert_eq!(totals(100, &[(1, 100), (10, 100)]).p99(), Some(0.00099));
        assert_eq!(totals(100, &[(1, 98), (11, 100)]).p99(), Some(0.006));
        assert_eq!(totals(100, &[(1, 0), (10, 50)]).p99(), Some(0.01), "half took longer than the last bound");
    }

    #[test]
    fn only_what_came_after_counts() {
        let (before, after) = (totals(10, &[(1, 5), (10, 10)]), totals(110, &[(1, 105), (10, 110)]));
        assert_eq!(after.since(&before), totals(100, &[(1, 100), (10, 100)]));
        assert_eq!(after.since(&Totals::default()), after);
        assert_eq!(before.since(&after).requests, 0);
    }
}
