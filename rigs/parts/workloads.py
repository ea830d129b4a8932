"""What is measured: each line of the table, with its bar and its goal. A `Sample` is one figure of one side in one round."""
import contextlib, dataclasses, socket, subprocess, sys, threading, time

from parts import loads
from parts.peers import PASSWORD, Authgate, Caddy, Envoy, Haproxy, NginxPlain
from parts.process import ANY_CORE
from parts.sibling import sibling


@dataclasses.dataclass
class Sample:
    value: float
    per_second: float = 0
    rss_kib: int = 0


@dataclasses.dataclass
class Workload:
    """`open(rig)` is a context with what measures each side: `ours`, and `theirs` unless the figure stands alone."""

    what: str
    unit: str
    open: object
    kind: str = "ratio"  # of ours to theirs; or "more" by a difference, or the "figure" itself
    better: str = "less"
    bar: float | None = None
    goal: float | None = None
    of: str | None = None  # another workload, whose memory of ours this is
    least: int = 0  # seconds that a run takes at least


@contextlib.contextmanager
def stopped(*peers):
    try:
        yield
    finally:
        for peer in peers:
            peer.stop()


def beside(make_ours, make_theirs, load=loads.wrk, value=lambda run: run.cpu_us, **how):
    """Ours and theirs up at the same time, asked in turn by the same load."""

    @contextlib.contextmanager
    def opened(rig):
        sides = {"ours": make_ours(rig)}
        try:
            sides["theirs"] = make_theirs(rig)
        except BaseException:
            sides["ours"].stop()
            raise
        with stopped(*sides.values()):
            def measure(side, seconds):
                run = load(rig, sides[side], seconds, **how)
                return Sample(value(run), run.per_second, run.rss_kib)

            for side in sides:
                measure(side, 1)
            yield {side: lambda seconds, side=side: measure(side, seconds) for side in sides}, sides["theirs"].version

    return opened


def tokens_in_turn():
    """100,000 tokens in turn; the peer verifies with the same key."""

    @contextlib.contextmanager
    def opened(rig):
        ours = Authgate(rig, "RS256", key=loads.private_key(rig), more="")
        try:
            tokens = loads.many_tokens(rig, ours.token)
            theirs = Haproxy(rig, "RS256", ours.token, ours.jwks)
        except BaseException:
            ours.stop()
            raise
        with stopped(ours, theirs):
            def measure(peer, seconds):
                begin = time.monotonic_ns() // 1000 % loads.COUNT
                run = loads.wrk(rig, peer, seconds, lua="tokens", token=False, TOKENS=tokens, BEGIN=begin)
                return Sample(run.cpu_us, run.per_second, run.rss_kib)

            for peer in (ours, theirs):
                measure(peer, 1)
            yield {"ours": lambda seconds: measure(ours, seconds), "theirs": lambda seconds: measure(theirs, seconds)}, theirs.version

    return opened


FLOOD = """
[limits]
login_per_ip = "1000000/m"
login_per_account = "1000000/m"
"""


@contextlib.contextmanager
def flooded(rig):
    """1,000 requests a second, quiet and while 200 sign-ins are under way all the time; nothing is pinned."""
    gateway = Authgate(rig, "ES256", workers=0, core=ANY_CORE, more=FLOOD)
    with stopped(gateway):
        def quiet(seconds):
            return Sample(loads.paced(rig, gateway, seconds), 1000, gateway.proc.kib())

        def under_sign_ins(seconds):
            signed_in = []
            flood = threading.Thread(target=lambda: signed_in.append(loads.wrk(
                rig, gateway, seconds + 3, path="/auth/login", connections=200, lua="signing-in", core=None, token=False, PASSWORD=PASSWORD)))
            flood.start()
            time.sleep(1)
            value = loads.paced(rig, gateway, seconds)
            flood.join()
            if not signed_in:
                sys.exit("the sign-ins failed")
            return Sample(value, 1000, gateway.proc.kib())

        quiet(1)
        yield {"ours": under_sign_ins, "theirs": quiet}, "itself, quiet"


