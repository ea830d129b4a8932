//! HTTP/2, field by field: the request is `GET /pub/x` but for what the row says.
use crate::support::Stage;
use crate::support::frames::{DATA, END_HEADERS, END_STREAM, Frames, HEADERS, Taken, block, fields, frame};

type Field = (&'static [u8], &'static [u8]);

#[derive(Debug, Clone, Copy)]
pub(super) struct FrameRow {
    pub(super) id: &'static str,
    /// Put in place of the pseudo-field of the same name; an empty name takes the one whose name is the value away; others are added.
    changes: &'static [Field],
    body: &'static [u8],
    trailers: &'static [Field],
    /// Whether it may be taken so.
    fits: fn(Taken) -> bool,
}

const fn row(id: &'static str, changes: &'static [Field], fits: fn(Taken) -> bool) -> FrameRow {
    FrameRow { id, changes, body: b"", trailers: &[], fits }
}

/// Three bytes of a body, and this length said.
const fn said(length: &'static [Field]) -> FrameRow {
    FrameRow { body: b"abc", ..not_answered("F08", length) }
}

/// What follows the body goes no further.
const fn followed(changes: &'static [Field], trailers: &'static [Field]) -> FrameRow {
    FrameRow { body: b"abc", trailers, ..row("F10", changes, |taken| taken == Taken::Answered) }
}

const fn reset(id: &'static str, changes: &'static [Field]) -> FrameRow {
    row(id, changes, |taken| matches!(taken, Taken::Reset | Taken::Ended))
}

const fn refused(id: &'static str, changes: &'static [Field]) -> FrameRow {
    row(id, changes, |taken| taken == Taken::Refused(Some(400)))
}

const fn not_answered(id: &'static str, changes: &'static [Field]) -> FrameRow {
    row(id, changes, |taken| taken != Taken::Answered)
}

