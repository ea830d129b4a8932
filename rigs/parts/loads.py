"""Load: wrk for HTTP/1.1, h2load for HTTP/2 and for a pace, and what was measured meanwhile."""
import dataclasses, json, os, pathlib, re, subprocess, sys, time

from parts.peers import ROOT, from_pypi, Missing
from parts.process import LOAD_CORE, pinned, say

SCRIPTS = {
    "closing": 'wrk.headers["Connection"] = "close"\n',
    "posting": 'wrk.method = "POST"\nwrk.body = string.rep("x", 10240)\nwrk.headers["Content-Type"] = "application/octet-stream"\n',
    "signing-in": 'wrk.method = "POST"\nwrk.body = \'{"username":"rig","password":"PASSWORD"}\'\nwrk.headers["Content-Type"] = "application/json"\n',
    # A run begins anywhere among them, so that it finds nothing that the run before it left.
    "tokens": """
local asked, turn = {}, 0
function init()
  for token in io.lines("TOKENS") do
    asked[#asked + 1] = "GET /api/x HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nAuthorization: Bearer " .. token .. "\\r\\n\\r\\n"
  end
  turn = BEGIN
end
function request()
  turn = turn + 1
  return asked[turn % #asked + 1]
end
""",
}


@dataclasses.dataclass
class Run:
    requests: int
    seconds: float
    cpu_us: float
    rss_kib: int

    @property
    def per_second(self):
        return self.requests / self.seconds


def script(rig, name, **values):
    text = SCRIPTS[name]
    for what, value in values.items():
        text = text.replace(what, str(value))
    file = rig.folder / f"{name}.lua"
    file.write_text(text)
    return ["-s", str(file)]


def wrk(rig, peer, seconds, path=None, connections=64, lua=None, core=LOAD_CORE, token=True, **values):
    header = ["-H", f"Authorization: Bearer {peer.token}"] if peer.token and token else []
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", *(script(rig, lua, **values) if lua else []), *header]
    out, cpu = counted(peer, [*words, url(peer, path)], core)
    done = int((re.search(r"(\d+) requests in", out) or [0, 0])[1])
    failed = int((re.search(r"Non-2xx or 3xx responses: (\d+)", out) or [0, 0])[1])
    return judged(peer, seconds, out, cpu, done, failed)


def h2load(rig, peer, seconds, path=None, core=LOAD_CORE, words=("-c", "8", "-m", "32")):
    header = ["-H", f"Authorization: Bearer {peer.token}"] if peer.token else []
    out, cpu = counted(peer, ["h2load", "-D", str(seconds), "-t", "1", *words, *header, url(peer, path)], core)
    done, failed = int((re.search(r"(\d+) 2xx", out) or [0, 0])[1]), int((re.search(r"(\d+) failed", out) or [0, 0])[1])
    return judged(peer, seconds, out, cpu, done, failed)


def handshakes(rig, peer, seconds):
    """A connection for each request, and none takes up a session of before, as wrk's do: h2load's never do."""
    header, done, out, cpu, begun = ["-H", f"Authorization: Bearer {peer.token}"] if peer.token else [], 0, "", 0.0, time.monotonic()
    while (took := time.monotonic() - begun) < seconds:
        out, more = counted(peer, ["h2load", "--h1", "-n", "400", "-c", "400", "-t", "1", *header, url(peer, None)], LOAD_CORE)
        if not re.search(r"\b400 2xx", out) or "TLSv1.3" not in out:
            return judged(peer, took, out, cpu, done, 1)
        done, cpu = done + 400, cpu + more
    return judged(peer, took, out, cpu, done, 0)


def paced(rig, peer, seconds, a_second=1000, connections=20):
    """A fixed pace, whatever the answers do; gives the 99th percentile of their times in µs."""
    log = rig.folder / "paced.log"
    log.unlink(missing_ok=True)
    words = ("--h1", "-c", str(connections), f"--rps={a_second // connections}", f"--log-file={log}")
    h2load(rig, peer, seconds, core=None, words=words)
    rows = [line.split("\t") for line in log.read_text().splitlines()]
    if bad := [row for row in rows if row[1] != "200"]:
        sys.exit(f"{len(bad)} of {len(rows)} paced requests were not answered 200: {bad[:3]}")
    times = sorted(int(row[2]) for row in rows)
    return times[int(len(times) * 0.99)]


def url(peer, path):
    return f"{peer.scheme}://127.0.0.1:{peer.port}{path or peer.path}"


def counted(peer, argv, core):
    before = peer.proc.cpu_seconds()
    ran = subprocess.run(pinned(core, argv), capture_output=True, text=True)
    return ran.stdout + ran.stderr, peer.proc.cpu_seconds() - before


def judged(peer, seconds, out, cpu, done, failed):
    if failed or not done:
        sys.exit(f"{failed} failed of {done} requests at {url(peer, None)}:\n{out}")
    return Run(done, seconds, cpu * 1e6 / done, peer.proc.kib())


# --- a hundred thousand tokens

COUNT = 100_000
SIGNER = """
import base64, json, pathlib, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
key, like, out, count = sys.argv[1:]
key = serialization.load_pem_private_key(pathlib.Path(key).read_bytes(), None)
text = lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
head, claims = like.split(".")[:2]
claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
with open(out, "w") as file:
    for number in range(int(count)):
        claims["jti"] = claims["jti"][:-8] + f"{number:08d}"
        signed = head + "." + text(json.dumps(claims, separators=(",", ":")).encode())
        file.write(signed + "." + text(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())) + "\\n")
"""


def private_key(rig):
    file = rig.folder / "rs256.pem"
    if not file.exists():
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(file)], check=True, capture_output=True)
    return file


def many_tokens(rig, like):
    """As `like`, but each with its own `jti`, signed with the same key."""
    bin = from_pypi("cryptography==46.0.3")
    if not bin:
        raise Missing("the signer of many tokens (PyPI cryptography)")
    out = rig.folder / "tokens"
    say(f"P10: signing {COUNT} tokens")
    subprocess.run([str(bin / "python"), "-c", SIGNER, str(private_key(rig)), like, str(out), str(COUNT)], check=True)
    return out
