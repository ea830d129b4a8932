//! `authgate init`: the first gateway.toml.
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use serde_json::json;

use super::Terminal;
use crate::config::{self, ConfigError, Environment, Format};

/// Writes a first gateway.toml; never overwrites one.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Examples:\n  \
    authgate init --to http://127.0.0.1:3000 --protect /api\n  \
    authgate init --to http://127.0.0.1:3000 --protect / --open /assets\n\n\
    Without flags three questions are asked on a terminal.")]
pub(crate) struct InitArgs {
    /// The backend that is already running.
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,
    /// A path that needs a sign-in; may come several times.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) protect: Vec<String>,
    /// A path that everyone may see; may come several times.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) open: Vec<String>,
}

/// Writes to `file`.
pub(crate) fn run(args: &InitArgs, file: &Path, json: bool, terminal: &mut Terminal<'_>) -> u8 {
    // Before anything is asked.
    if file.exists() {
        return stands(file, terminal);
    }
    let plan = Plan::of(args, terminal);
    let text = plan.write();
    let name = file.display().to_string();
    // What we write must be right; what was asked for may not be.
    if let Err(ConfigError::Wrong(findings)) = config::parse(&text, &name, &Environment::bare()) {
        terminal.tell(&findings.render(Format::Text, false));
        terminal.tell("Nothing was written.\n");
        return 1;
    }
    let written = File::create_new(file).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => {
            let lines = text.lines().count();
            terminal.say(&if json { plan.data(&name, lines) } else { plan.say(file, lines) });
            0
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => stands(file, terminal),
        Err(error) => {
            terminal.tell(&format!("cannot write {name}: {error}\n"));
            3
        }
    }
}

fn stands(file: &Path, terminal: &mut Terminal<'_>) -> u8 {
    terminal.tell(&format!("{} is there already and was left as it is.\n", file.display()));
    1
}

/// What the file shall say.
#[derive(Debug)]
struct Plan {
    to: String,
    open: Vec<String>,
    protect: Vec<String>,
}

impl Plan {
    fn of(args: &InitArgs, terminal: &mut Terminal<'_>) -> Self {
        let asks = terminal.asks && args.to.is_none() && args.protect.is_empty() && args.open.is_empty();
        if asks {
            return Self::asked(terminal);
        }
        let (mut open, mut protect) = (args.open.clone(), args.protect.clone());
        match (open.is_empty(), protect.is_empty()) {
            (true, true) => (open, protect) = (vec!["/".to_owned()], vec![PROTECTED.to_owned()]),
            // What is not named is open beside what is protected, and protected beside what is open.
            (true, false) if !protect.iter().any(|prefix| prefix == "/") => open.push("/".to_owned()),
            (false, true) if !open.iter().any(|prefix| prefix == "/") => protect.push("/".to_owned()),
            _ => {}
        }
        Self { to: args.to.clone().unwrap_or_else(|| BACKEND.to_owned()), open, protect }
    }

    fn asked(terminal: &mut Terminal<'_>) -> Self {
        let to = terminal.ask("Where does your backend answer?", BACKEND);
        let protect = terminal.ask("Which paths need a sign-in? (several with spaces, / for all)", PROTECTED);
        let protect: Vec<String> = protect.split_whitespace().map(str::to_owned).collect();
        let all = protect.iter().any(|prefix| prefix == "/");
        let open = if all {
            let open = terminal.ask("Which paths are open to everyone? (several with spaces)", "none");
            open.split_whitespace().filter(|prefix| *prefix != "none").map(str::to_owned).collect()
        } else {
            let rest = terminal.ask("Is everything else open to everyone? (yes or no)", "yes");
            if rest.to_ascii_lowercase().starts_with('n') { Vec::new() } else { vec!["/".to_owned()] }
        };
        Self { to, open, protect }
    }

    fn write(&self) -> String {
        let upstream = toml_text(&self.to);
        let mut text = "[server]\nlisten = \"127.0.0.1:8080\"\n".to_owned();
        for prefix in &self.open {
            let prefix = toml_text(prefix);
            text.push_str(&format!(
                "\n[[routes]]\nprefix = {prefix}\nupstream = {upstream}\nauth = \"none\"        # open to everyone\n"
            ));
        }
        for prefix in &self.protect {
            let line = format!("prefix = {}", toml_text(prefix));
            text.push_str(&format!(
                "\n[[routes]]\n{line:<20} # needs a sign-in: that is the default\nupstream = {upstream}\n"
            ));
        }
        text.push_str(
            "\n[accounts]\nregistration = \"open\"  # everyone may make an account; or \"invite\", \"closed\"\n",
        );
        text
    }

