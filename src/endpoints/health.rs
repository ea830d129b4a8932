//! `GET {p}/healthz` and `{p}/readyz`: is the process alive, and may traffic come.
use std::sync::Arc;
use std::time::Duration;

use http::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::observe::Metrics;
use crate::refusal::own_response;
use crate::server::Stop;
use crate::shared::Redis;
use crate::store::Store;
use crate::wire::Body;

/// 200 as long as the process answers; never asks the store.
pub(super) fn alive() -> Response<Body> {
    own_response(StatusCode::OK, "application/json", json!({ "status": "ok" }).to_string())
}

/// Whether traffic may come.
#[derive(Debug, Clone)]
pub(crate) struct Readiness {
    store: Store,
    redis: Option<Arc<Redis>>,
    metrics: Metrics,
    stop: Stop,
}

impl Readiness {
    pub(crate) const fn new(store: Store, redis: Option<Arc<Redis>>, metrics: Metrics, stop: Stop) -> Self {
        Self { store, redis, metrics, stop }
    }

    /// 200 or 503, with each check by name.
    pub(crate) async fn answer(&self) -> Response<Body> {
        let store = matches!(timeout(STORE_PATIENCE, self.store.ping()).await, Ok(Ok(())));
        let draining = self.stop.is_draining();
        let ready = store && !draining;
        let mut body = json!({
            "status": if draining { "draining" } else if ready { "ok" } else { "unavailable" },
            // Without its signing key the gateway does not start. What upstreams fail is told and nothing more: every other node
            // meets the same ones.
            "checks": { "store": word(store), "keys": "ok", "upstreams": word(self.metrics.are_upstreams_up()) },
        });
        // Told and nothing more: without it each node counts for itself, and none has to go.
        if let (Some(redis), Some(Value::Object(checks))) = (&self.redis, body.get_mut("checks")) {
            checks.insert("shared".to_owned(), word(redis.is_here()).into());
        }
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        own_response(status, "application/json", body.to_string())
    }
}

const fn word(good: bool) -> &'static str {
    if good { "ok" } else { "failed" }
}

/// A store that takes longer than this to say hello is not ready.
const STORE_PATIENCE: Duration = Duration::from_secs(1);
