//! What we say about ourselves: logs, audit events, metrics.
mod audit;
mod settings;

pub(crate) use audit::{Action, Audit, Event};
pub(crate) use settings::{Level, LogFormat, LogSettings, MetricsSettings};
