//! One request over as many connections as it takes, until the head of an answer is there.
use std::sync::Arc;

use http::StatusCode;

use super::ForwardError;
use super::exchange::{Answer, Missed, send};
use super::outgoing::Head;
use super::pool::Wait;
use super::upload::Upload;
use super::upstream::{Lease, Need, Upstream};

/// Sends over a kept connection or a new one. When the upstream says that it cannot answer just now, a safe request without
/// a body is sent again, as often as `retries` allows.
pub(super) async fn exchange(
    upstream: &Arc<Upstream>,
    first: usize,
    need: Need,
    request: &Head<'_>,
    upload: &mut Option<Upload>,
) -> Result<(Answer, Lease), ForwardError> {
    let bare = upload.is_none();
    let repeatable = bare && request.is_safe();
    let mut lease = match upstream.kept(first, need) {
        Some(lease) => lease,
        // Larger than all the rest, and not for every request.
        None => Box::pin(upstream.connect(first, need)).await?,
    };
    let left = upstream.settings.retries;
    let mut tries = Tries {
        upstream,
        first,
        need,
        bare,
        repeatable,
        repeated: false,
        refused: false,
        declined: 0,
        faults: 0,
        left,
    };
    loop {
        let (place, secure) = (upstream.host(lease.at()), upstream.settings.tls.is_some());
        let way = lease.way().ok_or(ForwardError::Unknown)?;
        let answer = match send(way, request, place, secure, upload).await {
            Ok(answer) => answer,
            Err(missed) => {
                lease = Box::pin(tries.after(missed, lease)).await?;
                continue;
            }
        };
        upstream.addresses.worked(lease.at());
        if tries.left == 0 || !repeatable || !is_passing(answer.status()) {
            return Ok((answer, lease));
        }
        // Nobody is waited for while this answer is held: others may hold one too. Where nobody else is reached, it counts.
        let Some(Ok(other)) = Box::pin(tries.another(lease.at(), Wait::Never)).await else {
            return Ok((answer, lease));
        };
        lease = other;
    }
}

/// How often one request may still be sent, and was.
struct Tries<'a> {
    upstream: &'a Arc<Upstream>,
    first: usize,
    need: Need,
    /// There is no body.
    bare: bool,
    /// It may be sent twice (RFC 9110, section 9.2.2), and can be.
    repeatable: bool,
    repeated: bool,
    refused: bool,
    declined: u8,
    faults: u8,
    /// Of `retries`.
    left: usize,
}

impl Tries<'_> {
    /// Another connection where no answer came, if the request may go over one.
    ///
    /// One that a kept connection did not take, because it had ended just then, does, and so does one of which the upstream
    /// says that it did nothing with it. One that may have been taken does when it is repeatable and the kept connection
    /// ended without a byte of an answer; one that a new connection did not take, as often as `retries` allows.
    async fn after(&mut self, missed: Missed, lease: Lease) -> Result<Lease, ForwardError> {
        let (at, kept) = (lease.at(), lease.kept);
        drop(lease);
        match missed {
            Missed::Unsent if kept => {}
            Missed::Unsent => {
                let error = ForwardError::broken(Unsent);
                self.upstream.note(at, &error);
                return self.another(at, Wait::Usual).await.unwrap_or(Err(error));
            }
            Missed::Declined(error) => return self.untaken(error, at, !kept).await,
            Missed::Refused(error) => {
                let again = std::mem::replace(&mut self.refused, true);
                return self.untaken(error, at, !kept || again).await;
            }
            Missed::Lost(_) if self.repeatable && kept && !self.repeated => self.repeated = true,
            // A kept connection may end at any time, which is nobody's fault.
            Missed::Lost(error) if kept => return Err(error),
            Missed::Lost(error) | Missed::Failed(error) => {
                self.upstream.note(at, &error);
                return Err(error);
            }
        }
        self.upstream.connect(self.first, self.need).await
    }

    /// The same where the upstream did nothing with the request. Kept connections end in peace as often as others use them
    /// up; `at_fault` is an address that takes nothing on a new one either, or refuses twice.
    async fn untaken(&mut self, error: ForwardError, at: usize, at_fault: bool) -> Result<Lease, ForwardError> {
        self.declined += 1;
        if at_fault {
            self.faults += 1;
            self.upstream.note(at, &error);
        }
        if !self.bare || self.declined > MOST_DECLINED || self.faults > MOST_FAULTS {
            return Err(error);
        }
        if at_fault {
            return self.upstream.another(at, self.need, 1, Wait::Usual).await.unwrap_or(Err(error));
        }
        self.upstream.connect(self.first, self.need).await
    }

    /// `None`: there were enough.
    async fn another(&mut self, than: usize, wait: Wait) -> Option<Result<Lease, ForwardError>> {
        let most = self.left;
        self.left = self.left.saturating_sub(1);
        self.upstream.another(than, self.need, most, wait).await
    }
}

/// What a backend, or a proxy in front of it, says when another try may do better.
const fn is_passing(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// A new connection ended before it took a request.
#[derive(Debug, thiserror::Error)]
#[error("the connection ended at once")]
struct Unsent;

/// So often a request goes over another connection because an upstream says that it did nothing with it, ...
const MOST_DECLINED: u8 = 8;
/// ... and so often where an address is at fault.
const MOST_FAULTS: u8 = 2;
