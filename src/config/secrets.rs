//! `${NAME}`, `${NAME:-x}`, `${file:/path}` and `$$` in texts.
use std::fs::File;
use std::io::Read as _;

use super::environment::Environment;
use super::suggest::nearest;

/// A text after its references were followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// There was a reference.
    pub(super) referenced: bool,
    /// There was a reference to a file.
    pub(super) from_file: bool,
    /// Which attributes of a person stand in it, and before which byte: `${user.NAME}`.
    pub(super) attributes: Vec<(usize, String)>,
}

/// A reference that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    /// As it is written: `${NAME}`.
    pub(super) literal: String,
    pub(super) why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    Unset {
        name: String,
        similar: Option<String>,
    },
    Empty {
        name: String,
    },
    Malformed,
    /// There is another one in it.
    Nested,
    File {
        path: String,
        cause: String,
    },
}

/// Follows every reference; tells all that lead nowhere.
pub(super) fn expand(text: &str, environment: &Environment) -> Result<Expanded, Vec<Broken>> {
    let mut done = Expanded { text: String::with_capacity(text.len()), ..Expanded::default() };
    let mut broken = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        done.text.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            done.text.push('$');
            rest = after;
        } else if let Some(inside) = after.strip_prefix('{') {
            let Some((reference, after)) = inside.split_once('}') else {
                broken.push(Broken { literal: format!("${{{inside}"), why: Why::Malformed });
                rest = "";
                break;
            };
            rest = after;
            if reference.contains("${") {
                broken.push(Broken { literal: format!("${{{reference}}}"), why: Why::Nested });
                continue;
            }
            if let Some(name) = reference.strip_prefix(PERSON).filter(|name| is_attribute(name)) {
                done.attributes.push((done.text.len(), name.to_owned()));
                continue;
            }
            done.referenced = true;
            done.from_file |= reference.starts_with(FILE);
            match follow(reference, environment) {
                Ok(value) => done.text.push_str(&value),
                Err(why) => broken.push(Broken { literal: format!("${{{reference}}}"), why }),
            }
        } else {
            done.text.push('$');
            rest = after;
        }
    }
    done.text.push_str(rest);
    if broken.is_empty() { Ok(done) } else { Err(broken) }
}

/// The references of a text as they are written, without what stands in for one that is unset.
pub(super) fn references(text: &str) -> String {
    let pieces = text.split("${").skip(1).filter_map(|piece| piece.split_once('}'));
    let names = pieces.map(|(reference, _)| reference.split_once(":-").map_or(reference, |(name, _)| name));
    names.map(|name| format!("${{{name}}}")).collect()
}

fn follow(reference: &str, environment: &Environment) -> Result<String, Why> {
    if let Some(path) = reference.strip_prefix(FILE) {
        return content(path).map_err(|cause| Why::File { path: path.to_owned(), cause });
    }
    let (name, fallback) = match reference.split_once(":-") {
        Some((name, fallback)) => (name, Some(fallback)),
        None => (reference, None),
    };
    if !is_name(name) {
        return Err(Why::Malformed);
    }
    match (environment.variable(name), fallback) {
        (Some(value), _) if !value.is_empty() => Ok(value.to_owned()),
        (_, Some(fallback)) => Ok(fallback.to_owned()),
        (Some(_), None) => Err(Why::Empty { name: name.to_owned() }),
        (None, None) => {
            let similar = nearest(name, environment.names()).map(str::to_owned);
            Err(Why::Unset { name: name.to_owned(), similar })
        }
    }
}

/// What a file holds, without one newline at its end.
fn content(path: &str) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_SECRET_FILE + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_SECRET_FILE {
        return Err("is longer than 64 KiB".to_owned());
    }
    let mut text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text) }
}

fn is_attribute(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

const FILE: &str = "file:";
/// Before the name of an attribute of the person.
const PERSON: &str = "user.";
/// A key or a password is short; more is a mistake.
const MAX_SECRET_FILE: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn text(given: &str) -> Result<String, Vec<Broken>> {
        expand(given, &Environment::of([("NAME", "value"), ("EMPTY", ""), ("DB_PASSWORD", "x")])).map(|done| done.text)
    }

    #[test]
    fn references_are_followed() {
        assert_eq!(text("plain").unwrap(), "plain");
        assert_eq!(text("a${NAME}b${NAME}").unwrap(), "avaluebvalue");
        assert_eq!(text("${NO:-x}${EMPTY:-y}${NO:-}").unwrap(), "xy");
        assert_eq!(text("$$ $${NAME} $NAME 5$").unwrap(), "$ ${NAME} $NAME 5$");
    }

    #[test]
    fn references_are_told_without_what_stands_in_for_them() {
        assert_eq!(references("\"a${NAME}b${file:/x}\""), "${NAME}${file:/x}");
        assert_eq!(references("\"${NAME:-hunter2}\""), "${NAME}");
        assert_eq!(references("\"hunter2\""), "");
    }

    #[test] // C12
    fn what_is_unset_or_empty_is_an_error_and_never_an_empty_text() {
        let unset = Why::Unset { name: "DB_PASWORD".to_owned(), similar: Some("DB_PASSWORD".to_owned()) };
        assert_eq!(text("a${DB_PASWORD}").unwrap_err(), [Broken { literal: "${DB_PASWORD}".to_owned(), why: unset }]);
        assert_eq!(text("${EMPTY}").unwrap_err().len(), 1);
        assert_eq!(text("${EMPTY}${}${a b}${NO").unwrap_err().len(), 4);
    }

    #[test] // C12
    fn a_reference_holds_no_other_one() {
        for (given, literal) in [
            ("a${NAME:-${EMPTY}}", "${NAME:-${EMPTY}"),
            ("${NO:-${NAME}}b", "${NO:-${NAME}"),
            ("${file:/run/${NAME}}", "${file:/run/${NAME}"),
            ("${NO:-${user.team}}", "${NO:-${user.team}"),
            ("${NO:-$${}", "${NO:-$${}"),
        ] {
            let broken = Broken { literal: literal.to_owned(), why: Why::Nested };
            assert_eq!(text(given).unwrap_err(), [broken], "{given}");
        }
        assert_eq!(text("${NO:-$}$${NAME:-{x}").unwrap(), "$${NAME:-{x}");
    }

    #[test] // C12
    fn a_file_loses_one_newline_and_may_not_be_empty() {
        for (content, expected) in [
            ("s3cret\n", Some("s3cret")),
            ("s3cret\r\n", Some("s3cret")),
            ("a\n\n", Some("a\n")),
            ("\n", None),
            ("", None),
        ] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(content.as_bytes()).unwrap();
            let reference = format!("${{file:{}}}", file.path().display());
            assert_eq!(text(&reference).ok().as_deref(), expected, "{content:?}");
        }
        assert!(text("${file:/no/such/file}").is_err());
    }
}
