//! HTTP/2, field by field: the request is `GET /pub/x` but for what the row says.
use crate::support::frames::Taken;

pub(super) type Field = (&'static [u8], &'static [u8]);

#[derive(Debug, Clone, Copy)]
pub(super) struct FrameRow {
    pub(super) id: &'static str,
    /// Put in place of the pseudo-field of the same name; an empty name takes the one whose name is the value away; others are added.
    pub(super) changes: &'static [Field],
    /// Whether it may be taken so.
    pub(super) fits: fn(Taken) -> bool,
}

const fn reset(id: &'static str, changes: &'static [Field]) -> FrameRow {
    FrameRow { id, changes, fits: |taken| matches!(taken, Taken::Reset | Taken::Ended) }
}

const fn refused(id: &'static str, changes: &'static [Field]) -> FrameRow {
    FrameRow { id, changes, fits: |taken| taken == Taken::Refused(Some(400)) }
}

const fn not_answered(id: &'static str, changes: &'static [Field]) -> FrameRow {
    FrameRow { id, changes, fits: |taken| taken != Taken::Answered }
}

pub(super) const FRAMES: &[FrameRow] = &[
    FrameRow { id: "F01", changes: &[(b"te", b"trailers")], fits: |taken| taken == Taken::Answered },
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
    FrameRow { id: "F06", changes: &[(b":method", b"CONNECT")], fits: |taken| taken != Taken::Answered },
    refused("F07", &[(b"host", b"other")]),
    refused("F07", &[(b"host", b"u@g")]),
    refused("F07", &[(b":authority", b"u@g")]),
    not_answered("F07", &[(b":authority", b"")]),
    not_answered("F07", &[(b"", b":authority")]),
    refused("F09", &[(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")]),
    // h2 cuts a path at the `#` before we see it: what is left is what is matched, forwarded and logged.
    FrameRow { id: "P11", changes: &[(b":path", b"/app/x#/pub")], fits: |taken| taken == Taken::Refused(Some(401)) },
    FrameRow { id: "P11", changes: &[(b":path", b"/pub/x#/../app")], fits: |taken| taken == Taken::Answered },
    not_answered("P14", &[(b":method", b"G!#$")]),
];
