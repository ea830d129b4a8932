//! Whole files in, findings or settings out.
use super::*;
use crate::authz::Asks;

mod drawn;
mod found;
mod read;

/// Nothing set outside.
fn quiet() -> Environment {
    Environment::of([])
}

fn load(text: &str) -> Loaded {
    load_in(text, &quiet())
}

fn load_in(text: &str, environment: &Environment) -> Loaded {
    match parse(text, "gateway.toml", environment) {
        Ok(loaded) => loaded,
        Err(ConfigError::Wrong(findings)) => panic!("{}", findings.render(Format::Text, false)),
        Err(error) => panic!("{error}"),
    }
}

/// All findings, warnings too.
fn findings_in(text: &str, environment: &Environment) -> Findings {
    match parse(text, "gateway.toml", environment) {
        Ok(loaded) => loaded.warnings,
        Err(ConfigError::Wrong(findings)) => *findings,
        Err(error) => panic!("{error}"),
    }
}

fn codes(text: &str) -> Vec<String> {
    findings_in(text, &quiet()).iter().map(|finding| finding.code().name()).collect()
}

/// The least file, then more.
fn least(more: &str) -> String {
    format!("[[routes]]\nprefix = \"/\"\nupstream = \"http://127.0.0.1:3000\"\n{more}\n")
}
