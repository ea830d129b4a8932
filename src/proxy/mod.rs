//! The way to an upstream and back.
mod apart;
mod balance;
mod codec;
mod ending;
mod exchange;
mod frames;
mod health;
mod hop;
mod identity;
mod look;
mod multiplex;
mod outgoing;
mod pool;
mod returning;
mod settings;
mod stream;
mod trace;
mod tries;
mod tunnel;
mod upgrade;
mod upload;
mod upstream;

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::TE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};
use http_body::Body as _;

pub(crate) use balance::Standing;
pub(crate) use codec::Answer as ReadAnswer;
pub(crate) use look::{Looked, look};
pub(crate) use settings::{Address, Balance, HealthCheck, HostHeader, Settings};

use crate::authz::{Asks, Permit};
use crate::observe::Metrics;
use crate::shared::{Behind, Live, Opened, Streams};
use crate::tls::{Mistrust, Outgoing, TlsError};
use crate::token::Identity;
use crate::wire::{Body, IdentityFields, Inbound, PathError, PathPrefix, Seen};
use balance::Asker;
use exchange::Answer;
use outgoing::Head;
use upgrade::Handshake;
use upload::Upload;
use upstream::{Need, Upstream};

/// All upstreams and their connections.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Ordered: where there are few, one is found by comparing names, without hashing any.
    upstreams: BTreeMap<String, Arc<Upstream>>,
    /// Where streams are entered that end with their session; `None`: they live as long as they like.
    streams: Option<Arc<Streams>>,
}

/// Where a request goes, and under which conditions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// The upstream's name.
    pub(crate) upstream: &'a str,
    /// Taken off the path.
    pub(crate) strip: Option<&'a PathPrefix>,
    /// Set by the operator, over what the client sent.
    pub(crate) set: &'a [(HeaderName, HeaderValue)],
    /// The client's own `Authorization` goes on.
    pub(crate) forward_token: bool,
    /// Whom the route asks for: says what else may become of `Authorization`.
    pub(crate) asks: Asks,
    /// Until the head of the answer; `None`: the upstream's own `response_timeout`.
    pub(crate) timeout: Option<Duration>,
    /// Largest request body, in bytes.
    pub(crate) max_body: u64,
    /// Between two pieces of the request body.
    pub(crate) body_timeout: Duration,
}

/// What would be sent, for `explain`; the method is the request's own.
#[derive(Debug)]
pub(crate) struct Preview {
    /// `http://10.0.0.5:4000` or `unix:/path.sock`; the first where there are several.
    pub(crate) address: String,
    /// Path and query.
    pub(crate) target: String,
    /// Framing fields left out: they depend on the body.
    pub(crate) headers: HeaderMap,
}

