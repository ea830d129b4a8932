use std::path::PathBuf;

/// `[log]`
#[derive(Debug, Clone)]
pub(crate) struct LogSettings {
    pub(crate) level: Level,
    pub(crate) format: LogFormat,
    /// One line for each request.
    pub(crate) access: bool,
    /// Audit events go here too, as JSON lines.
    pub(crate) audit_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON everywhere else.
    Auto,
    Text,
    Json,
}

/// `[metrics]`
#[derive(Debug, Clone)]
pub(crate) struct MetricsSettings {
    pub(crate) enabled: bool,
    pub(crate) path: String,
    pub(crate) per_route: bool,
    /// Say in the answer how long the gateway and the backend took (`Server-Timing`).
    pub(crate) server_timing: bool,
}