@contextlib.contextmanager
def starting(rig):
    """From the start of the process to the whole of the first answer, of a proxied request with a token of before."""
    gateway = Authgate(rig, "ES256", workers=0, core=ANY_CORE)
    gateway.stop()
    ask = f"GET /api/x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer {gateway.token}\r\n\r\n".encode()

    def once():
        begun = time.monotonic()
        gateway.start()
        with stopped(gateway):
            while not (answer := said_to(gateway.port, ask)):
                if time.monotonic() > begun + 30:
                    sys.exit("the gateway does not start")
                time.sleep(0.0005)
            took = time.monotonic() - begun
        if not answer.startswith(b"HTTP/1.1 200"):
            sys.exit(f"the first answer is {answer[:200]}")
        return took * 1000

    def measure(_seconds):
        return Sample(sorted(once() for _ in range(5))[2])

    yield {"ours": measure}, ""


def said_to(port, ask):
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as stream:
            stream.sendall(ask)
            got = b""
            while piece := stream.recv(65536):
                got += piece
            return got
    except OSError:
        return b""


def resting(field):
    """Memory two seconds after the start, before any connection; a SQLite file and an account are there."""

    @contextlib.contextmanager
    def opened(rig):
        gateway = Authgate(rig, "ES256", workers=0, core=ANY_CORE)
        gateway.stop()

        def measure(_seconds):
            gateway.start()
            with stopped(gateway):
                until = time.monotonic() + 30
                while not gateway.proc.listens(gateway.port):
                    if time.monotonic() > until:
                        sys.exit("the gateway does not listen")
                    time.sleep(0.05)
                time.sleep(2)
                return Sample(gateway.proc.kib(field) / 1024, 0, gateway.proc.kib())

        yield {"ours": measure}, ""

    return opened


@contextlib.contextmanager
def one_core_and_two(rig):
    """Requests that a second of processor time yields, once with one worker, and twice that with two; nothing is pinned.

    On two cores load and upstream need a share of both, so this is what the second worker takes from the first (locks, caches), and
    not a throughput seen; with four cores or more see README.md here."""
    one, two = (Authgate(rig, "ES256", workers=workers, core=ANY_CORE) for workers in (1, 2))
    with stopped(one, two):
        def measure(peer, workers, seconds):
            run = loads.wrk(rig, peer, seconds, core=None)
            return Sample(workers * 1e6 / run.cpu_us, run.per_second, run.rss_kib)

        for peer in (one, two):
            measure(peer, 1, 1)
        yield {"ours": lambda seconds: measure(two, 2, seconds), "theirs": lambda seconds: measure(one, 1, seconds)}, "itself, one worker"


@contextlib.contextmanager
def instructions(rig):
    yield {"ours": lambda _seconds: Sample(sibling("instructions").count(rig.binary))}, ""


def idle(kind):
    @contextlib.contextmanager
    def opened(rig):
        yield {"ours": lambda seconds: Sample(sibling("idle").each(str(rig.binary), kind, 10_000 if seconds > 1 else 1000))}, ""

    return opened


known, known_es = Authgate, lambda rig: Authgate(rig, "ES256")
logging = lambda rig: Authgate(rig, access_log=True)
over_tls = lambda kind: (lambda rig: Authgate(rig, tls=kind), lambda rig: NginxPlain(rig, kind))
verifying = lambda algorithm: lambda rig: Haproxy(rig, algorithm)
handshakes = {"load": loads.handshakes, "value": lambda run: 1e6 / run.cpu_us}
US, PER_CPU = "µs", "per CPU second"

