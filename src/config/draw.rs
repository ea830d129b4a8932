//! How findings are told: drawn with line and caret, as JSON, or as annotations of a pull request.
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};
use serde_json::{Value, json};

use super::finding::{Cure, Finding, Findings, Place, Source};
use super::mask::mask;

/// How findings are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people: each with its line and a caret.
    #[default]
    Text,
    /// One array, one object for each finding.
    Json,
    /// Annotations that a pull request shows beside the line.
    Github,
}

impl Findings {
    /// All findings, each followed by an empty line in text form.
    pub(crate) fn render(&self, format: Format, color: bool) -> String {
        match format {
            Format::Text => self.draw(color),
            Format::Json => format!("{:#}\n", self.to_json()),
            Format::Github => self.list.iter().map(|finding| annotation(finding, &self.source)).collect(),
        }
    }

    /// All findings for people, and the last line that counts them.
    pub(crate) fn told(&self, color: bool) -> String {
        format!("{}{} Nothing was started.\n", self.draw(color), self.summary())
    }

    /// The same where something runs already.
    pub(crate) fn told_of_reload(&self) -> String {
        format!("{}{}\n", self.draw(false), self.summary())
    }

    /// One array: code, severity, message, file, line, column, span, help, replacement.
    pub(crate) fn to_json(&self) -> Value {
        Value::Array(self.list.iter().map(|finding| object(finding, &self.source)).collect())
    }

    /// The lines that are another in `right`, old and new; secrets in them are not shown.
    pub(crate) fn changes(&self, right: &str) -> String {
        let (old, new) = (mask(&self.source.text), mask(right));
        let lines = old.lines().zip(new.lines()).enumerate().filter(|(_, (old, new))| old != new);
        lines.map(|(at, (old, new))| format!("{}:{}\n- {old}\n+ {new}\n\n", self.source.name, at + 1)).collect()
    }

    /// A line about the whole file that a pull request shows.
    pub(crate) fn annotation(&self, severity: &str, said: &str) -> String {
        format!("::{severity} file={}::{}\n", property(&self.source.name), data(said))
    }

    fn draw(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let shown = mask(&self.source.text);
        self.list.iter().map(|finding| renderer.render(&groups(finding, &self.source.name, &shown)) + "\n\n").collect()
    }
}

fn groups<'a>(finding: &'a Finding, name: &'a str, shown: &'a str) -> Vec<Group<'a>> {
    let level = if finding.code.is_warning() { Level::WARNING } else { Level::ERROR };
    let title = level.primary_title(&finding.title).id(finding.code.name());
    let mut first = match &finding.place {
        Place::Span(span) => {
            let others = finding.beside.iter().map(|(span, label)| {
                AnnotationKind::Context.span(span.clone()).label(Some(label.as_str()).filter(|label| !label.is_empty()))
            });
            let label = Some(finding.label.as_str()).filter(|label| !label.is_empty());
            let here: Annotation<'_> = AnnotationKind::Primary.span(span.clone()).label(label);
            title.element(Snippet::source(shown).path(name).annotation(here).annotations(others))
        }
        Place::Variable(variable) => title.element(Origin::path(format!("environment variable {variable}"))),
        Place::Default => title.element(Origin::path(name)),
    };
    let mut groups = Vec::new();
    match &finding.cure {
        Some(Cure::Say(words)) => {
            first = first.element(Level::HELP.message(words));
            groups.push(first);
        }
        Some(Cure::Replace { words, span, with, .. }) => {
            groups.push(first);
            let patch = Snippet::source(shown).path(name).patch(Patch::new(span.clone(), with.as_str()));
            groups.push(Level::HELP.secondary_title(words).element(patch));
        }
        None => groups.push(first),
    }
    groups
}

fn object(finding: &Finding, source: &Source) -> Value {
    let severity = severity(finding);
    let (help, replacement) = match &finding.cure {
        Some(Cure::Say(words)) => (json!(words), Value::Null),
        Some(Cure::Replace { words, span, with, .. }) => {
            (json!(words), json!({ "start": span.start, "end": span.end, "text": with }))
        }
        None => (Value::Null, Value::Null),
    };
    let mut object = json!({
        "code": finding.code.name(),
        "severity": severity,
        "message": finding.title,
        "label": finding.label,
        "file": &*source.name,
        "line": null,
        "column": null,
        "span": null,
    });
    if let Value::Object(members) = &mut object {
        match &finding.place {
            Place::Span(span) => {
                let (line, column) = source.position(span.start);
                members.insert("line".to_owned(), json!(line));
                members.insert("column".to_owned(), json!(column));
                members.insert("span".to_owned(), json!({ "start": span.start, "end": span.end }));
            }
            Place::Variable(variable) => {
                members.insert("variable".to_owned(), json!(variable));
            }
            Place::Default => {}
        }
        members.insert("help".to_owned(), help);
        members.insert("replacement".to_owned(), replacement);
    }
    object
}

/// `::error file=gateway.toml,line=11,col=1::message`
fn annotation(finding: &Finding, source: &Source) -> String {
    let mut place = format!("file={}", property(&source.name));
    if let Place::Span(span) = &finding.place {
        let (line, column) = source.position(span.start);
        place.push_str(&format!(",line={line},col={column}"));
    }
    let cure = match &finding.cure {
        Some(Cure::Say(words)) => format!(": {words}"),
        Some(Cure::Replace { words, with, .. }) => {
            if words.contains(with.as_str()) {
                format!(": {words}")
            } else {
                format!(": {words}: {with}")
            }
        }
        None => String::new(),
    };
    let said = data(&format!("[{}] {}{cure}", finding.code.name(), finding.title));
    format!("::{} {place}::{said}\n", severity(finding))
}

fn severity(finding: &Finding) -> &'static str {
    if finding.code.is_warning() { "warning" } else { "error" }
}

/// Line ends would end the annotation.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
