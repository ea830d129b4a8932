//! `gateway.toml.example` and `authgate help config`, made from the table of settings.
use super::environment::OVERRIDE;
use super::settings::{Kind, SECTIONS, Section, Setting, Shape, Unset};

/// The whole example file.
pub(crate) fn example() -> String {
    let mut text = HEAD.to_owned();
    for section in SECTIONS {
        text.push('\n');
        text.push_str(&comment(section.words));
        text.push_str(section.header);
        text.push('\n');
        for setting in section.settings {
            text.push_str(&comment(setting.words));
            // A route is the one thing a file needs.
            let mark = if section.shape == Shape::List && setting.unset == Unset::Refused { "" } else { "#" };
            text.push_str(&format!("{mark}{} = {}\n", setting.key, setting.shown));
        }
    }
    text
}

/// What the manual says of a key: "listen", "server.listen", "server"; of everything, without one.
/// `None` when nothing is called so.
pub(crate) fn manual(name: Option<&str>) -> Option<String> {
    let Some(name) = name else { return Some(contents()) };
    let name = name.trim_matches(['[', ']']);
    if let Some(section) = SECTIONS.iter().find(|section| section.name == name) {
        return Some(section.settings.iter().map(|setting| page(section, setting)).collect::<Vec<_>>().join("\n"));
    }
    let (wanted, key) = match name.split_once('.') {
        Some((section, key)) => (Some(section), key),
        None => (None, name),
    };
    let sections = SECTIONS.iter().filter(|section| wanted.is_none_or(|wanted| wanted == section.name));
    let pages: Vec<_> =
        sections.filter_map(|section| section.setting(key).map(|setting| page(section, setting))).collect();
    (!pages.is_empty()).then(|| pages.join("\n"))
}

/// The names most like one that is none, for a suggestion.
pub(crate) fn nearest_key(name: &str) -> Option<&'static str> {
    let keys = SECTIONS.iter().flat_map(|section| section.settings.iter().map(|setting| setting.key));
    super::suggest::nearest(name, keys.chain(SECTIONS.iter().map(|section| section.name)))
}

/// One line for each setting.
fn contents() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        text.push_str(&format!("{}\n", section.title()));
        for setting in section.settings {
            let line =
                format!("  {:<24}{}", setting.key, if setting.unset == Unset::Default { setting.shown } else { "" });
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text.push_str("\n`authgate help config KEY` says more about one of them.\n");
    text
}

fn page(section: &Section, setting: &Setting) -> String {
    let mut text = format!("{} {}\n", section.title(), setting.key);
    for line in setting.words.lines().filter(|line| !line.is_empty()) {
        text.push_str(&format!("  {line}\n"));
    }
    text.push_str(&format!("  must be:  {}\n", allowed(&setting.kind)));
    text.push_str(&match setting.unset {
        Unset::Default => format!("  default:  {}\n", setting.shown),
        Unset::Nothing => format!("  example:  {}\n", setting.shown),
        Unset::Refused => format!("  example:  {}   (must be there)\n", setting.shown),
    });
    let name = match section.shape {
        Shape::Once => format!("{OVERRIDE}{}__{}", section.name, setting.key),
        Shape::Named => format!("{OVERRIDE}{}__NAME__{}", section.name, setting.key),
        Shape::List => return text,
    };
    if setting.kind.is_single() {
        text.push_str(&format!("  outside:  {}\n", name.to_ascii_uppercase()));
    }
    text
}

fn allowed(kind: &Kind) -> String {
    use super::units::{write_duration, write_size};
    match kind {
        Kind::Word(words) => super::value::either(words),
        Kind::Count(least, most) => format!("a whole number from {least} to {most}"),
        Kind::Duration(least, most) => {
            format!("{} from {} to {}", kind.name(), write_duration(*least), write_duration(*most))
        }
        Kind::Size(least, most) => format!("{} from {} to {}", kind.name(), write_size(*least), write_size(*most)),
        Kind::Text
        | Kind::Secret
        | Kind::Flag
        | Kind::Rate
        | Kind::List
        | Kind::OneOrMore
        | Kind::Table(_)
        | Kind::Lists
        | Kind::Texts(_)
        | Kind::Hidden => kind.name().to_owned(),
    }
}

fn comment(words: &str) -> String {
    words.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("# {line}\n") }).collect()
}

const HEAD: &str = r##"#:schema ./config/gateway.schema.json
#
# gateway.toml: every setting, each with its default.
# Lines that start with "#" and a name are settings: take away the "#" to change one.
# Lines that start with "# " are words. Nothing but [[routes]] is needed.
#
#   authgate check              says what is wrong with this file, and where
#   authgate explain GET /api   says what would happen to a request, and why
#   authgate reload             puts a changed file to work without dropping a connection
#
# Durations have a unit: "900ms", "30s", "15m", "12h", "30d".  Sizes too: "64KiB", "10MiB".
# In any text value:  ${NAME}  is an environment variable,  ${NAME:-x}  has a fallback,
# ${file:/run/secrets/x}  is what a file holds (one trailing newline removed),  $$  is a dollar sign.
# Any single value can also be set from outside: [server] listen is AUTHGATE__SERVER__LISTEN.
"##;
