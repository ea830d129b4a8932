//! The mask that keeps a secret from being drawn with a finding or shown by `check --show`.

/// The text of a file with every secret that stands in it replaced by stars, byte for byte, so that places stay true.
///
/// It goes by the names of keys and not by the tree, because a file with a slip in its syntax is drawn too.
pub(super) fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut table = Table::Other;
    let mut inside: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        let line = mask_passwords(line);
        let line = line.as_str();
        if let Some(end) = inside {
            let (value, after) = line.split_once(end).map_or((line, None), |(value, after)| (value, Some(after)));
            stars(value, &mut masked);
            if let Some(after) = after {
                masked.push_str(end);
                mask_names(after, &mut masked);
                table.goes_on(after);
                inside = None;
            }
            continue;
        }
        if line.trim_start().starts_with('[') {
            table = Table::under(line);
        }
        inside = match table {
            Table::Other => mask_line(line, &mut table, &mut masked),
            Table::Headers | Table::Braces(_) => {
                table.goes_on(line);
                mask_names(line, &mut masked)
            }
        };
    }
    masked
}

/// Which table the next line belongs to.
#[derive(Debug, Clone, Copy)]
enum Table {
    Other,
    /// `[routes.set_request_headers]`: what a header holds may be a key or a password.
    Headers,
    /// The same in braces that so many lines did not close.
    Braces(usize),
}

impl Table {
    /// What begins with a header such as `[routes.set_request_headers]`.
    fn under(header: &str) -> Self {
        let name = header.trim_start().trim_start_matches('[').split(']').next().unwrap_or_default();
        match name.rsplit_once('.') {
            Some((tables, last)) if has_headers(last) && !tables.contains("upstreams") => Self::Headers,
            _ => Self::Other,
        }
    }

    /// Counts the braces and brackets of one more line.
    fn goes_on(&mut self, line: &str) {
        let Self::Braces(depth) = self else { return };
        let open = outside(line).fold(*depth, |depth, (_, letter)| match letter {
            '{' | '[' => depth + 1,
            '}' | ']' => depth.saturating_sub(1),
            _ => depth,
        });
        *self = if open == 0 { Self::Other } else { Self::Braces(open) };
    }
}

/// Masks what stands after `secret =`; gives the closing quotes when the value goes on in the next line.
fn mask_line(line: &str, table: &mut Table, masked: &mut String) -> Option<&'static str> {
    for (at, _) in line.match_indices('=') {
        let (before, after) = line.split_at_checked(at)?;
        let value = after.get(1..).unwrap_or_default();
        let path = before.rsplit(['{', ',', '=']).next().unwrap_or_default();
        let (tables, key) = path.rsplit_once('.').unwrap_or(("", path));
        let key = key.trim_end().trim_end_matches(['"', '\'']);
        let key = key.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).next().unwrap_or_default();
        let is_secret = is_secret_key(key) && !matches!(value.trim(), "true" | "false");
        let begins = value.trim_start().chars().next();
        // One header as a text, as other programs write it: "Name: value".
        let is_header = sets_headers(key) && matches!(begins, Some('"' | '\''));
        if is_secret || is_header || (is_key(tables) && has_headers(tables)) {
            masked.push_str(before);
            masked.push('=');
            stars(value, masked);
            return unclosed(value);
        }
        if (has_headers(key) && begins == Some('{') || sets_headers(key) && begins == Some('['))
            && let Some(inside) = value.trim_start().get(1..)
        {
            *table = Table::Braces(1);
            table.goes_on(inside);
            masked.push_str(line.strip_suffix(inside)?);
            return mask_names(inside, masked);
        }
    }
    masked.push_str(line);
    None
}

