use super::RedisAddress;

/// What is held against those who are already inside, and where nodes meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// WebSocket, events and gRPC end with the session behind them.
    pub(crate) close_streams: bool,
    /// Counts for all nodes, and carries revocations between them.
    pub(crate) redis: Option<RedisAddress>,
}
