use std::fmt;

use redis::{ConnectionInfo, IntoConnectionInfo, ProtocolVersion};

use crate::base::Secret;

/// Where a Redis or a Valkey is. Made by `parse` only, so that it was understood.
#[derive(Clone)]
pub(crate) struct RedisAddress {
    pub(super) info: ConnectionInfo,
    /// As it was written: two files are compared by it.
    url: Secret,
}

/// The address cannot be used; nothing of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the address leads to no Redis")]
pub(crate) struct BadRedis;

impl RedisAddress {
    /// From `redis://USER:PASSWORD@HOST:PORT/NUMBER`, `rediss://…` with TLS, or `unix:PATH`.
    pub(crate) fn parse(url: &str) -> Result<Self, BadRedis> {
        // What may follow would choose another protocol or turn off the check of certificates.
        if url.contains(['#', '?']) {
            return Err(BadRedis);
        }
        let info = url.into_connection_info().map_err(|_| BadRedis)?;
        let spoken = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        if spoken.db() < 0 {
            return Err(BadRedis);
        }
        Ok(Self { info: info.set_redis_settings(spoken), url: Secret::new(url.to_owned()) })
    }
}

impl PartialEq for RedisAddress {
    fn eq(&self, other: &Self) -> bool {
        self.url.matches(other.url.expose())
    }
}

impl Eq for RedisAddress {}

/// Without who signs in there and how.
impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.info.addr(), self.info.redis_settings().db())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_shown_without_its_password() {
        for (url, shown) in [
            ("redis://10.0.0.9:6379/2", "10.0.0.9:6379/2"),
            ("redis://gw:hunter22@cache", "cache:6379/0"),
            ("rediss://:hunter22@cache:1/0", "cache:1/0"),
            ("valkey://cache", "cache:6379/0"),
        ] {
            assert_eq!(format!("{:?}", RedisAddress::parse(url).unwrap()), shown);
        }
        let with = |password: &str| RedisAddress::parse(&format!("redis://:{password}@cache")).unwrap();
        assert!(with("a") == with("a") && with("a") != with("b"));
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for url in [
            "http://cache",
            "cache:6379",
            "redis://",
            "redis://cache/people",
            "redis://cache/-1",
            "redis://cache?protocol=2",
            "rediss://cache/#insecure",
        ] {
            assert_eq!(RedisAddress::parse(url).unwrap_err(), BadRedis, "{url}");
        }
    }
}