/// Masks every value of `NAME = VALUE, NAME = VALUE`; gives the closing quotes when the last one goes on.
fn mask_names(line: &str, masked: &mut String) -> Option<&'static str> {
    let mut rest = line;
    while begins_with_key(rest)
        && let Some((key, value)) = rest.split_once('=')
    {
        masked.push_str(key);
        masked.push('=');
        let ends = |(at, letter): &(usize, char)| *letter == ',' && value.get(at + 1..).is_some_and(begins_with_key);
        let end = outside(value).find(ends).map_or(value.len(), |(at, _)| at + 1);
        let (value, behind) = value.split_at_checked(end).unwrap_or((value, ""));
        stars(value, masked);
        if behind.is_empty() {
            return unclosed(value);
        }
        rest = behind;
    }
    if rest.trim_start().starts_with('[') {
        masked.push_str(rest)
    } else {
        stars(rest, masked)
    }
    None
}

/// `name =`, also in quotes.
fn begins_with_key(text: &str) -> bool {
    text.split_once('=').is_some_and(|(key, _)| is_key(key))
}

fn is_key(text: &str) -> bool {
    let key = text.trim();
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.\"'".contains(&byte))
}

/// The quotes of a text of several lines that this one only begins.
fn unclosed(value: &str) -> Option<&'static str> {
    ["\"\"\"", "'''"].into_iter().find(|quotes| value.matches(quotes).count() == 1)
}

/// Masks the password in `scheme://name:password@host`, wherever one stands in a line of the file. A password that
/// should have been escaped may hold anything, so it ends at the last `@` of its value.
fn mask_passwords(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut open = None;
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        masked.push_str(before);
        masked.push_str("://");
        open = quotes_after(open, before);
        let end = open.map_or(after.len(), |quotes| end_of_value(after, quotes));
        let (value, behind) = after.split_at_checked(end).unwrap_or((after, ""));
        match login(value) {
            Some((name, password, host)) => {
                masked.push_str(name);
                masked.push(':');
                stars(password, &mut masked);
                masked.push('@');
                masked.push_str(host);
            }
            None => masked.push_str(value),
        }
        rest = behind;
    }
    masked.push_str(rest);
    masked
}

/// Name, password and host of what follows `://`.
fn login(value: &str) -> Option<(&str, &str, &str)> {
    let (login, host) = value.rsplit_once('@')?;
    let (name, password) = login.split_once(':')?;
    Some((name, password, host))
}

/// The quotes that are open behind `text` when `open` were before it.
fn quotes_after(mut open: Option<&'static str>, text: &str) -> Option<&'static str> {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let step = match open {
            Some(quotes) if rest.starts_with(quotes) => {
                open = None;
                quotes.len()
            }
            Some(quotes) if first == '\\' && quotes.starts_with('"') => 2,
            Some(_) => first.len_utf8(),
            None => {
                open = QUOTES.into_iter().find(|quotes| rest.starts_with(quotes));
                open.map_or(first.len_utf8(), str::len)
            }
        };
        rest = rest.get(step..).unwrap_or_default();
    }
    open
}

/// Where a value ends: at the quotes that opened it, where nothing but the next value or a comment can follow.
fn end_of_value(text: &str, quotes: &str) -> usize {
    let ends = |at: &usize| {
        let (before, after) = text.split_at_checked(*at).unwrap_or((text, ""));
        let after = after.get(quotes.len()..).unwrap_or_default().trim_start();
        !before.ends_with('\\') && (after.is_empty() || after.starts_with([',', ']', '}', '#']))
    };
    text.match_indices(quotes).map(|(at, _)| at).find(ends).unwrap_or(text.len())
}

/// The letters that stand in no quotes and no comment, each with its place.
fn outside(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    let mut escaped = false;
    let mut comment = false;
    text.char_indices().filter(move |(_, letter)| {
        match quote {
            Some('"') if escaped => escaped = false,
            Some('"') if *letter == '\\' => escaped = true,
            Some(open) if open == *letter => quote = None,
            Some(_) => {}
            None if matches!(letter, '"' | '\'') => quote = Some(*letter),
            None => {
                comment |= *letter == '#';
                return !comment;
            }
        }
        false
    })
}

