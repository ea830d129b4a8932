//! HTTP/1 framing: where a request ends is beyond doubt.
use crate::support::{Row, Saw, Seen};

/// Framed by the gateway: one length or one `chunked`, and nothing that looks like either.
fn framed(seen: &Seen) {
    let lengths = seen.folded("content-length").len();
    let codings = seen.folded("transfer-encoding");
    assert!(lengths + codings.len() <= 1, "{:#?}", seen.head);
    assert!(codings.iter().all(|coding| *coding == "chunked"), "{:#?}", seen.head);
    assert!(seen.whole);
}

fn abc(seen: &Seen) {
    framed(seen);
    assert_eq!(seen.body, b"abc");
}

fn own_host(seen: &Seen) {
    framed(seen);
    assert!(seen.head.first.ends_with("HTTP/1.1"), "{}", seen.head.first);
    assert_eq!(seen.all("host").len(), 1);
}

fn no_expect(seen: &Seen) {
    abc(seen);
    assert!(seen.folded("expect").is_empty());
}

pub(super) const ROWS: &[Row] = &[
    Row::refused("H01", b"POST /pub HTTP/1.1\nContent-Length: 6\nTransfer-Encoding: chunked\n\n0\n\nX"),
    Row::refused("H01", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\nContent-Length: 6\n\n0\n\nX"),
    Row::refused(
        "H01",
        b"POST /pub HTTP/1.1\nContent-Length: 4\nTransfer-Encoding: chunked\n\n0\n\nGET /app/admin HTTP/1.1\nHost: @H\n",
    ),
    Row::refused("H02", b"POST /pub HTTP/1.1\nTransfer-Encoding: gzip, chunked\n\n0\n"),
    Row::refused("H02", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked, chunked\n\n0\n"),
    Row::refused("H02", b"POST /pub HTTP/1.1\nTransfer-Encoding: identity\nTransfer-Encoding: chunked\n\n0\n"),
    Row::refused("H02", b"POST /pub HTTP/1.1\nTransfer-Encoding: foo;b=\"x, chunked\", chunked\n\n0\n"),
    Row::refused("H03", b"POST /pub HTTP/1.1\nTransfer-Encoding: xchunked\n\n0\n"),
    Row::refused("H03", b"POST /pub HTTP/1.1\nTransfer-Encoding: \x0bchunked\n\n0\n"),
    Row::refused("H03", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked;x=1\n\n0\n"),
    Row::refused("H03", b"POST /pub HTTP/1.1\nTransfer-Encoding: \n\n0\n"),
    Row::refused("H03", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\nTransfer-Encoding: identity\n\n0\n"),
    Row::refused("H03", b"POST /pub HTTP/1.0\nTransfer-Encoding: chunked\n\n0\n"),
    Row::refused("H04", b"POST /pub HTTP/1.1\nContent-Length: +3\n\nabc"),
    Row::refused("H04", b"POST /pub HTTP/1.1\nContent-Length: -1\n\nabc"),
    Row::refused("H04", b"POST /pub HTTP/1.1\nContent-Length: 0x3\n\nabc"),
    Row::refused("H04", b"POST /pub HTTP/1.1\nContent-Length: 3, 3\n\nabc"),
    Row::refused("H04", b"POST /pub HTTP/1.1\nContent-Length: 3 3\n\nabc"),
    Row::refused("H04", b"POST /pub HTTP/1.1\nContent-Length: \n\nabc"),
    Row::refused("H04", b"POST /pub HTTP/1.1\nContent-Length: 99999999999999999999\n\nabc"),
    Row::refused("H04", b"POST /pub HTTP/1.1\nContent-Length: 3\nContent-Length: 4\n\nabc"),
    Row::refused("H05", b"POST /pub HTTP/1.1\nContent-Length: 3\nContent-Length: 3\n\nabc"),
    Row::refused("H05", b"POST /pub HTTP/1.1\nContent-Length: 3\nContent-Length: 03\n\nabc"),
    Row::one("H06", b"POST /pub HTTP/1.1\nContent-Length: 3\nContent_Length: 99\nTransfer.Encoding: chunked\n\nabc", abc),
    broken("H07", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\n\n3\x1eabc\n0\n"),
    broken("H07", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\n\n3;a\x1eabc\n0\n"),
    broken("H07", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\n\n3\nabc\x1e0\n"),
    broken("H07", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\n\n3\rabc\n0\n"),
    broken("H07", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\n\n0\x1e\x1e"),
    broken("H08", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\n\n 3\nabc\n0\n"),
    broken("H08", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\n\n0x3\nabc\n0\n"),
    broken("H08", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\n\n0_3\nabc\n0\n"),
    broken("H08", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\n\n11111111111111111\nabc\n0\n"),
    broken("H08", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\n\n-3\nabc\n0\n"),
    Row::one("H08", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\n\n3 \nabc\n0\n", abc),
    Row::one("H08", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\n\n00000000000000000000003;x=y\nabc\n0\n", abc),
    Row::refused("H09", b"GET /pub HTTP/1.1\x1eX: y"),
    Row::refused("H09", b"GET /pub HTTP/1.1\nX: y\x1eZ: z"),
    Row::refused("H09", b"GET /pub HTTP/1.1\nX: y\n\x1e"),
    Row::refused("H09", b"GET /pub HTTP/1.1\x1eHost: @H\x1e\x1e"),
    Row::refused("H10", b"GET /pub HTTP/1.1\nX: a\n folded"),
    Row::refused("H10", b"GET /pub HTTP/1.1\n X: a"),
    Row::refused("H10", b"GET /pub HTTP/1.1\nX : a"),
    Row::refused("H10", b"GET /pub HTTP/1.1\nX\t: a"),
    Row::refused("H10", b"GET /pub HTTP/1.1\nno colon"),
    Row::refused("H10", b"GET /pub HTTP/1.1\n: empty"),
    Row::refused("H10", b"GET /pub HTTP/1.1\nX: a\0b"),
    Row::refused("H10", b"GET /pub HTTP/1.1\nX: a\x01b"),
    Row::refused("H10", b"GET /pub HTTP/1.1\nX: a\rb"),
    Row::refused("H10", b"GET /pub HTTP/1.1\nX\xc3\xa9: a"),
    Row::refused("H11", b"GET /pub HTTP/1.1\nHost: g\nHost: g"),
    Row::refused("H11", b"GET /pub HTTP/1.1\nHost: "),
    Row::refused("H11", b"GET /pub HTTP/1.1\nHost: a b@c/d?e#f"),
    Row::refused("H11", b"GET /pub HTTP/1.1\nHost: u@g"),
    Row::refused("H11", b"GET /pub HTTP/1.1\nHost: g:99999"),
    Row::one("H18", b"GET /pub HTTP/1.0\nConnection: close", own_host),
    Row::refused("H18", b"GET  /pub HTTP/1.1"),
    Row::refused("H18", b"GET\t/pub HTTP/1.1"),
    Row::refused("H18", b"GET /pub HTTP/1.2"),
    Row::refused("H18", b"GET /pub http/1.1"),
    Row::refused("H18", b"GET /p\x01ub HTTP/1.1"),
    Row::one(
        "H15",
        b"POST /app HTTP/1.1\nAuthorization: Bearer @A\nExpect: 100-continue\nContent-Length: 3\n\nabc",
        no_expect,
    ),
    Row { closes: false, ..Row::stopped("H15", b"POST /app HTTP/1.1\nAuthorization: Bearer @A\nExpect: y 100-continue\nContent-Length: 3\n\nabc", &[417]) },
    Row::refused("T23", b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nAuthorization: Bearer @A"),
];

/// A body that nobody reads is nobody's request: `@INNER` is one, with alice's token.
pub(super) const UNREAD: &[Row] = &[
    Row::one("H12", b"GET /pub/x HTTP/1.1\n\nabc", abc),
    Row::one("H12", b"DELETE /pub/x HTTP/1.1\n\nabc", abc),
    Row::one("H12", b"OPTIONS /pub/x HTTP/1.1\n\nabc", abc),
    Row::one("H12", b"HEAD /pub/x HTTP/1.1\n\nabc", abc),
    Row::one("H12", b"GET /pub/x HTTP/1.1\nTransfer-Encoding: chunked\n\n3\nabc\n0\n", abc),
    Row::stopped("H13", b"POST /app/x HTTP/1.1\n\n@INNER", &[401]),
    Row::stopped("H13", b"POST /app/x HTTP/1.1\nAuthorization: Bearer x\n\n@INNER", &[401]),
    Row::stopped("H13", b"POST /app/admin HTTP/1.1\nAuthorization: Bearer @A\n\n@INNER", &[403]),
    Row::stopped("H13", b"POST /auth/logout HTTP/1.1\nContent-Type: application/json\n\n@INNER", &[400, 401]),
    Row::stopped("H13", b"POST /auth/logout HTTP/1.1\nContent-Type: text/plain\n\n@INNER", &[401, 415]),
    Row::stopped("H13", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n@INNER", &[400]),
    Row::stopped("H13", b"POST /auth/healthz HTTP/1.1\n\n@INNER", &[405]),
    Row::stopped("H13", b"POST /nowhere HTTP/1.1\n\n@INNER", &[404]),
    Row::refused("H13", b"POST /pub/../x HTTP/1.1\n\n@INNER"),
    too_large("H17", b"GET /pub HTTP/1.1\n@101FIELDS"),
    too_large("H17", b"GET /pub HTTP/1.1\nX: @500KB"),
    too_large("H17", b"GET /pub/@70KB HTTP/1.1"),
    too_large("H17", b"GET /pub HTTP/1.1\nCookie: @64KB"),
    Row { closes: true, ..Row::stopped("R07", b"POST /pub/x HTTP/1.1\nContent-Length: 1073741824\n\nx", &[413]) },
    Row { closes: true, ..Row::stopped("R07", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nContent-Length: 1073741824\n\n{", &[413]) },
    Row { closes: true, ..Row::stopped("R07", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nTransfer-Encoding: chunked\n\n20000\n@70KB@70KB", &[413]) },
];

const fn too_large(id: &'static str, sends: &'static [u8]) -> Row {
    Row { closes: true, ..Row::stopped(id, sends, &[414, 431]) }
}

/// Bodies whose rest never comes, for a second.
pub(super) const SLOW: &[Row] = &[
    slow(b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nContent-Length: 50\n\n{\""),
    slow(b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nTransfer-Encoding: chunked\n\n20\n{"),
    slow(b"POST /pub/x HTTP/1.1\nContent-Length: 50\n\nab"),
    slow(b"POST /pub/x HTTP/1.1\nTransfer-Encoding: chunked\n\n20\nab"),
    slow(b"POST /app/x HTTP/1.1\nAuthorization: Bearer @A\nContent-Length: 50\n\nab"),
];

const fn slow(sends: &'static [u8]) -> Row {
    Row { closes: true, saw: Saw::NothingWhole, ..Row::stopped("R03", sends, &[408]) }
}

const fn broken(id: &'static str, sends: &'static [u8]) -> Row {
    Row { saw: Saw::NothingWhole, ..Row::refused(id, sends) }
}
