//! What `check` prints and answers.
use super::*;
use crate::cli::terminal::{Answer, answer};

fn check(args: &[&str], text: &str) -> Answer {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: CheckArgs,
    }
    let line = <Line as clap::Parser>::parse_from(["check", "-"].iter().chain(args).copied());
    answer(Some(text), |terminal| run(&line.args, None, &Environment::bare(), terminal))
}

fn in_folder(text: &str, args: &CheckArgs) -> (Answer, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, text).unwrap();
    let answer = answer(None, |terminal| run(args, Some(&file), &Environment::bare(), terminal));
    (answer, std::fs::read_to_string(&file).unwrap())
}

#[test]
fn a_good_file_is_answered_with_what_is_open() {
    let text = "[[routes]]\nprefix = \"/api\"\nupstream = \"http://127.0.0.1:3000\"\n\
                [[routes]]\nprefix = \"/\"\nupstream = \"http://127.0.0.1:3000\"\nauth = \"none\"\n\
                [[routes]]\nprefix = \"/api/admin\"\nupstream = \"app\"\nroles = [\"admin\"]\n\
                [upstreams]\napp = \"http://127.0.0.1:3000\"\n[accounts]\nregistration = \"open\"\n";
    let answer = check(&[], text);
    assert_eq!(answer.code, 0);
    assert_eq!(
        answer.out,
        "stdin is fine.\n  \
         open          /                -> http://127.0.0.1:3000\n  \
         login         /api             -> http://127.0.0.1:3000\n  \
         login + role  /api/admin       -> http://127.0.0.1:3000     admin\n\n  \
         note  everyone may make an account ([accounts] registration = \"open\", stdin:15)\n  \
         note  users are kept in sqlite:authgate.db, good for one node\n"
    );
}

#[test]
fn what_no_route_covers_and_what_the_gateway_takes_is_said() {
    let text = "[server]\nauth_prefix = \"/\"\n[accounts]\nregistration = \"closed\"\n\
                [[routes]]\nprefix = \"/\"\nhosts = [\"A.example\"]\nupstream = \"http://[::1]:80\"\nauth = \"optional\"\n";
    let answer = check(&[], text);
    assert_eq!(
        answer.out,
        "stdin is fine.\n  \
         gateway       /register /login /token /token/ /token/refresh /token/refresh/ /refresh /logout /logout-all /sessions /me /user /users/me /userinfo /account /password /password/forgot /password/reset /verify-email /mfa /mfa/totp /mfa/totp/confirm /mfa/recovery-codes /passkeys /passkeys/register/begin /passkeys/register/finish /passkeys/login/begin /passkeys/login/finish /introspect /revoke /healthz /readyz /errors /verify /verify/nginx /verify/traefik /verify/caddy /verify/envoy\n  \
         optional      a.example/       -> http://[::1]\n  \
         404  everything else\n\n  \
         note  users are kept in sqlite:authgate.db, good for one node\n"
    );
}

#[test]
fn a_bad_file_is_answered_with_one_and_its_findings_in_each_form() {
    let text = "[[routes]]\nprefx = \"/\"\nupstream = \"http://a\"\n";
    let answer = check(&[], text);
    assert_eq!(answer.code, 1);
    assert!(answer.out.ends_with("stdin: 1 error, 0 warnings. Nothing was started.\n"), "{}", answer.out);
    let json = check(&["--format", "json"], text);
    let parsed: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json.code, parsed[0]["code"].as_str()), (1, Some("E103")));
    assert!(check(&["--format", "github"], text).out.starts_with("::error file=stdin,line=2,col=1::[E103]"));
}

#[test]
fn warnings_are_an_answer_of_no_only_when_they_are_denied() {
    let text = "[server]\nlisten = \"0.0.0.0:80\"\n[[routes]]\nprefix = \"/\"\nupstream = \"http://a\"\n";
    let answer = check(&[], text);
    assert_eq!(answer.code, 0);
    assert!(answer.out.starts_with("warning[W301]") && answer.out.contains("\nstdin is fine, with 1 warning.\n"));
    let denied = check(&["--deny-warnings"], text);
    assert_eq!(denied.code, 1);
    assert!(denied.out.ends_with("stdin: 0 errors, 1 warning. Warnings are denied.\n"));
    assert_eq!(check(&["--format", "json", "--deny-warnings"], text).code, 1);
}

