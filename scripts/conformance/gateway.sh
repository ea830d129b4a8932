# Read by the suites beside it: a gateway of its own before a backend that answers at once, in a temporary folder, on free ports.
#   suite=NAME gateway=BINARY settings=TOML tables=TOML
#   start_gateway [TLS]              sets $door (its port) and $work (its folder)
#   row VERSION CASES PASSED WORDS   what the last table says of this suite
# A suite ends with 0 where everything is as expected, with 1 where it is not; what cannot be had is skipped, loudly.
out=$PWD/target/conformance/$suite
mkdir -p "$out"
rm -f "$out/row"
say() { printf '%s: %s\n' "$suite" "$*" >&2; }
row() { printf '%s\t%s\t%s\t%s\n' "$@" >"$out/row"; }
skip() { say "!! SKIPPED: $*"; row - - skipped "$*"; exit 0; }
has() { command -v "$1" >/dev/null 2>&1; }

# The program of a Debian package, installed where that may be done.
program() {
    has "$1" && return
    { [ "$(id -u)" = 0 ] && has apt-get; } || skip "$1 is missing; as root: apt-get install -y $2"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2"; } >/dev/null 2>&1 ||
        skip "the package $2 cannot be installed"
}
# Its version, as the system tells it.
packaged() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null || printf 'unknown'; }

# Packages from PyPI, in target/python.
python_packages() { python=$(scripts/python "$@")/python || skip "$* cannot be installed"; }

jobs_started=()
work=$(mktemp -d)
finish() {
    for id in "${jobs_started[@]}"; do kill "$id" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
until_listening() { for _ in $(seq 400); do (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.05; done; say "nothing listens on $1"; exit 1; }

start_gateway() {
    local backend desk tls=''
    [ -x "$gateway" ] || cargo build --locked
    gateway=$(realpath "$gateway")
    backend=$(free_port) door=$(free_port) desk=$(free_port)
    python3 scripts/conformance/backend.py "$backend" >"$out/backend.log" 2>&1 &
    jobs_started+=($!)
    if [ "${1:-}" = TLS ]; then
        certificate
        tls=$'[tls]\ncert = "cert.pem"\nkey = "key.pem"\n'
        tls+=${tls_settings:-}
    fi
    cat >"$work/gateway.toml" <<TOML
[server]
listen = "127.0.0.1:$door"
${settings:-}
[admin]
listen = "127.0.0.1:$desk"
$tls
${tables:-}
[[routes]]
prefix = "/"
upstream = "http://127.0.0.1:$backend"
auth = "none"
[[routes]]
prefix = "/app"
upstream = "http://127.0.0.1:$backend"
TOML
    (cd "$work" && exec "$gateway" run -c gateway.toml >"$out/gateway.log" 2>&1) &
    jobs_started+=($!)
    until_listening "$backend"
    until_listening "$door"
}

# Made for this run, with an authority of its own.
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=authority \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout "$work/key.pem" \
        -out "$work/request.pem" 2>/dev/null
    openssl x509 -req -in "$work/request.pem" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 90 -extfile \
        <(printf '%s\n' subjectAltName=DNS:localhost,IP:127.0.0.1 basicConstraints=critical,CA:FALSE extendedKeyUsage=serverAuth \
            keyUsage=digitalSignature authorityKeyIdentifier=keyid subjectKeyIdentifier=hash) \
        -out "$work/leaf.pem" 2>/dev/null
    cat "$work/leaf.pem" "$work/ca.pem" >"$work/cert.pem"
    chmod 600 "$work/key.pem"
}
