//! A row is data: bytes in, a verdict, and what the upstream saw.
use std::time::Instant;

use super::client::check_own;
use super::frames::{DATA, END_HEADERS, END_STREAM, Frames, HEADERS, Taken, block, frame};
use super::{A_BUSY_SECOND, Answer, Gateway, Person, Raw, SOON, Seen, Upstream};

/// What one case of a table sends and what must come of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// The row of the catalogue it belongs to ("P04").
    pub(crate) id: &'static str,
    /// A request line and fields, each line ended by "\n" for reading, and after an empty line a body; `\x1e` is an LF alone. `@H` is our authority, and
    /// the cast says what the other names stand for: capitals and digits after an `@`, as many as there are. `Host`, the empty line, and the
    /// length of a body are added when they are missing.
    pub(crate) sends: &'static [u8],
    pub(crate) status: &'static [u16],
    pub(crate) saw: Saw,
    /// The connection is ended after the answer.
    pub(crate) closes: bool,
    /// What holds of the answer beside its status.
    pub(crate) says: fn(&Answer),
}

/// What the upstream may have seen of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Saw {
    /// Not one byte.
    Nothing,
    /// The beginning of a request perhaps, and never its end.
    NothingWhole,
    /// One request for exactly this path.
    Path(&'static str),
    /// One request of which this holds.
    One(fn(&Seen)),
    /// An endpoint of our own, or a backend: not what this row is about.
    Whatever,
}

impl Row {
    /// Refused as malformed, and the connection closed.
    pub(crate) const fn refused(id: &'static str, sends: &'static [u8]) -> Self {
        Self { id, sends, status: &[400], saw: Saw::Nothing, closes: true, says: anything }
    }

    /// Refused in another way.
    pub(crate) const fn stopped(id: &'static str, sends: &'static [u8], status: &'static [u16]) -> Self {
        Self { id, sends, status, saw: Saw::Nothing, closes: false, says: anything }
    }

    /// Forwarded, to exactly this path.
    pub(crate) const fn arrives(id: &'static str, sends: &'static [u8], path: &'static str) -> Self {
        Self { id, sends, status: &[200], saw: Saw::Path(path), closes: false, says: anything }
    }

    /// Forwarded, as `saw` says.
    pub(crate) const fn one(id: &'static str, sends: &'static [u8], saw: fn(&Seen)) -> Self {
        Self { id, sends, status: &[200], saw: Saw::One(saw), closes: false, says: anything }
    }

    /// Answered by the gateway itself, in these words.
    pub(crate) const fn said(
        id: &'static str,
        sends: &'static [u8],
        status: &'static [u16],
        says: fn(&Answer),
    ) -> Self {
        Self { says, ..Self::stopped(id, sends, status) }
    }

    /// Answered by the gateway itself.
    pub(crate) const fn answered(id: &'static str, sends: &'static [u8], status: &'static [u16]) -> Self {
        Self { id, sends, status, saw: Saw::Whatever, closes: false, says: anything }
    }
}

const fn anything(_: &Answer) {}

/// Where rows are played.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) upstream: Upstream,
    pub(crate) gateway: Gateway,
    pub(crate) alice: Person,
    pub(crate) bob: Person,
    /// What else stands for something in a row.
    pub(crate) cast: Vec<(&'static str, String)>,
}

impl Stage {
    pub(crate) fn open(upstream: Upstream, gateway: Gateway) -> Self {
        let (alice, bob) = (gateway.register("alice"), gateway.register("bob"));
        let cast = vec![
            ("@A", alice.access.clone()),
            ("@B", bob.access.clone()),
            ("@R", alice.refresh.clone()),
            ("@H", gateway.authority()),
        ];
        Self { upstream, gateway, alice, bob, cast }
    }

    /// Each row on a fresh connection, and again as the second request of a kept one; where it can be said in HTTP/2, there too.
    pub(crate) fn play(&self, rows: &[Row]) {
        for row in rows {
            let text = filled_in(row.sends, &self.cast);
            for kept in [false, true] {
                self.on_http1(row, &text, kept);
                if let Some(request) = framed(&text, &self.gateway.authority()) {
                    self.on_http2(row, &request, kept);
                }
            }
            self.stands(row.id);
        }
    }

    /// Rows that are one after the other, once.
    pub(crate) fn play_in_turn(&self, rows: &[Row]) {
        for row in rows {
            self.on_http1(row, &filled_in(row.sends, &self.cast), false);
            self.stands(row.id);
        }
    }

