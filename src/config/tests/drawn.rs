//! How findings look.
use super::*;

#[test]
fn every_mistake_is_drawn_with_its_line_and_its_cure() {
    let environment = Environment::of([("DB_PASSWORD", "x"), ("HOME", "/root")]);
    let findings = findings_in(include_str!("bad.toml"), &environment);
    let drawn = findings.told(false);
    assert_eq!(drawn, include_str!("bad.txt"));
}

#[test]
fn slips_in_the_syntax_are_told_at_once_and_nothing_is_invented() {
    let findings = findings_in(include_str!("syntax.toml"), &quiet());
    let drawn = findings.told(false);
    assert_eq!(drawn, include_str!("syntax.txt"));
}

#[test]
fn one_slip_is_one_finding() {
    let findings = findings_in("a = [1,\nb = 2\n", &quiet());
    assert_eq!(
        findings.list.iter().map(|one| one.title.as_str()).collect::<Vec<_>>(),
        ["unclosed array, expected `]`"]
    );
    assert_eq!(codes("[server]\nlisten = 127.0.0.1:80\nworkers = 1\nworkers = 2\n"), ["E001", "E001"]);
}
