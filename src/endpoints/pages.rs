//! The pages themselves, as plain as they can be. Everything that is drawn for a person comes from here.

/// The sign-in form.
#[derive(Debug)]
pub(super) struct SignIn<'a> {
    /// Where the form goes.
    pub(super) action: &'a str,
    pub(super) csrf: &'a str,
    /// The page to go to afterwards.
    pub(super) return_to: &'a str,
    /// What was typed before, or who is signed in.
    pub(super) name: &'a str,
    /// Only the password is asked for: the sign-in is too old for a page.
    pub(super) again: bool,
    /// What went wrong just now.
    pub(super) problem: Option<&'a str>,
}

impl SignIn<'_> {
    pub(super) fn html(&self) -> String {
        let title = if self.again { "Confirm that it is you" } else { "Sign in" };
        let problem = self.problem.map(|words| format!("<p id=\"problem\" role=\"alert\">{}</p>\n", escaped(words)));
        let name = escaped(self.name);
        let who = if self.again {
            format!("<p>{name}</p><input type=\"hidden\" name=\"username\" value=\"{name}\">")
        } else {
            format!(
                "<label for=\"username\">Name</label>\n<input id=\"username\" name=\"username\" value=\"{name}\" \
                 autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" required autofocus>"
            )
        };
        let form = format!(
            "{}<form method=\"post\" action=\"{}\">\n{who}\n<label for=\"current-password\">Password</label>\n\
             <input id=\"current-password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required>\n\
             <input type=\"hidden\" name=\"csrf\" value=\"{}\">\n<input type=\"hidden\" name=\"return_to\" value=\"{}\">\n\
             <button type=\"submit\">{title}</button>\n</form>",
            problem.unwrap_or_default(),
            escaped(self.action),
            escaped(self.csrf),
            escaped(self.return_to),
        );
        page(title, &form)
    }
}

/// The second half of a sign-in: one field, so that a password manager can fill it in.
#[derive(Debug)]
pub(super) struct AskCode<'a> {
    pub(super) action: &'a str,
    pub(super) csrf: &'a str,
    pub(super) return_to: &'a str,
    /// Stands for the password that was right.
    pub(super) challenge: &'a str,
    pub(super) problem: Option<&'a str>,
}

impl AskCode<'_> {
    pub(super) fn html(&self) -> String {
        let problem = self.problem.map(|words| format!("<p id=\"problem\" role=\"alert\">{}</p>\n", escaped(words)));
        let form = format!(
            "{}<form method=\"post\" action=\"{}\">\n<label for=\"code\">Code of your device, or a recovery code</label>\n\
             <input id=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" autocapitalize=\"none\" \
             spellcheck=\"false\" required autofocus>\n<input type=\"hidden\" name=\"challenge\" value=\"{}\">\n\
             <input type=\"hidden\" name=\"csrf\" value=\"{}\">\n<input type=\"hidden\" name=\"return_to\" value=\"{}\">\n\
             <button type=\"submit\">Sign in</button>\n</form>",
            problem.unwrap_or_default(),
            escaped(self.action),
            escaped(self.challenge),
            escaped(self.csrf),
            escaped(self.return_to),
        );
        page("Second factor", &form)
    }
}

/// One thing to fill in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) label: &'a str,
    pub(super) kind: &'a str,
    pub(super) autocomplete: &'a str,
}

/// A form with one purpose, at most one field, and the token of a link.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) title: &'a str,
    pub(super) action: &'a str,
    pub(super) csrf: &'a str,
    pub(super) token: &'a str,
    pub(super) field: Option<Field<'a>>,
    pub(super) button: &'a str,
    pub(super) problem: Option<&'a str>,
}

impl Ask<'_> {
    pub(super) fn html(&self) -> String {
        let problem = self.problem.map(|words| format!("<p id=\"problem\" role=\"alert\">{}</p>\n", escaped(words)));
        let field = self.field.map(|Field { name, label, kind, autocomplete }| {
            format!(
                "<label for=\"{autocomplete}\">{label}</label>\n<input id=\"{autocomplete}\" name=\"{name}\" type=\"{kind}\" \
                 autocomplete=\"{autocomplete}\" required autofocus>\n"
            )
        });
        let form = format!(
            "{}<form method=\"post\" action=\"{}\">\n{}<input type=\"hidden\" name=\"token\" value=\"{}\">\n\
             <input type=\"hidden\" name=\"csrf\" value=\"{}\">\n<button type=\"submit\">{}</button>\n</form>",
            problem.unwrap_or_default(),
            escaped(self.action),
            field.unwrap_or_default(),
            escaped(self.token),
            escaped(self.csrf),
            escaped(self.button),
        );
        page(self.title, &form)
    }
}

/// A page that says what was done, and leads on.
pub(super) fn message_and_link(title: &str, words: &str, place: &str, label: &str) -> String {
    let (words, place, label) = (escaped(words), escaped(place), escaped(label));
    page(title, &format!("<p>{words}</p>\n<p><a href=\"{place}\">{label}</a></p>"))
}

/// A page that says why something did not work.
pub(super) fn message(title: &str, words: &str) -> String {
    page(title, &format!("<p>{}</p>", escaped(words)))
}

fn page(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"></head><body><main>\n<h1>{title}</h1>\n{body}\n</main></body></html>\n"
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // D08
    fn what_was_typed_is_text() {
        let typed = "\"><svg onload=1>'&";
        let html =
            SignIn { action: "/a", csrf: "c", return_to: typed, name: typed, again: false, problem: Some(typed) };
        let html = html.html();
        assert!(!html.contains("<svg") && html.contains("&quot;&gt;&lt;svg onload=1&gt;&#39;&amp;"), "{html}");
    }
}