    /// The four standing assertions; where connections might have been confused, a second client asks for its own.
    pub(crate) fn stands(&self, id: &str) {
        self.gateway.stands(&self.upstream);
        if id.starts_with(['H', 'F', 'W']) {
            let answer = self.gateway.get("/app/own").bearer(&self.bob.access).send().expect(200);
            assert!(answer.text().contains("/app/own"), "after {id}: {}", answer.text());
            // What was cut before may be told of later.
            let own = self.upstream.seen().into_iter().rev().find(|seen| seen.target == "/app/own");
            assert_eq!(own.unwrap().field("x-user-name"), Some("bob"), "after {id}");
        }
    }

    fn on_http1(&self, row: &Row, text: &[u8], kept: bool) {
        let gateway = &self.gateway;
        self.upstream.forget();
        let mut raw = gateway.raw();
        if kept {
            gateway.get(&format!("{}/healthz", gateway.auth_prefix())).send_on(&mut raw).expect(200);
        }
        let about = format!("{} {:?} (kept: {kept})", row.id, String::from_utf8_lossy(row.sends));
        let before = self.upstream.bytes();
        raw.send(spell(text, &gateway.authority()));
        let answer = raw.answer_to(if row.sends.starts_with(b"HEAD ") { "HEAD" } else { "GET" });
        judge(row, gateway, &mut raw, answer, &about);
        if !row.closes {
            self.is_in_step(&mut raw, &about);
        }
        self.saw(row, &before, &about);
    }

    /// What comes next on the same connection is the next request, or the connection has ended.
    #[track_caller]
    fn is_in_step(&self, raw: &mut Raw, about: &str) {
        let begun = Instant::now();
        raw.send(self.gateway.get(&format!("{}/healthz", self.gateway.auth_prefix())).bytes());
        if let Some(next) = raw.answer() {
            assert_eq!(next.status, 200, "{about}: and the next request: {}", next.text());
            assert_eq!(next.json()["status"], "ok", "{about}: and the next request");
        }
        assert!(begun.elapsed() < A_BUSY_SECOND, "{about}: and the next request has no answer");
    }

    fn on_http2(&self, row: &Row, request: &Framed, kept: bool) {
        self.upstream.forget();
        let mut frames = Frames::open(&self.gateway);
        let mut stream = 1;
        if kept {
            let head = format!("GET {}/healthz HTTP/1.1", self.gateway.auth_prefix());
            let well = framed(head.as_bytes(), &self.gateway.authority()).unwrap();
            assert_eq!(frames.ask(stream, &well.fields()), Taken::Answered);
            stream += 2;
        }
        let about = format!("{} {:?} in HTTP/2 (kept: {kept})", row.id, String::from_utf8_lossy(row.sends));
        let before = self.upstream.bytes();
        let ends = if request.body.is_some() { END_HEADERS } else { END_HEADERS | END_STREAM };
        frames.wire.send(frame(HEADERS, ends, stream.into(), &block(&request.fields())));
        if let Some(body) = &request.body {
            frames.wire.send(frame(DATA, END_STREAM, stream.into(), body));
        }
        let fits = match frames.taken(stream) {
            Taken::Answered => row.status.contains(&200),
            Taken::Refused(status) => status.is_none_or(|status| row.status.contains(&status)) && row.status != [200],
            // What no frame of HTTP/2 may hold never becomes a request.
            Taken::Reset | Taken::Ended => row.status.iter().any(|status| [400, 405, 431, 501].contains(status)),
        };
        assert!(fits, "{about}");
        self.saw(row, &before, &about);
    }

