//! What we say about ourselves: logs, audit events, metrics.
mod access;
mod audit;
mod chain;
mod escape;
mod line;
mod log;
mod metrics;
mod settings;
mod sink;

pub(crate) use access::{Access, AccessLog};
pub(crate) use audit::{Action, Audit, AuditError, Event};
pub(crate) use chain::Chain;
pub(crate) use log::{LogError, LogGuard, start};
pub(crate) use metrics::{
    Gauge, Metrics, RequestTimer, RouteMetrics, Totals, UpstreamMetrics, described as described_metrics,
};
pub(crate) use settings::{Level, LogFormat, LogSettings, MetricsSettings};
