//! One answer, read without belief: bounded, and whole when its own framing says so.
use serde_json::Value;

/// What came back.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// How far the bytes so far go.
#[derive(Debug)]
pub(super) enum Read {
    Whole(Answer),
    More,
    Nonsense,
}

impl Answer {
    /// What the bytes are, while more may come.
    pub(super) fn read(bytes: &[u8], method: &str) -> Read {
        let (mut answer, rest) = match head(bytes) {
            Head::Whole(answer, rest) => (answer, rest),
            Head::More => return Read::More,
            Head::Nonsense => return Read::Nonsense,
        };
        let length = answer.field("content-length").and_then(|length| length.parse::<usize>().ok());
        let bodiless = method == "HEAD" || matches!(answer.status, 101 | 204 | 304);
        match length {
            _ if bodiless => {}
            _ if answer.is_chunked() => match unchunk(rest) {
                (body, true) => answer.body = body,
                (_, false) => return Read::More,
            },
            Some(length) => match rest.get(..length) {
                Some(body) => answer.body = body.to_vec(),
                None => return Read::More,
            },
            None => return Read::More,
        }
        Read::Whole(answer)
    }

    /// What the bytes are when no more come: a body may have been cut.
    pub(super) fn ended(bytes: &[u8], method: &str) -> Option<Self> {
        if let Read::Whole(answer) = Self::read(bytes, method) {
            return Some(answer);
        }
        let Head::Whole(mut answer, rest) = head(bytes) else { return None };
        answer.body = if answer.is_chunked() { unchunk(rest).0 } else { rest.to_vec() };
        Some(answer)
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn is_chunked(&self) -> bool {
        self.field("transfer-encoding").is_some_and(|codings| codings.to_ascii_lowercase().ends_with("chunked"))
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether a word stands in the head or the body, however its letters are written.
    pub(super) fn says(&self, word: &str) -> bool {
        let word = word.to_ascii_lowercase();
        let body = String::from_utf8_lossy(&self.body).to_ascii_lowercase();
        body.contains(&word) || self.fields.iter().any(|(_, value)| value.to_ascii_lowercase().contains(&word))
    }
}

enum Head<'b> {
    Whole(Answer, &'b [u8]),
    More,
    Nonsense,
}

/// The final head; interim ones (1xx) before it are passed over.
fn head(mut bytes: &[u8]) -> Head<'_> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let length = match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Head::More,
            Err(_) => return Head::Nonsense,
        };
        let status = response.code.unwrap_or_default();
        let rest = bytes.get(length..).unwrap_or_default();
        if (100..200).contains(&status) && status != 101 {
            bytes = rest;
            continue;
        }
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let fields = response.headers.iter().map(|field| (field.name.to_owned(), text(field.value))).collect();
        return Head::Whole(Answer { status, fields, body: Vec::new() }, rest);
    }
}

/// What the chunks hold so far, and whether the last one is there.
fn unchunk(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Ok(httparse::Status::Complete((begin, size))) = httparse::parse_chunk_size(bytes) {
        if size == 0 {
            return (body, true);
        }
        let Ok(size) = usize::try_from(size) else { break };
        let rest = bytes.get(begin..).unwrap_or_default();
        body.extend_from_slice(rest.get(..size).unwrap_or(rest));
        let Some(next) = size.checked_add(2).and_then(|end| rest.get(end..)) else { break };
        bytes = next;
    }
    (body, false)
}

const MAX_FIELDS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> Answer {
        let Read::Whole(answer) = Answer::read(bytes, "GET") else { panic!("not whole") };
        answer
    }

    #[test]
    fn an_answer_is_whole_when_its_framing_says_so() {
        let answer =
            whole(b"HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nhi-and-more");
        assert_eq!((answer.status, answer.body.as_slice()), (401, b"hi".as_slice()));
        let answer = whole(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n");
        assert_eq!(answer.body, b"abcde");
        assert!(matches!(Answer::read(b"HTTP/1.1 204 No\r\n\r\n", "GET"), Read::Whole(_)));
        assert!(matches!(Answer::read(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD"), Read::Whole(_)));
    }

    #[test]
    fn what_is_cut_is_read_as_far_as_it_came_and_nonsense_is_none() {
        for cut in
            ["HTTP/1.1 2", "HTTP/1.1 200 OK\r\n\r\nab", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"]
        {
            assert!(matches!(Answer::read(cut.as_bytes(), "GET"), Read::More), "{cut}");
        }
        assert_eq!(Answer::ended(b"HTTP/1.1 200 OK\r\n\r\nab", "GET").unwrap().body, b"ab");
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab";
        assert_eq!(Answer::ended(chunked, "GET").unwrap().body, b"ab");
        assert!(matches!(Answer::read(b"SSH-2.0-OpenSSH\r\n", "GET"), Read::Nonsense));
        assert!(Answer::ended(b"", "GET").is_none());
        let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nab";
        assert!(matches!(Answer::read(endless, "GET"), Read::More));
    }
}