#[test]
fn show_prints_what_is_in_force_and_no_secret() {
    let secret = "kM3vRr0yqZ8bX1n7Tt5uWc2eJf4hLg6a";
    let text = format!(
        "[upstreams]\na = \"http://a\"\n[upstreams.b]\nurls = \"http://b\"\n[tokens]\nalgorithm = \"HS256\"\n\
         [keys]\nsecret = \"{secret}\"\n[[routes]]\nprefix = \"/\"\nupstream = \"a\"\n[[routes]]\nprefix = \"/b\"\nupstream = \"b\"\n"
    );
    let answer = check(&["--show"], &text);
    assert!(!answer.out.contains(secret));
    for line in
        ["a = \"http://a\"", "[upstreams.b]", "secret = \"***\"", "[passwords.argon2]", "# stdin:6", "# default"]
    {
        assert!(answer.out.contains(line), "{line}\n{}", answer.out);
    }
    assert_eq!(answer.out.matches("[[routes]]").count(), 2);
    // But for the secret and the warning about it, it is a file with the same meaning.
    let shown = answer.out.split_once("[server]").unwrap().1.replace("***", secret);
    assert_eq!(check(&["--show"], &format!("[server]{shown}")).code, 0);
    let json = check(&["--show", "--format", "json"], &text);
    let rows: Value = serde_json::from_str(&json.out).unwrap();
    assert!(rows.as_array().unwrap().len() > 50 && !json.out.contains(secret));
}

#[test]
fn what_is_shown_is_a_file_with_the_same_meaning() {
    let text = "[store]\nurl = \"postgres://gw:pa'ss@db/x\"\nshared = \"redis://:pa'ss@db\"\n\
                [tokens]\nclaims = { price = \"5$\", text = \"a$${x}\", team = \"${user.team}\" }\n\
                [[routes]]\nprefix = \"/a\"\nupstream = \"http://a\"\non_denied = \"login\"\n\
                set_request_headers = { Authorization = \"Basic pa'ss${NO:-pa'ss}\" }\n\
                [routes.cors]\norigins = [\"https://a.example\"]\n\
                [[routes]]\nprefix = \"/b\"\nupstream = \"http://b\"\n\
                [[routes]]\nprefix = \"/c\"\nupstream = \"http://c\"\ncors = { origins = [\"*\"] }\n";
    let shown = check(&["--show"], text).out;
    assert!(!shown.contains("pa'ss"), "{shown}");
    assert!(shown.contains("{ Authorization = \"***${NO:-***}\" }"), "{shown}");
    assert_eq!(shown.matches("on_denied = \"login\"").count(), 1, "{shown}");
    // Settings, without the lines they came from.
    let settings = |shown: &str| -> Vec<String> {
        let lines =
            shown.lines().map(|line| line.rsplit_once("  # ").map_or(line, |(line, _)| line).trim_end().to_owned());
        lines.collect()
    };
    let again = check(&["--show"], &shown);
    assert_eq!(again.code, 0, "{}", again.out);
    assert_eq!(settings(&again.out), settings(&shown));
    let json: Value = serde_json::from_str(&check(&["--show", "--format", "json"], text).out).unwrap();
    let origins: Vec<_> = json.as_array().unwrap().iter().filter(|row| row["key"] == "origins").collect();
    assert_eq!((&origins[0]["table"], &origins[1]["table"]), (&Value::from(1), &Value::from(3)));
    assert_eq!(json[0]["table"], Value::Null);
}

#[test]
fn a_missing_file_is_answered_with_three_and_the_places() {
    let args = CheckArgs { file: Some(PathBuf::from("/no/such.toml")), ..CheckArgs::default() };
    let answer = answer(None, |terminal| run(&args, None, &Environment::bare(), terminal));
    assert_eq!((answer.code, answer.out.as_str()), (3, ""));
    assert!(answer.err.starts_with("no configuration file: looked at /no/such.toml\n"));
}

#[test]
fn fix_puts_misspelt_names_right_and_shows_the_lines() {
    let text = "[[routes]]\nprefx = \"/\"\nupstrem = \"http://a\"\n";
    let args = CheckArgs { fix: true, ..CheckArgs::default() };
    let (answer, after) = in_folder(text, &args);
    assert_eq!(answer.code, 0, "{}", answer.out);
    assert!(answer.out.contains("gateway.toml:2\n- prefx = \"/\"\n+ prefix = \"/\"\n"));
    assert_eq!(after, "[[routes]]\nprefix = \"/\"\nupstream = \"http://a\"\n");
    let (answer, after) = in_folder("[[routes]]\nprefx = \"/\"\nupstream = \"x\"\n", &args);
    assert_eq!((answer.code, after.as_str()), (1, "[[routes]]\nprefix = \"/\"\nupstream = \"x\"\n"));
}