pub(super) const FRAMES: &[FrameRow] = &[
    row("F01", &[(b"te", b"trailers")], |taken| taken == Taken::Answered),
    reset("F01", &[(b"connection", b"close")]),
    reset("F01", &[(b"keep-alive", b"1")]),
    reset("F01", &[(b"proxy-connection", b"x")]),
    reset("F01", &[(b"upgrade", b"h2c")]),
    reset("F01", &[(b"transfer-encoding", b"chunked")]),
    reset("F01", &[(b"te", b"gzip")]),
    reset("F02", &[(b":unknown", b"x")]),
    reset("F02", &[(b":status", b"200")]),
    reset("F02", &[(b"x", b"y"), (b":path2", b"/app")]),
    reset("F02", &[(b"", b":method")]),
    reset("F02", &[(b"", b":scheme")]),
    reset("F02", &[(b"", b":path")]),
    reset("F03", &[(b"x", b"a\r\nx-user-id: admin")]),
    reset("F03", &[(b"x", b"a\0")]),
    reset("F03", &[(b"X-User-Id", b"admin")]),
    reset("F03", &[(b"x:y", b"1")]),
    reset("F03", &[(b"x y", b"1")]),
    refused("F03", &[(b"x", b" y")]),
    refused("F03", &[(b"x", b"y\t")]),
    refused("F03", &[(b"x-user-id", b" admin ")]),
    not_answered("F04", &[(b":path", b"/a HTTP/1.1")]),
    not_answered("F04", &[(b":path", b"/a\r\nX: y")]),
    not_answered("F04", &[(b":path", b"http://e/app")]),
    not_answered("F04", &[(b":path", b"app")]),
    not_answered("F04", &[(b":path", b"")]),
    refused("F05", &[(b":path", b"*")]),
    not_answered("F05", &[(b":path", b"?x")]),
    row("F06", &[(b":method", b"CONNECT")], |taken| taken != Taken::Answered),
    refused("F07", &[(b"host", b"other")]),
    refused("F07", &[(b"host", b"u@g")]),
    refused("F07", &[(b":authority", b"u@g")]),
    not_answered("F07", &[(b":authority", b"")]),
    not_answered("F07", &[(b"", b":authority")]),
    said(&[(b"content-length", b"1")]),
    said(&[(b"content-length", b"10")]),
    said(&[(b"content-length", b"+3")]),
    said(&[(b"content-length", b"-3")]),
    said(&[(b"content-length", b"3, 3")]),
    said(&[(b"content-length", b"3"), (b"content-length", b"4")]),
    FrameRow { body: b"abc", ..row("F08", &[(b"content-length", b"3")], |taken| taken == Taken::Answered) },
    followed(&[], &[(b"x-user-id", b"admin"), (b"authorization", b"Bearer x")]),
    followed(&[(b"trailer", b"x-user-id")], &[(b"x-user-id", b"admin"), (b"x_user_id", b"admin")]),
    refused("F09", &[(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")]),
    // h2 cuts a path at the `#` before we see it: what is left is what is matched, forwarded and logged.
    row("P11", &[(b":path", b"/app/x#/pub")], |taken| taken == Taken::Refused(Some(401))),
    row("P11", &[(b":path", b"/pub/x#/../app")], |taken| taken == Taken::Answered),
    not_answered("P14", &[(b":method", b"G!#$")]),
];

#[test] // F
fn frames() {
    let stage = super::stage();
    for row in FRAMES {
        for kept in [false, true] {
            stage.upstream.forget();
            let before = stage.upstream.bytes();
            let taken = taken(&stage, row, kept);
            assert!((row.fits)(taken), "{} {:?} (kept: {kept}): {taken:?}", row.id, row.changes);
            let seen = stage.upstream.seen();
            if taken == Taken::Answered {
                let [seen] = seen.as_slice() else { panic!("{}: {seen:?}", row.id) };
                assert_eq!((seen.target.as_str(), seen.body.as_slice()), ("/pub/x", row.body), "{}", row.id);
                assert!(seen.trailers.is_empty() && seen.folded("trailer").is_empty(), "{}: {seen:?}", row.id);
                super::identity::nobody(seen);
            } else if row.body.is_empty() {
                assert!(stage.upstream.bytes() == before, "{}: the upstream saw bytes", row.id);
            } else {
                // Its beginning may have been on its way.
                assert!(seen.iter().all(|seen| !seen.whole), "{}: {seen:?}", row.id);
            }
        }
        stage.stands(row.id);
    }
}

fn taken(stage: &Stage, row: &FrameRow, kept: bool) -> Taken {
    let at = stage.gateway.authority();
    let mut frames = Frames::open(&stage.gateway);
    if kept {
        assert_eq!(frames.ask(1, &fields("GET", "/auth/healthz", &at, &[])), Taken::Answered);
    }
    let stream = if kept { 3 } else { 1 };
    let method = if row.body.is_empty() { "GET" } else { "POST" };
    let head = block(&changed(fields(method, "/pub/x", &at, &[]), row.changes));
    let ends = |last: bool| if last { END_STREAM } else { 0 };
    frames.wire.send(frame(HEADERS, END_HEADERS | ends(row.body.is_empty()), stream.into(), &head));
    if !row.body.is_empty() {
        frames.wire.send(frame(DATA, ends(row.trailers.is_empty()), stream.into(), row.body));
    }
    if !row.trailers.is_empty() {
        frames.wire.send(frame(HEADERS, END_HEADERS | END_STREAM, stream.into(), &block(row.trailers)));
    }
    frames.taken(stream)
}

fn changed<'a>(mut all: Vec<(&'a [u8], &'a [u8])>, changes: &'a [Field]) -> Vec<(&'a [u8], &'a [u8])> {
    for (name, value) in changes {
        if name.is_empty() {
            all.retain(|(known, _)| known != value);
        } else if let Some(known) = all.iter_mut().find(|(known, _)| known == name && known.starts_with(b":")) {
            known.1 = value;
        } else {
            all.push((name, value));
        }
    }
    all
}