    fn data(&self, name: &str, lines: usize) -> String {
        let value = json!({ "file": name, "lines": lines, "upstream": self.to, "open": self.open, "login": self.protect,
            "registration": "open" });
        format!("{value}\n")
    }

    fn say(&self, file: &Path, lines: usize) -> String {
        let name = file.display();
        let width = self.open.iter().chain(&self.protect).map(String::len).fold(5, usize::max);
        let mut text = format!("wrote {name} ({lines} lines)\n");
        for (asks, prefixes) in [("open", &self.open), ("login", &self.protect)] {
            for prefix in prefixes {
                text.push_str(&format!("  {asks:<6}  {prefix:<width$}  -> {}\n", self.to));
            }
        }
        text.push_str(
            "  everyone may make an account: change [accounts] registration to \"invite\" or \"closed\" for a private site\n",
        );
        let named = if config::is_looked_for(file) { String::new() } else { format!(" -c {name}") };
        text.push_str(&format!("next:  authgate run{named}\n"));
        text
    }
}

/// What is typed here may hold anything: as TOML, and with a dollar sign that stands for itself.
fn toml_text(text: &str) -> String {
    config::quoted(&text.replace("${", "$${"))
}

const BACKEND: &str = "http://127.0.0.1:3000";
const PROTECTED: &str = "/api";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authz::Asks;
    use crate::cli::terminal::{Answer, answer};

    fn init(input: Option<&str>, args: &[&str]) -> (Answer, Option<String>) {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: InitArgs,
        }
        let line = <Line as clap::Parser>::parse_from(std::iter::once("init").chain(args.iter().copied()));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        let answer = answer(input, |terminal| run(&line.args, &file, false, terminal));
        (answer, std::fs::read_to_string(file).ok())
    }

    fn policies(text: &str) -> Vec<(String, Asks)> {
        let config = config::parse(text, "gateway.toml", &Environment::bare()).unwrap().config;
        config.routes.iter().map(|route| (route.prefix.clone(), route.policy.auth)).collect()
    }

    #[test]
    fn the_usual_small_file_has_fourteen_lines() {
        let (answer, text) = init(None, &["--to", "http://127.0.0.1:3000", "--protect", "/api"]);
        let text = text.unwrap();
        assert_eq!(answer.code, 0);
        assert!(
            answer.out.contains("gateway.toml (14 lines)\n  open    /      -> http://127.0.0.1:3000\n"),
            "{}",
            answer.out
        );
        assert!(answer.out.contains("\nnext:  authgate run -c /") && answer.out.ends_with("/gateway.toml\n"));
        assert_eq!(text, USUAL);
        assert_eq!(policies(&text), [("/".to_owned(), Asks::Nobody), ("/api".to_owned(), Asks::Somebody)]);
    }

    #[test]
    fn what_is_not_named_is_the_other_way() {
        let protected = |args: &[&str]| policies(&init(None, args).1.unwrap());
        assert_eq!(protected(&[]).len(), 2);
        assert_eq!(protected(&["--protect", "/"]), [("/".to_owned(), Asks::Somebody)]);
        let open = protected(&["--open", "/assets"]);
        assert_eq!(open, [("/assets".to_owned(), Asks::Nobody), ("/".to_owned(), Asks::Somebody)]);
    }

    #[test]
    fn three_questions_are_asked_on_a_terminal() {
        let (answer, text) = init(Some("http://10.0.0.1\n/a /b\nno\n"), &[]);
        assert_eq!(answer.err.matches('?').count(), 3);
        assert_eq!(policies(&text.unwrap()), [("/a".to_owned(), Asks::Somebody), ("/b".to_owned(), Asks::Somebody)]);
        assert_eq!(init(Some("\n\n\n"), &[]).1.unwrap(), USUAL);
    }

    #[test]
    fn what_cannot_be_meant_is_not_written_and_a_file_is_never_overwritten() {
        let (answer, text) = init(None, &["--to", "http://a/x\"y", "--protect", "/${HOME}"]);
        assert_eq!((answer.code, text), (1, None));
        assert!(answer.err.contains("E203") && answer.err.contains("E205"), "{}", answer.err);
        let file = tempfile::NamedTempFile::new().unwrap();
        let answer =
            super::super::terminal::answer(None, |terminal| run(&InitArgs::default(), file.path(), false, terminal));
        assert_eq!(answer.code, 1);
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "");
    }

    const USUAL: &str = r#"[server]
listen = "127.0.0.1:8080"

[[routes]]
prefix = "/"
upstream = "http://127.0.0.1:3000"
auth = "none"        # open to everyone

[[routes]]
prefix = "/api"      # needs a sign-in: that is the default
upstream = "http://127.0.0.1:3000"

[accounts]
registration = "open"  # everyone may make an account; or "invite", "closed"
"#;
}