    #[track_caller]
    fn saw(&self, row: &Row, before: &[Vec<u8>], about: &str) {
        let mut seen = self.upstream.seen();
        if matches!(row.saw, Saw::Path(_) | Saw::One(_)) {
            // What a row before this one began and never ended may be told of late.
            seen.retain(|seen| seen.whole || seen.connection >= before.len());
        }
        match row.saw {
            Saw::Whatever => {}
            Saw::Nothing => assert_eq!(self.upstream.bytes(), before, "{about}: the upstream saw bytes"),
            Saw::NothingWhole => assert!(seen.iter().all(|seen| !seen.whole), "{about}: {seen:#?}"),
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
}

#[track_caller]
fn judge(row: &Row, gateway: &Gateway, raw: &mut Raw, answer: Option<Answer>, about: &str) {
    let answer = answer.unwrap_or_else(|| panic!("no answer to {about}"));
    assert!(row.status.contains(&answer.status), "{about}: {} {}", answer.head.first, answer.text());
    if answer.is_own() && !row.sends.windows(6).any(|at| at == b"/auth/" || at == b"/.well") {
        let method = if row.sends.starts_with(b"HEAD ") { "HEAD" } else { "" };
        check_own(&answer, method, "", &gateway.auth_prefix());
    }
    (row.says)(&answer);
    if row.closes {
        assert!(raw.ends_within(SOON), "{about}: the connection stays open");
    }
}

/// The bytes of a row: lines of the head and of chunks end in CRLF, and what is missing is added. A body with a length is sent as it is.
fn spell(text: &[u8], authority: &str) -> Vec<u8> {
    let end = text.windows(2).position(|two| two == b"\n\n");
    let (head, body) = end.map_or((text, None), |at| (&text[..at], Some(&text[at + 2..])));
    let lower = head.to_ascii_lowercase();
    let has = |name: &[u8]| lower.windows(name.len()).any(|window| window == name);
    let mut bytes = Vec::new();
    for (index, line) in head.split(|&byte| byte == b'\n').enumerate() {
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(b"\r\n");
        if index == 0 {
            if !has(b"\nhost:") {
                bytes.extend_from_slice(format!("Host: {authority}\r\n").as_bytes());
            }
            if let Some(body) = body.filter(|_| !has(b"content-length") && !has(b"transfer-encoding")) {
                bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
            }
        }
    }
    bytes.extend_from_slice(b"\r\n");
    match body {
        Some(body) if has(b"transfer-encoding") => {
            bytes.extend_from_slice(&replace(body, b"\n", b"\r\n"));
            bytes.extend_from_slice(if body.ends_with(b"\n") { b"\r\n" } else { b"\r\n\r\n" });
        }
        Some(body) => bytes.extend_from_slice(body),
        None => {}
    }
    replace(&bytes, b"\x1e", b"\n")
}

/// A row as the fields of HTTP/2, when it can be said there.
struct Framed {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Framed {
    fn fields(&self) -> Vec<(&[u8], &[u8])> {
        self.fields.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect()
    }
}

/// `None`: what this row is about belongs to the lines of HTTP/1.
fn framed(text: &[u8], authority: &str) -> Option<Framed> {
    let end = text.windows(2).position(|two| two == b"\n\n");
    let (head, body) = end.map_or((text, None), |at| (&text[..at], Some(text[at + 2..].to_vec())));
    let mut lines = head.split(|&byte| byte == b'\n');
    let words: Vec<_> = lines.next()?.split(|&byte| byte == b' ').collect();
    let [method, target, b"HTTP/1.1"] = words[..] else { return None };
    // What follows a `#` never gets through the HPACK of our library: it has rows of its own.
    if !target.starts_with(b"/") || target.contains(&b'#') {
        return None;
    }
    let pseudo: [(&[u8], &[u8]); 4] =
        [(b":method", method), (b":scheme", b"http"), (b":path", target), (b":authority", authority.as_bytes())];
    let mut fields: Vec<_> = pseudo.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    for line in lines {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let name = line[..colon].to_ascii_lowercase();
        if OF_HTTP_1.contains(&name.as_slice()) {
            return None;
        }
        fields.push((name, line[colon + 1..].trim_ascii().to_vec()));
    }
    Some(Framed { fields, body })
}

const OF_HTTP_1: [&[u8]; 10] = [
    b"host",
    b"connection",
    b"content-length",
    b"transfer-encoding",
    b"te",
    b"trailer",
    b"upgrade",
    b"expect",
    b"keep-alive",
    b"",
];

/// Puts what the cast says in place of each name. Nobody's name is read as the beginning of another's, and what was put in is not read again.
#[track_caller]
pub(crate) fn filled_in(text: &[u8], cast: &[(&str, String)]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.iter().position(|&byte| byte == b'@') {
        let letters =
            rest[at + 1..].iter().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).count();
        let (before, name) = (&rest[..at], &rest[at..=at + letters]);
        out.extend_from_slice(before);
        if letters == 0 {
            out.push(b'@');
        } else {
            let known = cast.iter().find(|(known, _)| known.as_bytes() == name);
            let (_, value) = known.unwrap_or_else(|| panic!("nobody is cast as {}", String::from_utf8_lossy(name)));
            out.extend_from_slice(value.as_bytes());
        }
        rest = &rest[at + 1 + letters..];
    }
    out.extend_from_slice(rest);
    out
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
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