/// Why there is no answer to pass on. The causes are for the log; a client hears the code only.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    #[error("there is no such upstream")]
    Unknown,
    #[error("the upstream cannot be reached")]
    Refused(#[source] io::Error),
    #[error("the upstream does not take the connection in time")]
    ConnectTimeout,
    #[error("all connections to the upstream are in use")]
    Full,
    #[error("each address of the upstream fails its health check")]
    Unwell,
    #[error("the upstream does not answer in time")]
    ResponseTimeout,
    #[error("the upstream's answer makes no sense")]
    BadResponse(#[source] Box<dyn Error + Send + Sync>),
    #[error("no TLS with the upstream")]
    Tls(#[source] Mistrust),
    #[error("the request's body is larger than the route takes")]
    RequestTooLarge,
    #[error("the request's body did not arrive in time")]
    RequestStalled,
    #[error("the request's body is malformed")]
    RequestBroken(#[source] Box<dyn Error + Send + Sync>),
    #[error("the client went away")]
    ClientGone(#[source] Box<dyn Error + Send + Sync>),
    #[error("the session has ended before the upstream answered")]
    SessionEnded,
    #[error("too many streams are open")]
    Crowded,
    #[error("the path cannot be forwarded without the prefix")]
    Path(#[source] PathError),
}

impl ForwardError {
    fn broken(error: impl Error + Send + Sync + 'static) -> Self {
        match Mistrust::in_chain(&error) {
            Some(mistrust) => Self::Tls(mistrust),
            None => Self::BadResponse(Box::new(error)),
        }
    }

    /// The stable word for logs and answers.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Unknown | Self::Refused(_) => "upstream_refused",
            Self::ConnectTimeout | Self::ResponseTimeout => "upstream_timeout",
            Self::Full | Self::Unwell => "no_healthy_upstream",
            Self::BadResponse(_) => "upstream_bad_response",
            Self::Tls(_) => "upstream_tls",
            Self::RequestTooLarge => "body_too_large",
            Self::RequestStalled => "body_timeout",
            Self::RequestBroken(_) | Self::ClientGone(_) => "bad_request",
            Self::SessionEnded => "session_ended",
            Self::Crowded => "busy",
            Self::Path(_) => "ambiguous_path",
        }
    }
}

impl Proxy {
    /// `reuse` is the one from before a reload: upstreams whose settings and certificates did not change keep their
    /// connections.
    pub(crate) fn new(settings: &[Settings], reuse: Option<&Self>) -> Result<Self, TlsError> {
        let mut upstreams = BTreeMap::new();
        for settings in settings {
            let tls = settings.tls.as_ref().map(Outgoing::read).transpose()?;
            let known = reuse.and_then(|old| old.upstreams.get(&settings.name));
            let same = known.filter(|upstream| upstream.is_same_as(settings, tls.as_ref())).cloned();
            let upstream = same.unwrap_or_else(|| Arc::new(Upstream::new(settings.clone(), tls)));
            upstreams.insert(settings.name.clone(), upstream);
        }
        Ok(Self { upstreams, streams: None })
    }

    /// Streams end with the session behind them.
    pub(crate) fn following(self, streams: Option<Arc<Streams>>) -> Self {
        Self { streams, ..self }
    }

    /// Checks the health of upstreams that want it; those that are checked already go on so.
    pub(crate) fn begin_checks(&self, metrics: &Metrics) {
        self.upstreams.values().for_each(|upstream| health::begin(upstream, metrics));
    }

    /// Another one takes the place of this: what is not in that is checked no more.
    pub(crate) fn end_checks(&self, next: &Self, metrics: &Metrics) {
        for (name, upstream) in &self.upstreams {
            if !next.upstreams.get(name).is_some_and(|next| Arc::ptr_eq(next, upstream)) {
                upstream.checks.cancel();
                metrics.upstream_up(name, None);
            }
        }
    }

    /// Every address, with the name of its upstream and what is known of it.
    pub(crate) fn standings(&self) -> impl Iterator<Item = (&str, String, Standing)> {
        self.upstreams.iter().flat_map(|(name, upstream)| {
            let all = 0..upstream.settings.addresses.len();
            all.map(move |at| (name.as_str(), upstream.address(at), upstream.addresses.standing(at)))
        })
    }

    /// Sends the request on and brings the answer back; both bodies are streamed. Only who holds a permit may ask.
    pub(crate) async fn forward(
        &self,
        mut inbound: Box<Inbound>,
        permit: Permit,
        target: &Target<'_>,
    ) -> Result<Response<Body>, ForwardError> {
        let upstream = self.upstreams.get(target.upstream).ok_or(ForwardError::Unknown)?;
        let user = permit.identity().map(Identity::sub);
        let asker = Asker { client: inbound.client().ip, user };
        let at = upstream.addresses.pick(asker).ok_or(ForwardError::Unwell)?;
        let may_upgrade = inbound.seen().has(Seen::UPGRADE) && !upstream.settings.http2;
        let handshake = if may_upgrade { Handshake::asked_by(&inbound).map(Box::new) } else { None };
        let calls = inbound.version() == Version::HTTP_2
            && upstream.may_share()
            && inbound.seen().has(Seen::CONTENT_TYPE)
            && ending::is_grpc(inbound.headers());
        // What is not named again behind a block needs no room while the answer is waited for.
        let (request, mut upload) = {
            let body = inbound.take_body();
            if body.size_hint().lower() > target.max_body {
                return Err(ForwardError::RequestTooLarge);
            }
            let request = Head::new(&inbound, &permit, target, &upstream.settings, &body, handshake.is_some())?;
            (request, Upload::new(body, target.max_body, target.body_timeout, calls))
        };
        let progress = upload.as_ref().and_then(Upload::progress);
        let live = if calls { self.enter(&permit)? } else { None };
        let need = if handshake.is_some() { Need::Http1 } else { Need::Any };
        let (answer, mut lease) = {
            // In one place, whichever way it is waited for: each move of it costs, and each place makes all of this larger.
            let mut exchanged = pin!(tries::exchange(upstream, at, need, &request, &mut upload));
            match &live {
                None => exchanged.as_mut().await?,
                // A call in which only the client speaks has no answer before its end.
                Some(live) => {
                    let until = async {
                        tokio::select! {
                            exchanged = exchanged.as_mut() => exchanged,
                            () = live.ended() => Err(ForwardError::SessionEnded),
                        }
                    };
                    Box::pin(until).await?
                }
            }
        };
        let idle_timeout = upstream.settings.idle_timeout;
        let answer = match (&handshake, answer) {
            (Some(handshake), Answer::Own(response)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                return upgrade::answer(handshake, response, lease, self.enter(&permit)?, idle_timeout);
            }
            (handshake, answer) => {
                // What an upstream makes of a connection after a handshake that it refused, nobody knows.
                lease.once |= handshake.is_some();
                // To whoever connects, a success means that the tunnel stands.
                if inbound.connects() && answer.status().is_success() {
                    return Err(ForwardError::BadResponse(Box::new(returning::Nonsense("it opens no WebSocket"))));
                }
                answer
            }
        };
        let live = match live {
            None if ending::is_stream(answer.headers()) => self.enter(&permit)?,
            live => live,
        };
        let trailers = inbound.version() == Version::HTTP_2 && lease.is_shared() && asks_for_trailers(&inbound);
        let way = returning::Back { method: inbound.method(), lease, upload, progress, idle_timeout, trailers };
        returning::answer(answer, way).map(|response| ending::with_session(response, live))
    }

    /// Enters a stream by the session of whoever opens it, or by the token that has none.
    fn enter(&self, permit: &Permit) -> Result<Option<Live>, ForwardError> {
        let (Some(streams), Some(identity)) = (&self.streams, permit.identity()) else { return Ok(None) };
        if permit.is_observed() {
            return Ok(None);
        }
        let behind = match (identity.session(), identity.machine()) {
            (Some(session), _) => Behind::Session(session),
            (None, Some(machine)) => Behind::Machine(machine),
            (None, None) => Behind::Stranger { sub: identity.sub().into(), token_id: identity.token_id().into() },
        };
        let opened = Opened { behind, issued_at: identity.issued_at(), expires_at: identity.expires_at() };
        streams.enter(opened).map(Some).ok_or(ForwardError::Crowded)
    }

    /// Which fields tell this upstream who is asking.
    pub(crate) fn identity_fields(&self, upstream: &str) -> Option<&IdentityFields> {
        self.upstreams.get(upstream).map(|upstream| &upstream.settings.identity)
    }

    /// What [`Self::forward`] would send.
    pub(crate) fn preview(
        &self,
        inbound: &Inbound,
        permit: &Permit,
        target: &Target<'_>,
    ) -> Result<Preview, ForwardError> {
        let upstream = self.upstreams.get(target.upstream).ok_or(ForwardError::Unknown)?;
        let request = Head::new(inbound, permit, target, &upstream.settings, &Body::Empty, false)?;
        let headers = request.headers(upstream.host(0));
        Ok(Preview { address: upstream.address(0), target: request.target().to_owned(), headers })
    }
}

/// Sets the fields that tell who is asking, and takes away those of nobody.
pub(crate) fn tell(headers: &mut HeaderMap, fields: &IdentityFields, identity: Option<&Identity>) {
    identity::set(headers, fields, identity);
}

/// gRPC does; without it an upstream must not say anything in trailers that matters (RFC 9110, section 6.5.1).
fn asks_for_trailers(inbound: &Inbound) -> bool {
    inbound.headers().get(TE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"))
}

#[cfg(test)]
mod tests;
