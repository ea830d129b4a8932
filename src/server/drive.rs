//! Keeps the deadlines of one connection, with one timer.
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep};

use super::pulse::{Phase, Pulse};
use super::{Limits, Stop};
use crate::wire::BodyError;

/// Either kind of connection, as far as a deadline cares.
pub(super) trait Connection: Future<Output = Result<(), Self::Error>> {
    type Error: Into<BodyError>;

    /// Finish what is in flight, take nothing new.
    fn finish(self: Pin<&mut Self>);
}

/// Runs a connection to its end: its own, a deadline's, or the stop's.
///
/// The timer is set again only when it must ring earlier than it is set for, and put right when it rings: a busy
/// connection that keeps all deadlines touches it once in a long while.
pub(super) async fn drive<C: Connection>(
    mut connection: Pin<&mut C>,
    pulse: Arc<Pulse>,
    deadlines: Deadlines,
    timer: Pin<&mut Sleep>,
    stop: &Stop,
) -> Outcome {
    let mut watch = Watch::new(pulse, deadlines, timer);
    let mut draining = pin!(stop.draining());
    let mut cutting = pin!(stop.cutting());
    let mut known = None;
    let mut finishing = false;
    poll_fn(|cx| {
        // Waiting for the stop takes a lock that all connections share, so it is done once for each task.
        if !known.as_ref().is_some_and(|waker| cx.waker().will_wake(waker)) {
            let _ = draining.as_mut().poll(cx);
            let _ = cutting.as_mut().poll(cx);
            known = Some(cx.waker().clone());
        }
        loop {
            if stop.is_cut() {
                return Poll::Ready(Outcome::Cut);
            }
            if stop.is_draining() && !finishing {
                finishing = true;
                connection.as_mut().finish();
            }
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(ended.map_or_else(|error| Outcome::Failed(error.into()), |()| Outcome::Done));
            }
            match std::task::ready!(watch.poll_expired(cx)) {
                Expired::Idle => {
                    watch.pulse.close();
                    connection.as_mut().finish();
                }
                Expired::Late(why) => return Poll::Ready(Outcome::Late(why)),
            }
        }
    })
    .await
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Done,
    Failed(BodyError),
    Late(Why),
    Cut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The head took too long.
    Head,
    /// The client does not take the answer.
    Write,
    /// The goodbye took too long.
    Close,
}

impl Why {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Head => "head too slow",
            Self::Write => "answer not taken",
            Self::Close => "close too slow",
        }
    }
}

/// How long each phase may last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadlines {
    head: Duration,
    idle: Duration,
    write: Duration,
    close: Duration,
    /// Looked at again so often while busy: an HTTP/2 answer ends in a task of its own, which wakes nobody here.
    glance: Option<Duration>,
}

impl Deadlines {
    pub(super) fn http1(limits: &Limits) -> Self {
        Self {
            head: limits.header_timeout,
            idle: limits.idle_timeout,
            write: limits.body_timeout,
            close: LINGER.min(limits.header_timeout),
            glance: None,
        }
    }

    /// An HTTP/2 connection that was told to go may still have to send the rest of its last answers.
    pub(super) fn http2(limits: &Limits) -> Self {
        let glance = Some(limits.idle_timeout / 4);
        Self { close: limits.body_timeout, glance, ..Self::http1(limits) }
    }
}

enum Expired {
    Idle,
    Late(Why),
}

struct Watch<'timer> {
    pulse: Arc<Pulse>,
    deadlines: Deadlines,
    timer: Pin<&'timer mut Sleep>,
    /// When the timer rings, if it is set.
    armed: Option<Instant>,
    /// What was going on when we looked last (phase, which request, socket full), and since when.
    last: (Phase, u32, bool),
    since: Instant,
    blocked: Option<(u32, Instant)>,
}

impl<'timer> Watch<'timer> {
    /// The timer was made for the first head when the connection was accepted, and may never have been waited for.
    fn new(pulse: Arc<Pulse>, deadlines: Deadlines, timer: Pin<&'timer mut Sleep>) -> Self {
        let since = timer.deadline().checked_sub(deadlines.head).unwrap_or_else(Instant::now);
        Self { pulse, deadlines, timer, armed: None, last: (Phase::Head, 0, false), since, blocked: None }
    }

    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Expired> {
        self.look();
        loop {
            let Some(due) = self.due() else {
                // Nothing is due. A timer that was set before may ring; it is put right then.
                if self.armed.is_some() && self.timer.is_elapsed() {
                    self.armed = None;
                }
                return Poll::Pending;
            };
            let rings = match self.armed {
                Some(armed) if armed <= due => self.timer.is_elapsed(),
                Some(_) | None => {
                    if self.timer.deadline() != due {
                        self.timer.as_mut().reset(due);
                    }
                    self.armed = Some(due);
                    // A task that has done much in its turn would be told to come again, and the timer not be set.
                    pin!(unconstrained(self.timer.as_mut())).poll(cx).is_ready()
                }
            };
            if !rings {
                return Poll::Pending;
            }
            self.armed = None;
            if due <= Instant::now() {
                match self.expired() {
                    Some(expired) => return Poll::Ready(expired),
                    None => self.since = Instant::now(),
                }
            }
        }
    }

    /// Takes the time when something changed since the last look and there is a wait that begins with it.
    fn look(&mut self) {
        let blocked = self.pulse.blocked();
        let now = (self.pulse.phase(), self.pulse.begun(), blocked.is_some());
        if now != self.last {
            self.last = now;
            if self.wait().is_some() {
                self.since = Instant::now();
            }
        }
        self.blocked = match (blocked, self.blocked) {
            (None, _) => None,
            (Some(wrote), Some((before, since))) if wrote == before => Some((before, since)),
            (Some(wrote), _) => Some((wrote, Instant::now())),
        };
    }

    /// While the socket is full the client is still taking an answer, whatever else we think is going on: only its
    /// pace counts. Every other wait begins when it has taken all.
    fn due(&self) -> Option<Instant> {
        if let Some((_, since)) = self.blocked {
            return since.checked_add(self.deadlines.write);
        }
        self.since.checked_add(self.wait()?)
    }

    fn wait(&self) -> Option<Duration> {
        match self.last.0 {
            Phase::Idle => Some(self.deadlines.idle),
            Phase::Head => Some(self.deadlines.head),
            Phase::Closing => Some(self.deadlines.close),
            Phase::Busy => self.deadlines.glance,
        }
    }

    /// Which deadline it was; `None` for a mere glance.
    fn expired(&self) -> Option<Expired> {
        if self.blocked.is_some() {
            return Some(Expired::Late(Why::Write));
        }
        match self.last.0 {
            Phase::Idle => Some(Expired::Idle),
            Phase::Head => Some(Expired::Late(Why::Head)),
            Phase::Closing => Some(Expired::Late(Why::Close)),
            Phase::Busy => None,
        }
    }
}

/// A client that still sends while we close is listened to for so long.
const LINGER: Duration = Duration::from_secs(2);
