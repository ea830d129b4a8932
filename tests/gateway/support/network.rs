//! A network of a test's own, whose packets can be lost: namespaces of the kernel, which end with the processes in them however those end.
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Where the test plays: this machine's loopback, and nobody else's.
#[derive(Debug)]
pub(crate) struct Network(());

impl Network {
    /// Plays the test of this name in a network of its own, in a process of its own. Said loudly, and not played, where the system
    /// has no namespaces for us, or `ip` or `nft` is not installed.
    pub(crate) fn of_its_own(name: &str, test: impl FnOnce(&Self)) {
        if std::env::var_os(INSIDE).is_some() {
            let network = Self(());
            network.begin();
            return test(&network);
        }
        if let Err(why) = may_be_made() {
            eprintln!(
                "!! SKIPPED: no network with losses: {why} (`scripts/prepare test` installs iproute2 and nftables)"
            );
            return;
        }
        let test = std::env::current_exe().unwrap();
        let args = ["--exact", name, "--nocapture"];
        let ran = apart().arg(test).args(args).env(INSIDE, "yes").output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        eprint!("{said}{}", String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{name} failed in its network");
        assert!(said.contains("1 passed"), "there is no test {name}");
    }

    /// Packets as they are between machines: none carries more than a line would.
    fn begin(&self) {
        told(Command::new("ip").args(["-batch", "-"]), LINK).unwrap();
    }

    /// Of a hundred packets from or to these ports so many are lost, in each direction; nobody is told.
    pub(crate) fn loses(&self, percent: u32, ports: impl IntoIterator<Item = u16>) {
        self.drops(&format!("numgen random mod 100 < {percent}"), ports);
    }

    /// Nothing gets through from or to these ports, in either direction.
    pub(crate) fn cuts(&self, ports: impl IntoIterator<Item = u16>) {
        self.drops("", ports);
    }

    fn drops(&self, when: &str, ports: impl IntoIterator<Item = u16>) {
        let ports: Vec<_> = ports.into_iter().map(|port| port.to_string()).collect();
        let ports = ports.join(", ");
        self.follows(&format!("tcp dport {{ {ports} }} {when} drop;\ntcp sport {{ {ports} }} {when} drop;\n"));
    }

    pub(crate) fn is_well(&self) {
        self.follows("");
    }

    /// Connections that a program still holds at this port of its own.
    pub(crate) fn accepted(&self, port: u16) -> usize {
        self.held().filter(|(own, _)| *own == port).count()
    }

    /// Connections that a program still holds to this port.
    pub(crate) fn opened(&self, port: u16) -> usize {
        self.held().filter(|(_, other)| *other == port).count()
    }

    /// Own and other port, as the kernel lists them; what only the kernel still holds has no inode.
    fn held(&self) -> impl Iterator<Item = (u16, u16)> {
        let list = std::fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
        let lines: Vec<_> = list.lines().skip(1).map(str::to_owned).collect();
        lines.into_iter().filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let port = |at: usize| u16::from_str_radix(words[at].rsplit(':').next()?, 16).ok();
            let (own, other) = (port(1)?, port(2)?);
            (other != 0 && words[9] != "0").then_some((own, other))
        })
    }

    /// Where packets arrive, so that whoever sent one does not hear of its loss.
    fn follows(&self, rules: &str) {
        let chain = format!(
            "flush ruleset\ntable inet losses {{\nchain arriving {{\ntype filter hook input priority 0; policy accept;\n{rules}}}\n}}\n"
        );
        told(Command::new("nft").args(["-f", "-"]), &chain).unwrap();
    }
}

fn may_be_made() -> Result<(), String> {
    told(apart().args(["ip", "-batch", "-"]), LINK)?;
    let rules = "table inet try {\nchain c {\ntcp dport 1 numgen random mod 100 < 20 drop;\n}\n}\n";
    told(apart().args(["nft", "-f", "-"]), rules)
}

/// The loopback, up and with packets of a line's size.
const LINK: &str = "link set lo mtu 1500\nlink set lo gso_max_segs 1\nlink set lo up\n";

/// Runs a program that is told so.
fn told(command: &mut Command, what: &str) -> Result<(), String> {
    let command = command.env("PATH", PATH).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    // One that ended already says why below.
    drop(child.stdin.take().unwrap().write_all(what.as_bytes()));
    let done = child.wait_with_output().map_err(|error| error.to_string())?;
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).trim().to_owned()) }
}

/// A program in namespaces without a name: nothing is left of them when it or the test is killed, and nothing that it started.
fn apart() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    let root = Command::new("id").arg("-u").output().is_ok_and(|said| said.stdout == b"0\n");
    if !root {
        command.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    command.arg("--");
    command
}

const INSIDE: &str = "AUTHGATES_TEST_IN_ITS_NETWORK";
/// Who is not root may not have these on the way.
const PATH: &str = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";
