//! Ways to write a protected path so that somebody takes it for another one.
use super::Probe;
use super::judge::Outcome;
use super::target::Request;

const GROUP: &str = "paths";

pub(super) async fn attempt(probe: &mut Probe<'_>) {
    for path in probe.plan.protected.clone() {
        let mut targets: Vec<_> = doors(probe).iter().flat_map(|door| climbs(door, &path)).collect();
        targets.extend(spellings(&path, &probe.target.origin()));
        targets.dedup();
        for target in targets {
            probe.must_refuse(GROUP, Request::get(target)).await;
        }
        for method in ["HEAD", "OPTIONS"] {
            probe.must_refuse(GROUP, Request::get(path.clone()).by(method)).await;
        }
        for target in look_alikes(&path) {
            look_alike(probe, &path, target).await;
        }
    }
}

/// Open places to climb out of: what the file says is open, and our own endpoints.
fn doors(probe: &Probe<'_>) -> Vec<String> {
    let open = probe.plan.open.iter().map(|door| door.trim_end_matches('/').to_owned());
    let mut doors: Vec<_> = open.collect();
    doors.push(format!("{}/healthz", probe.plan.prefix));
    doors.dedup();
    doors
}

/// From an open place back to the root and into the protected one.
fn climbs(door: &str, path: &str) -> Vec<String> {
    let up = |step: &str| step.repeat(door.matches('/').count().max(1));
    let bare = path.trim_start_matches('/');
    let steps = ["/..", "/%2e%2e", "/.%2E", "/..;", "/..;a=b", "/%252e%252e", "/%c0%ae%c0%ae", "/.%00."];
    let mut all: Vec<_> = steps.iter().map(|step| format!("{door}{}{path}", up(step))).collect();
    for glued in ["/..%2f", "/..%2F", "/..%5c", "/..\\", "/..%252f"] {
        // The last step brings its own slash.
        let steps = up(glued);
        all.push(format!("{door}{steps}{bare}"));
    }
    all.push(format!("{door}/.{}{path}", up("/..")));
    all.push(format!("{door}/{}{path}", up("/..")));
    all
}

/// The path itself, not as it is usually written. In each case it stays protected or is refused.
fn spellings(path: &str, origin: &str) -> Vec<String> {
    let bare = path.trim_start_matches('/');
    let first = bare.bytes().next().unwrap_or_default();
    let rest = bare.get(1..).unwrap_or_default();
    vec![
        format!("/{path}"),
        format!("/.{path}"),
        format!("/%2e{path}"),
        format!("/%2f{bare}"),
        format!("/\\{bare}"),
        format!("/;a=b{path}"),
        format!("/%{first:02x}{rest}"),
        format!("/%25{first:02x}{rest}"),
        format!("{path}/"),
        format!("{path}/."),
        format!("{path}//x"),
        format!("{path}/x/.."),
        format!("{path};a=b"),
        format!("{path}%00"),
        format!("{path}%0a"),
        format!("{path}/x.css"),
        format!("{path}?/../"),
        format!("{path}?access_token="),
        format!("{path}#/"),
        format!("{origin}{path}"),
    ]
}

/// Other paths to us, and to a backend that folds letters or cuts ends perhaps the same one.
fn look_alikes(path: &str) -> Vec<String> {
    vec![path.to_ascii_uppercase(), format!("{path}."), format!("{path}%20"), format!("{path}::$DATA")]
}

/// Let in under an open route, it is a hole only if the backend gives the protected thing for it.
async fn look_alike(probe: &mut Probe<'_>, path: &str, target: String) {
    if target == path {
        return;
    }
    let request = Request::get(target);
    let anonymous = probe.target.ask(&request).await;
    let (outcome, words) = probe.judged(&anonymous);
    let Some(answer) = anonymous.ok().filter(|_| matches!(outcome, Outcome::GotIn | Outcome::Unsure)) else {
        return probe.note(GROUP, &request, outcome, words);
    };
    let status = answer.status;
    let inside = probe.signed_in.iter().find(|inside| inside.path == path);
    let (outcome, words) = match (inside, status) {
        (_, 300..) => (Outcome::Held, format!("{status}: another path, where nothing is given away")),
        (Some(inside), _) if inside.status == status && inside.body == answer.body => {
            (Outcome::GotIn, format!("{status}, and the same as {path} for somebody who is signed in"))
        }
        (Some(_), _) => (Outcome::Held, format!("{status}, but not what stands at {path}")),
        (None, _) => (
            Outcome::NotTried,
            format!("{status}: whether that is {path}, a token that opens it (--token-file) would tell"),
        ),
    };
    probe.note(GROUP, &request, outcome, words);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_climb_goes_up_as_many_steps_as_the_door_is_deep() {
        let from = climbs("/auth/healthz", "/app");
        assert!(from.contains(&"/auth/healthz/../../app".to_owned()), "{from:?}");
        assert!(from.contains(&"/auth/healthz/..%2f..%2fapp".replace("%2f..", "%2f/..")), "{from:?}");
        assert!(climbs("", "/app").contains(&"/../app".to_owned()));
        assert!(spellings("/app", "http://a").contains(&"/%61pp".to_owned()));
    }
}
