//! A row is data: bytes in, a verdict, and what the upstream saw.
use super::client::check_own;
use super::{Answer, Gateway, Person, Raw, SOON, Seen, Upstream};

/// What one case of a table sends and what must come of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// The row of the catalogue it belongs to ("P04").
    pub(crate) id: &'static str,
    /// A request line and fields, each line ended by "\n" for reading; `@A` is alice's token, `@H` our authority.
    /// `Host` is added unless the row has one, and so is the empty line, unless `exact`.
    pub(crate) sends: &'static [u8],
    pub(crate) status: &'static [u16],
    pub(crate) saw: Saw,
    /// The connection is ended after the answer.
    pub(crate) closes: bool,
}

/// What the upstream may have seen of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Saw {
    /// Not one byte.
    Nothing,
    /// One request for exactly this path.
    Path(&'static str),
    /// One request of which this holds.
    One(fn(&Seen)),
}

/// Runs a table twice: each row on a fresh connection, and again as the second request of a kept one.
pub(crate) fn run_rows(gateway: &Gateway, upstream: &Upstream, alice: &Person, rows: &[Row]) {
    for row in rows {
        for kept in [false, true] {
            upstream.forget();
            let mut raw = gateway.raw();
            if kept {
                gateway.get(&format!("{}/healthz", gateway.auth_prefix())).send_on(&mut raw).expect(200);
            }
            let bytes = spell(row.sends, gateway, alice);
            let about = format!("{} {:?} (kept: {kept})", row.id, String::from_utf8_lossy(row.sends));
            let connections = upstream.bytes();
            raw.send(&bytes);
            let answer = raw.answer_to(if row.sends.starts_with(b"HEAD ") { "HEAD" } else { "GET" });
            judge(row, gateway, &mut raw, answer, &about);
            saw(row, upstream, &connections, &about);
            gateway.stands(upstream);
        }
    }
}

#[track_caller]
fn judge(row: &Row, gateway: &Gateway, raw: &mut Raw, answer: Option<Answer>, about: &str) {
    let answer = answer.unwrap_or_else(|| panic!("no answer to {about}"));
    assert!(row.status.contains(&answer.status), "{about}: {} {}", answer.head.first, answer.text());
    if answer.is_own() {
        let method = if row.sends.starts_with(b"HEAD ") { "HEAD" } else { "" };
        check_own(&answer, method, "", &gateway.auth_prefix());
    }
    if row.closes {
        assert!(raw.ends_within(SOON), "{about}: the connection stays open");
    }
}

#[track_caller]
fn saw(row: &Row, upstream: &Upstream, before: &[Vec<u8>], about: &str) {
    let seen = upstream.seen();
    match row.saw {
        Saw::Nothing => assert_eq!(upstream.bytes(), before, "{about}: the upstream saw bytes"),
        Saw::Path(path) => {
            assert_eq!(seen.len(), 1, "{about}: {seen:#?}");
            assert_eq!(seen[0].path(), path, "{about}");
        }
        Saw::One(holds) => {
            assert_eq!(seen.len(), 1, "{about}: {seen:#?}");
            holds(&seen[0]);
        }
    }
}

/// The bytes of a row: lines end in CRLF, the tokens and the authority are filled in.
fn spell(text: &[u8], gateway: &Gateway, alice: &Person) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(b"\r\n");
        if index == 0 && !text.to_ascii_lowercase().windows(6).any(|window| window == b"\nhost:") {
            bytes.extend_from_slice(b"Host: @H\r\n");
        }
    }
    bytes.extend_from_slice(b"\r\n");
    let bytes = replace(&bytes, b"@A", alice.access.as_bytes());
    replace(&bytes, b"@H", gateway.authority().as_bytes())
}

pub(crate) fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}