#[test]
fn fix_puts_a_name_and_the_value_behind_it_right_in_one_run() {
    let text = "[[routes]]\nprefix = \"/\"\nupstream = \"http://a\"\nauht = \"nonee\"\n";
    let (answer, after) = in_folder(text, &CheckArgs { fix: true, ..CheckArgs::default() });
    assert_eq!(answer.code, 0, "{}", answer.out);
    assert!(answer.out.contains("gateway.toml:4\n- auht = \"nonee\"\n+ auth = \"none\"\n"), "{}", answer.out);
    assert_eq!(after, text.replace("auht = \"nonee\"", "auth = \"none\""));
}

#[test]
fn fix_writes_no_guess_and_no_file_that_is_worse() {
    let least = "[[routes]]\nprefix = \"/\"\nupstream = \"http://a\"\n";
    for text in [
        &format!("{least}networks_deny = [\"10.0.0.0/8\"]\n"),
        &format!("{least}roles_none = [\"guest\"]\n"),
        &format!("{least}methods_denied = [\"GET\"]\n"),
        &format!("{least}hosts_except = [\"a.example\"]\n"),
        &format!("{least}path = \"/x\"\n"),
        &format!("{least}[server]\nworkers = 1\n[sever]\nworkers = 2\n"),
        &format!("{least}[log]\nlevel = \"${{LOG_LEVEL:-dbug}}\"\n"),
        "[upstreams]\napp = \"http://a\"\n[[routes]]\nprefix = \"/\"\nupstream = \"app-dev\"\n",
        "[upstreams]\napp = \"http://a\"\n[[routes]]\nprefix = \"/\"\nupstream = \"${UP:-ap}\"\n",
    ] {
        let (answer, after) = in_folder(text, &CheckArgs { fix: true, ..CheckArgs::default() });
        assert_eq!((answer.code, after.as_str()), (1, text), "{}", answer.out);
        assert!(answer.out.contains("did you mean"), "the guess is told and not written: {}", answer.out);
    }
    // What is sure is mended beside it.
    let (_, after) = in_folder(
        &format!("{least}path = \"/x\"\nmetods = [\"GET\"]\n"),
        &CheckArgs { fix: true, ..CheckArgs::default() },
    );
    assert_eq!(after, format!("{least}path = \"/x\"\nmethods = [\"GET\"]\n"));
    let (answer, after) = in_folder(&least.replace("prefix", "path"), &CheckArgs { fix: true, ..CheckArgs::default() });
    assert_eq!((answer.code, after.as_str()), (0, least), "a synonym is no guess");
}

#[test]
fn fix_leaves_a_file_alone_that_stands_where_it_would_write() {
    let folder = tempfile::tempdir().unwrap();
    let (file, draft) = (folder.path().join("gateway.toml"), folder.path().join("gateway.toml.new"));
    std::fs::write(&file, "[[routes]]\nprefx = \"/\"\nupstream = \"http://a\"\n").unwrap();
    std::fs::write(&draft, "mine").unwrap();
    let args = CheckArgs { fix: true, ..CheckArgs::default() };
    let answer = answer(None, |terminal| run(&args, Some(&file), &Environment::bare(), terminal));
    assert!(answer.err.contains("gateway.toml.new: File exists"), "{}", answer.err);
    assert_eq!((answer.code, std::fs::read_to_string(&draft).unwrap().as_str()), (1, "mine"));
}

#[test]
fn fix_leaves_stdout_to_the_format() {
    let text = "[[routes]]\nprefx = \"/\"\nupstream = \"x\"\n";
    let fixed = |format| in_folder(text, &CheckArgs { fix: true, format, ..CheckArgs::default() }).0;
    let json = fixed(Format::Json);
    let parsed: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json.code, parsed[0]["code"].as_str()), (1, Some("E201")));
    assert!(json.err.contains("\n- prefx = \"/\"\n+ prefix = \"/\"\n"), "{}", json.err);
    assert!(fixed(Format::Github).out.starts_with("::error file="));
}

#[test]
fn what_is_no_file_cannot_be_fixed() {
    let answer = check(&["--fix"], "[[routes]]\nprefx = \"/\"\n");
    assert_eq!((answer.code, answer.out.as_str()), (2, ""));
    assert!(answer.err.contains("name the file"), "{}", answer.err);
}
