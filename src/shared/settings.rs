/// What is held against those who are already inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// WebSocket, events and gRPC end with the session behind them.
    pub(crate) close_streams: bool,
}