/// Stars for everything but white space, quotes, and references with their names.
fn stars(value: &str, masked: &mut String) {
    let mut rest = value;
    while let Some(first) = rest.chars().next() {
        if let Some((reference, after)) = rest.strip_prefix("${").and_then(|inside| inside.split_once('}')) {
            let name = [":-", "${"].iter().filter_map(|end| reference.find(end)).min().unwrap_or(reference.len());
            let (name, hidden) = reference.split_at_checked(name).unwrap_or(("", reference));
            masked.push_str("${");
            masked.push_str(name);
            hidden.chars().for_each(|hidden| star(hidden, masked));
            masked.push('}');
            rest = after;
            continue;
        }
        star(first, masked);
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
}

fn star(letter: char, masked: &mut String) {
    if letter.is_whitespace() || matches!(letter, '"' | '\'' | '}') {
        masked.push(letter);
    } else {
        masked.extend(std::iter::repeat_n('*', letter.len_utf8()));
    }
}

/// A value as it may be shown: without the password of `scheme://name:password@host`.
pub(super) fn without_password(value: &str) -> String {
    let shown = value.split_once("://").and_then(|(scheme, rest)| {
        let (name, password, host) = login(rest)?;
        Some(format!("{scheme}://{name}:{}@{host}", hidden(password)))
    });
    shown.unwrap_or_else(|| value.to_owned())
}

/// `***` for everything but references, which are shown by their names.
pub(super) fn hidden(written: &str) -> String {
    let mut shown = String::new();
    let mut literal = false;
    let mut rest = written;
    while let Some((before, after)) = rest.split_once('$') {
        literal |= !before.is_empty();
        let inside = after.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let Some((reference, behind)) = inside else {
            literal = true;
            rest = after.strip_prefix('$').unwrap_or(after);
            continue;
        };
        shown.push_str(if literal { HIDDEN } else { "" });
        literal = false;
        let (name, fallback) = reference.split_once(":-").map_or((reference, ""), |(name, _)| (name, ":-***"));
        shown.push_str(&format!("${{{name}{fallback}}}"));
        rest = behind;
    }
    shown.push_str(if literal || !rest.is_empty() { HIDDEN } else { "" });
    shown
}

/// "secret", "client_secret", "password", and slips of the pen near them.
pub(super) fn is_secret_key(key: &str) -> bool {
    if key.starts_with("encrypt_") {
        return true;
    }
    let last = key.rsplit(['_', '-']).next().unwrap_or_default().to_ascii_lowercase();
    ["secret", "password", "passphrase"].iter().any(|name| strsim::damerau_levenshtein(&last, name) <= 2)
}

/// `set_request_headers`, and what may have been meant to be it.
fn has_headers(key: &str) -> bool {
    key.to_ascii_lowercase().contains("header")
}

/// The same without those that only name headers.
fn sets_headers(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.contains("header")
        && (key.contains("set") || key.contains("headers"))
        && !key.contains("remove")
        && key != "headers"
}

/// Stands for a secret.
pub(super) const HIDDEN: &str = "***";
/// The longer ones first: they begin with the shorter.
const QUOTES: [&str; 4] = ["\"\"\"", "'''", "\"", "'"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_name_of_a_secret_is_not_drawn() {
        for (line, shown) in [
            ("secret = \"hunter2\" # x", "secret = \"*******\" * *"),
            ("secret = hunter2", "secret = *******"),
            ("[keys]\nsecert = \"h\"", "[keys]\nsecert = \"*\""),
            ("secret = \"${A}${B:-hunter2}\"", "secret = \"${A}${B*********}\""),
            ("secret = \"${A:-${hunter2}}\"", "secret = \"${A***********}}\""),
            ("secret = \"${A${hunter2}}\"", "secret = \"${A*********}}\""),
            ("keys = { secret = \"ab\" }", "keys = { secret = \"**\" }"),
            ("secret = \"\"\"\nhunter2\n\"\"\"\na = 1", "secret = \"\"\"\n*******\n\"\"\"\na = 1"),
            ("encrypt_with = \"hunter2\"", "encrypt_with = \"*******\""),
            ("password_grant = true", "password_grant = true"),
            ("[passwords]\nmin_length = 8", "[passwords]\nmin_length = 8"),
            ("url = \"postgres://gw:hunter2@db/x\"", "url = \"postgres://gw:*******@db/x\""),
            ("url = \"postgres://gw:${PW}@db/x\"", "url = \"postgres://gw:${PW}@db/x\""),
            ("url = \"postgres://gw:hunt'er/2@db/x\" # x@y", "url = \"postgres://gw:****'****@db/x\" # x@y"),
            ("url = \"postgres://gw:hunt\"er 2@db/x\"", "url = \"postgres://gw:****\"** *@db/x\""),
            ("url = 'redis://:hunt\"er2@db'", "url = 'redis://:****\"***@db'"),
            ("url = redis://:hunter2@db", "url = redis://:*******@db"),
            ("a = [\"http://a:1\", \"http://b:2\"] # x@y", "a = [\"http://a:1\", \"http://b:2\"] # x@y"),
            ("a = \"http://127.0.0.1:80\" # x@y", "a = \"http://127.0.0.1:80\" # x@y"),
            ("a = \"x\" # é", "a = \"x\" # é"),
        ] {
            assert_eq!(mask(line), shown);
            assert_eq!(mask(line).len(), line.len());
        }
    }
    #[test]
    fn the_value_of_a_header_is_not_drawn() {
        for (lines, shown) in [
            (
                "set_request_headers = { Connection = \"x\", \"X-Key\" = \"Basic abc#}=, c=d\" }\nname = \"x\"",
                "set_request_headers = { Connection = \"*\"* \"X-Key\" = \"***** ****}** ***\" }\nname = \"x\"",
            ),
            ("set_request_headers = { A = \"a${BK:-b}\" }", "set_request_headers = { A = \"*${BK***}\" }"),
            ("set_header = {\n A = 'it's', b\n}\nx = \"y\"", "set_header = {\n A = '**'*'* *\n}\nx = \"y\""),
            ("set_request_headers.A = \"ab\"", "set_request_headers.A = \"**\""),
            ("set_request_headers = \"A: b\"", "set_request_headers = \"** *\""),
            (
                "set_headers = [\n'A: b', \"C: d\"\n]\nname = \"x\"",
                "set_headers = [\n'** *'* \"** *\"\n*\nname = \"x\"",
            ),
            ("header_timeout = \"10s\"", "header_timeout = \"10s\""),
            ("max_headers = 100", "max_headers = 100"),
            (
                "[routes.set_request_headers] # x\nA = \"\"\"\nab=\n\"\"\"\nB = \"c\"\n[[routes]]\nprefix = \"/\"",
                "[routes.set_request_headers] # x\nA = \"\"\"\n***\n\"\"\"\nB = \"*\"\n[[routes]]\nprefix = \"/\"",
            ),
            ("remove_response_headers = [\"Server\"]", "remove_response_headers = [\"Server\"]"),
            ("[upstreams.header-x]\nurls = \"http://a\"", "[upstreams.header-x]\nurls = \"http://a\""),
            ("[identity]\nheaders = \"remote\"", "[identity]\nheaders = \"remote\""),
        ] {
            assert_eq!(mask(lines), shown);
            assert_eq!(mask(lines).len(), lines.len());
        }
    }

    #[test]
    fn what_is_shown_holds_references_and_no_secret() {
        for (value, shown) in [
            ("postgres://gw:pa'ss@db/x", "postgres://gw:***@db/x"),
            ("redis://:p@/ss@db", "redis://:***@db"),
            ("postgres://gw:${file:/run/pw}@db/x", "postgres://gw:${file:/run/pw}@db/x"),
            ("http://127.0.0.1:80", "http://127.0.0.1:80"),
            ("postgres://gw@db:5432/x", "postgres://gw@db:5432/x"),
        ] {
            assert_eq!(without_password(value), shown);
        }
        for (value, shown) in [
            ("Basic ${BK}", "***${BK}"),
            ("${A}${B:-hunter2}", "${A}${B:-***}"),
            ("a$${A}b$", "***"),
            ("${A}$", "${A}***"),
            ("", ""),
        ] {
            assert_eq!(hidden(value), shown);
        }
    }
}