WORKLOADS = {
    "P1": Workload("a: a known HS256 token; theirs checks nothing", US, beside(known, NginxPlain), bar=1.4, goal=1.0),
    "P1e": Workload("a: a known ES256 token; theirs checks nothing", US, beside(known_es, NginxPlain), bar=1.4, goal=1.0),
    "P2h": Workload("a: HS256, both check", US, beside(known, verifying("HS256")), bar=0.75, goal=0.5),
    "P2r": Workload("a: RS256, both check", US, beside(lambda rig: Authgate(rig, "RS256"), verifying("RS256")), bar=0.33, goal=0.2),
    "P2e": Workload("a: ES256, both check", US, beside(known_es, verifying("ES256")), bar=0.16, goal=0.1),
    "P3": Workload("a: RS256, both remember the token", US, beside(lambda rig: Authgate(rig, "RS256"), lambda rig: Envoy(rig, "RS256")), bar=0.35, goal=0.2),
    "P4": Workload("a: instructions in user space, by callgrind", "instructions", instructions, "figure", bar=35_000, goal=25_700),
    "P5": Workload("a: access log on, more than off", US, beside(logging, known), "more", bar=4, goal=2),
    "P6b": Workload("b: 10 KB answer", US, beside(known, NginxPlain, path="/api/10k"), bar=1.4, goal=1.0),
    "P6d": Workload("d: POST of 10 KB", US, beside(known, NginxPlain, lua="posting"), bar=1.4, goal=1.0),
    "P7": Workload("c: 1 MB answer", "MB " + PER_CPU, beside(known, NginxPlain, path="/api/1m", connections=16, value=lambda run: 1.048576e6 / run.cpu_us), better="more", bar=1.2, goal=1.4),
    "P8": Workload("e: a new connection for each; theirs checks nothing", US, beside(known, Haproxy, lua="closing"), bar=1.3, goal=1.1),
    "P9": Workload("f: HTTP/2 from the client, HS256", US, beside(known, verifying("HS256"), load=loads.h2load), bar=1.0, goal=0.65),
    "P10": Workload("g: 100,000 RS256 tokens in turn", US, tokens_in_turn(), bar=0.75, goal=0.6),
    "P10m": Workload("g: memory after it", "MB", None, "figure", bar=32, of="P10"),
    "P11": Workload("h: memory of a connection, kept after an answer", "KiB", idle("kept"), "figure", bar=12, goal=2),
    "P11s": Workload("h: memory of a connection that never spoke", "KiB", idle("silent"), "figure", bar=12, goal=2),
    "P11t": Workload("h: memory of a connection, kept, over TLS", "KiB", idle("tls"), "figure", bar=12, goal=2),
    "P12": Workload("ihs: TLS 1.3 handshake for each, RSA-2048", "handshakes " + PER_CPU, beside(*over_tls("rsa"), **handshakes), better="more", bar=1.6, goal=1.9),
    "P12e": Workload("ihs: the same with a certificate on P-256", "handshakes " + PER_CPU, beside(*over_tls("ec"), **handshakes), better="more", bar=1.6, goal=1.9),
    "P12k": Workload("ika: TLS on kept connections", US, beside(*over_tls("rsa")), bar=1.1, goal=0.8),
    "P13": Workload("p99 while 200 sign-ins run", "µs at p99", flooded, bar=2.0, goal=1.3, least=8),
    "P14": Workload("start to first answer, SQLite file there", "ms", starting, "figure", bar=150, goal=50),
    "P15": Workload("memory idle, SQLite store", "MB", resting("VmRSS"), "figure", bar=15, goal=8),
    "P15a": Workload("of it not the program file's own pages", "MB", resting("RssAnon"), "figure"),
    "P16": Workload("two workers against one, reckoned (README)", "requests " + PER_CPU, one_core_and_two, better="more", bar=1.8, goal=1.95),
    "Caddy": Workload("a: a known HS256 token; theirs checks nothing", US, beside(known, Caddy)),
    "CaddyF": Workload("a: HS256; theirs by forward_auth, its own cost only", US, beside(known, lambda rig: Caddy(rig, forward_auth=True))),
}
