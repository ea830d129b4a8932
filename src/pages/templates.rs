//! The templates: ours, and the operator's in place of those of the same name.
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value, escape_formatter};

/// Templates, read and compiled. What is put into them is escaped.
#[derive(Debug, Clone)]
pub(crate) struct Templates {
    theirs: Option<Arc<Environment<'static>>>,
}

/// Why an operator's template cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadTemplate {
    #[error("cannot read {name}")]
    Unreadable {
        name: String,
        #[source]
        cause: std::io::Error,
    },
    #[error("{name} replaces nothing; the templates are {}", names())]
    Unknown { name: String },
    #[error("{name} has more than 64 KiB")]
    TooLarge { name: String },
    #[error("{name} is no template")]
    Malformed {
        name: String,
        #[source]
        cause: Box<Error>,
    },
}

impl Templates {
    pub(crate) fn built_in() -> Self {
        Self { theirs: None }
    }

    /// The files of this folder in place of ours.
    pub(crate) fn with(folder: &Path) -> Result<Self, BadTemplate> {
        let mut theirs = ours();
        let unreadable = |cause| BadTemplate::Unreadable { name: folder.display().to_string(), cause };
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_none_or(|ending| ending != "html") {
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !BUILT_IN.iter().any(|(own, _)| *own == name) {
                return Err(BadTemplate::Unknown { name });
            }
            let text = read(&path, &name)?;
            let added = theirs.add_template_owned(name.clone(), text);
            added.map_err(|cause| BadTemplate::Malformed { name, cause: Box::new(cause) })?;
        }
        Ok(Self { theirs: Some(Arc::new(theirs)) })
    }

    /// The filled template. Where the operator's fails, ours is shown and the log says why.
    pub(super) fn render(&self, name: &str, values: &Value) -> String {
        let filled = |environment: &Environment<'_>| environment.get_template(name)?.render(values);
        if let Some(theirs) = &self.theirs {
            match filled(theirs) {
                Ok(page) => return page,
                Err(error) => {
                    tracing::warn!(template = name, error = %error, "cannot fill a template of [pages] templates")
                }
            }
        }
        filled(&OURS).unwrap_or_else(|error| {
            tracing::error!(template = name, error = %error, "cannot fill a template");
            BLANK.to_owned()
        })
    }
}

/// Compiled when the first page is shown: whose clients are programs never needs them.
static OURS: LazyLock<Environment<'static>> = LazyLock::new(ours);

fn ours() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_formatter(write);
    // A line that holds nothing but a tag leaves no line behind.
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    for (name, text) in BUILT_IN {
        if let Err(error) = environment.add_template(name, text) {
            tracing::error!(template = name, error = %error, "a built-in template is none");
        }
    }
    environment
}

/// The engine's own escaping, but for `/`, which it writes as `&#x2f;`: it means nothing in a text or between quotes, and
/// paths are to be read.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let text = value.as_str().filter(|_| !value.is_safe() && matches!(state.auto_escape(), AutoEscape::Html));
    let Some(text) = text else { return escape_formatter(out, state, value) };
    let mut pieces = text.split('/');
    if let Some(first) = pieces.next() {
        escape_formatter(out, state, &Value::from(first))?;
    }
    for piece in pieces {
        out.write_str("/").map_err(Error::from)?;
        escape_formatter(out, state, &Value::from(piece))?;
    }
    Ok(())
}

fn read(path: &Path, name: &str) -> Result<String, BadTemplate> {
    let mut text = String::new();
    let file = File::open(path).and_then(|file| file.take(MAX_TEMPLATE + 1).read_to_string(&mut text));
    match file {
        Ok(length) if length as u64 > MAX_TEMPLATE => Err(BadTemplate::TooLarge { name: name.to_owned() }),
        Ok(_) => Ok(text),
        Err(cause) => Err(BadTemplate::Unreadable { name: name.to_owned(), cause }),
    }
}

fn names() -> String {
    BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

const BUILT_IN: &[(&str, &str)] = &[
    ("layout.html", include_str!("templates/layout.html")),
    ("sign_in.html", include_str!("templates/sign_in.html")),
    ("sign_up.html", include_str!("templates/sign_up.html")),
    ("refused.html", include_str!("templates/refused.html")),
    ("account.html", include_str!("templates/account.html")),
    ("forgot.html", include_str!("templates/forgot.html")),
    ("reset.html", include_str!("templates/reset.html")),
    ("verify_email.html", include_str!("templates/verify_email.html")),
    ("second_factor.html", include_str!("templates/second_factor.html")),
    ("passkey_problem.html", include_str!("templates/passkey_problem.html")),
    ("new_factor.html", include_str!("templates/new_factor.html")),
    ("recovery_codes.html", include_str!("templates/recovery_codes.html")),
    ("notice.html", include_str!("templates/notice.html")),
    ("errors.html", include_str!("templates/errors.html")),
];
/// A page has a few KiB.
const MAX_TEMPLATE: u64 = 64 * 1024;
/// Nothing is better than half a page; the status still tells.
const BLANK: &str = "<!doctype html><title>authgate</title>";
