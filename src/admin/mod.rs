//! The second listener, never the public one: metrics, health, status, reload.
mod settings;

use std::future::Future;
use std::pin::Pin;

use http::header::{ACCEPT, AUTHORIZATION, ORIGIN};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::{Value, json};

pub(crate) use settings::Settings;

use crate::base::{Clock, Secret};
use crate::endpoints::Readiness;
use crate::observe::{Gauge, Metrics};
use crate::refusal::{Refusal, Renderer, own_response};
use crate::server::Handler;
use crate::store::Store;
use crate::wire::{Body, Peer};

/// What a reload gives back, done or refused.
pub(crate) type Reloaded = Result<Told, Told>;

/// What was found in the file: for programs, refused, as `check --format json` prints it, and for people as `check` does.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) json: Value,
    pub(crate) text: String,
}

impl Told {
    /// Both forms at once. It looks alike done and refused, and like nothing that another server would say.
    fn for_the_command(mut self) -> Value {
        let findings = self.json.get_mut("findings").map(Value::take).unwrap_or(self.json);
        json!({ "findings": findings, "text": self.text })
    }
}

/// What `authgate reload` asks for: an object with `findings` and `text`.
pub(crate) const FOR_THE_COMMAND: &str = "application/vnd.authgate.reload+json";

/// Whose access token or service token was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Somebody with the role `admin`, or a machine with the scope of that name.
    Admin,
    Other,
    Nobody,
}

type Telling = Pin<Box<dyn Future<Output = Value> + Send>>;
type Reloading = Pin<Box<dyn Future<Output = Reloaded> + Send>>;

/// Answers on the admin address.
pub(crate) struct Admin {
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
    /// Where metrics are shown; `None` when they are off.
    pub(crate) metrics_path: Option<String>,
    pub(crate) readiness: Readiness,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) renderer: Renderer,
    pub(crate) holder: Box<dyn Fn(&str) -> Holder + Send + Sync>,
    pub(crate) reload: Box<dyn Fn() -> Reloading + Send + Sync>,
    /// What `authgate status` shows.
    pub(crate) status: Box<dyn Fn() -> Telling + Send + Sync>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admin(..)")
    }
}

impl Handler for Admin {
    async fn handle(&self, request: Box<Request<Body>>, peer: Peer) -> Response<Body> {
        match self.answer(&request, peer).await {
            Ok(response) => response,
            Err(refusal) => self.renderer.render(&refusal, "-"),
        }
    }

    fn unread(&self, status: StatusCode, _: Peer) -> Response<Body> {
        self.renderer.render(&Refusal::of_unread(status), "-")
    }
}

impl Admin {
    async fn answer(&self, request: &Request<Body>, peer: Peer) -> Result<Response<Body>, Refusal> {
        if !peer.ip.is_some_and(|ip| self.settings.allow.iter().any(|network| network.contains(&ip.to_canonical()))) {
            return Err(Refusal::named("not_allowed"));
        }
        let path = request.uri().path();
        if self.metrics_path.as_deref() == Some(path) {
            read_only(request.method())?;
            if let Ok(sessions) = self.store.count_sessions(self.clock.now()).await {
                self.metrics.set(Gauge::Sessions, sessions);
            }
            return Ok(own_response(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", self.metrics.render()));
        }
        match path {
            "/healthz" | "/livez" => {
                read_only(request.method())?;
                Ok(own_response(StatusCode::OK, "application/json", r#"{"status":"ok"}"#))
            }
            "/readyz" => {
                read_only(request.method())?;
                Ok(self.readiness.answer().await)
            }
            "/api/reload" => self.reload(request).await,
            "/api/status" => {
                read_only(request.method())?;
                self.authorise(request.headers()).await?;
                Ok(own_response(StatusCode::OK, "application/json", (self.status)().await.to_string()))
            }
            _ => Err(Refusal::named("no_route")),
        }
    }

    async fn reload(&self, request: &Request<Body>) -> Result<Response<Body>, Refusal> {
        if request.method() != Method::POST {
            return Err(Refusal::method_not_allowed(&[Method::POST]));
        }
        self.authorise(request.headers()).await?;
        let (status, told) = match (self.reload)().await {
            Ok(told) => (StatusCode::OK, told),
            Err(told) => (StatusCode::UNPROCESSABLE_ENTITY, told),
        };
        let by_the_command = request.headers().get(ACCEPT).is_some_and(|accept| accept == FOR_THE_COMMAND);
        Ok(if by_the_command {
            own_response(status, FOR_THE_COMMAND, told.for_the_command().to_string())
        } else {
            own_response(status, "application/json", told.json.to_string())
        })
    }

    /// An administrator shows a token, the command line a secret that it wrote into the store; a page in a browser has neither,
    /// and an origin.
    async fn authorise(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if headers.contains_key(ORIGIN) {
            return Err(Refusal::named("foreign_origin"));
        }
        let presented = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(|secret| Secret::new(secret.to_owned()))
            .ok_or_else(|| Refusal::named("login_required"))?;
        match (self.holder)(presented.expose()) {
            Holder::Admin => return Ok(()),
            Holder::Other => return Err(Refusal::named("missing_role")),
            Holder::Nobody => {}
        }
        let good = self.store.control_secret_is_good(&presented.digest(), self.clock.now()).await;
        match good {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::named("token_invalid")),
            Err(_) => Err(Refusal::retry_after("unavailable", crate::refusal::STORE_AWAY)),
        }
    }
}

fn read_only(method: &Method) -> Result<(), Refusal> {
    if method == Method::GET || method == Method::HEAD {
        Ok(())
    } else {
        Err(Refusal::method_not_allowed(&[Method::GET, Method::HEAD]))
    }
}
