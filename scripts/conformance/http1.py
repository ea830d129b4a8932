"""HTTP/1.1: every page and answer of ours held to httplint, and raw requests after RFC 9112.

http1.py PORT      ends with 1 where httplint says [BAD] or a raw case goes otherwise
"""
import argparse
import contextlib
import io
import json
import socket
import sys
import time
import urllib.request

from httplint.cli.http_parser import HttpCliParser, modes
from httplint.i18n import set_locale

PATIENCE = 5
OK, REFUSED, SERVED_ONCE = "200", "4xx or 5xx, and the end", "200 and then the end"


def asked(method, path, *fields, body=b""):
    fields = list(fields) + ([f"Content-Length: {len(body)}"] if body else [])
    return (f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n" + "".join(f"{field}\r\n" for field in fields) + "\r\n").encode() + body


FORM, JSON = "Content-Type: application/x-www-form-urlencoded", "Content-Type: application/json"

# Section of RFC 9112 (or 9110), words, what must come of it, and what is sent.
RAW = [
    ("2.1", "a plain request", OK, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("2.2", "an empty line before it", OK, b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("2.2", "a bare CR in a value", REFUSED, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
    ("2.2", "lines that end in LF alone", REFUSED, b"GET / HTTP/1.1\nHost: a\n\n"),
    ("2.2", "a blank before the first field", REFUSED, b"GET / HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n"),
    ("2.3", "HTTP/1.0", SERVED_ONCE, b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"),
    ("2.3", "HTTP/2.0 in a line", REFUSED, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    ("2.3", "a version in small letters", REFUSED, b"GET / http/1.1\r\nHost: a\r\n\r\n"),
    ("2.3", "a version with a blank", REFUSED, b"GET / HTTP/ 1.1\r\nHost: a\r\n\r\n"),
    ("3", "two blanks in the request line", REFUSED, b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3", "a tab in the request line", REFUSED, b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3", "a blank after the version", REFUSED, b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    ("3", "no version (HTTP/0.9)", REFUSED, b"GET /\r\n\r\n"),
    ("3.1", "a method in small letters", REFUSED, b"get / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3.1", "a method with a delimiter", REFUSED, b"GE(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3.2", "no Host", REFUSED, b"GET / HTTP/1.1\r\n\r\n"),
    ("3.2", "two Hosts", REFUSED, b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    ("3.2", "an empty Host", REFUSED, b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    ("3.2", "a Host with a path", REFUSED, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    ("3.2", "a Host with a name of somebody", REFUSED, b"GET / HTTP/1.1\r\nHost: x@a\r\n\r\n"),
    ("3.2", "a list in Host", REFUSED, b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    ("3.2.1", "a blank in the target", REFUSED, b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3.2.1", "a fragment in the target", REFUSED, b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3.2.1", "a byte above 127 in the target", REFUSED, b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3.2.1", "a target without a slash", REFUSED, b"GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3.2.2", "an absolute target", OK, b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3.2.2", "an absolute target of another host", REFUSED, b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3.2.2", "an absolute target and no Host", REFUSED, b"GET http://a/ HTTP/1.1\r\n\r\n"),
    ("3.2.3", "CONNECT", REFUSED, b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
    ("3.2.4", "OPTIONS *", "204", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3.2.4", "GET *", REFUSED, b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("5.1", "a blank before the colon", REFUSED, b"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n"),
    ("5.1", "blanks around a value", OK, b"GET / HTTP/1.1\r\nHost:   a \t\r\nX:y\r\n\r\n"),
    ("5.1", "no name", REFUSED, b"GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n"),
    ("5.1", "no colon", REFUSED, b"GET / HTTP/1.1\r\nHost: a\r\nxy\r\n\r\n"),
    ("5.2", "a folded line", REFUSED, b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n"),
    ("9110 5.5", "a zero byte in a value", REFUSED, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    ("9110 5.1", "a name with a delimiter", REFUSED, b"GET / HTTP/1.1\r\nHost: a\r\nX(y: z\r\n\r\n"),
    ("6.1", "chunks", OK, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    ("6.1", "chunks by another case of the name", OK, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n"),
    ("6.1", "a coding that nobody knows", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n"),
    ("6.1", "chunked twice", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ("6.1", "chunked and then another", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    ("6.1", "chunks in HTTP/1.0", REFUSED, b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("6.3", "a length beside chunks", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("6.3", "two lengths", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    ("6.3", "the same length twice in one field", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na"),
    ("6.2", "a length with a sign", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na"),
    ("6.2", "a length in hexadecimal", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\na"),
    ("6.2", "a length beyond 64 bits", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\na"),
    ("6.2", "a body of GET", OK, b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
    ("7.1", "a chunk with an extension", OK, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n"),
    ("7.1", "a size that is none", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nabc\r\n0\r\n\r\n"),
    ("7.1", "a size with a sign", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n"),
    ("7.1", "a size beyond 64 bits", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
    ("7.1", "a chunk longer than its size", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n"),
    ("7.1", "a size line that ends in LF alone", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n"),
    ("7.1.2", "trailers", OK, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n"),
    ("9.3", "two requests on one connection", "200 twice", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2),
    ("9.3.2", "two requests at once, the first with a body", "200 twice", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("9.6", "Connection: close", SERVED_ONCE, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    ("9110 9.3.2", "HEAD", "200 without a body", b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("9110 10.1.1", "Expect: 100-continue", OK, b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"),
    ("9110 10.1.1", "another expectation", REFUSED, b"POST / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 3\r\n\r\nabc"),
    ("9110 15.5.6", "405 names the methods", "405 with Allow", b"DELETE /auth/login HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("9110 15.5.2", "401 says how to sign in", "401 with WWW-Authenticate", b"GET /app HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("5.4", "a head that is too large", REFUSED, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70000 + b"\r\n\r\n"),
    ("3", "a target that is too long", REFUSED, b"GET /" + b"x" * 40000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
]


def pages(token, refresh):
    """Requests whose answers are all ours."""
    bearer = f"Authorization: Bearer {token}"
    for path in ("/auth/login", "/auth/register", "/auth/password/forgot", "/auth/password/reset?token=x", "/auth/verify-email?token=x",
                 "/auth/account", "/auth/errors", "/auth/healthz", "/auth/readyz", "/auth/openapi.json", "/auth/me", "/auth/nothing",
                 "/.well-known/jwks.json", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
                 "/.well-known/change-password", "/app", "/auth/verify", "/auth/verify/nginx", "/auth/passkeys", "/auth/mfa"):
        for accept in ("application/json", "text/html"):
            yield asked("GET", path, f"Accept: {accept}")
    for path in ("/auth/me", "/auth/user", "/auth/userinfo", "/auth/sessions", "/auth/passkeys", "/auth/mfa", "/auth/verify"):
        yield asked("GET", path, bearer)
    yield asked("GET", "/auth/me", "Authorization: Bearer nonsense")
    yield asked("DELETE", "/auth/login")
    yield asked("GET", "/auth/openapi.json", "If-None-Match: *")
    yield asked("OPTIONS", "*")
    wrong = b'{"username":"nobody-here","password":"not the right one"}'
    yield asked("POST", "/auth/login", JSON, body=wrong)
    yield asked("POST", "/auth/login", JSON, body=b"{")
    yield asked("POST", "/auth/login", "Content-Type: text/plain", body=b"x")
    yield asked("POST", "/auth/login", JSON, "Origin: http://elsewhere.example", body=wrong)
    yield asked("POST", "/auth/register", JSON, body=b'{"username":"!","password":"x"}')
    yield asked("POST", "/auth/register", JSON, body=b'{"username":"http1-more","password":"long-enough-4711"}')
    yield asked("POST", "/auth/token", FORM, body=b"grant_type=password&username=x&password=y")
    yield asked("POST", "/auth/token", FORM, body=b"grant_type=other")
    yield asked("POST", "/auth/refresh", JSON, body=b'{"refresh_token":"agr_x"}')
    yield asked("POST", "/auth/refresh", JSON, body=json.dumps({"refresh_token": refresh}).encode())
    yield asked("POST", "/auth/password/forgot", JSON, body=b'{"email":"a@b.example"}')
    yield asked("POST", "/auth/revoke", FORM, body=b"token=x")
    yield asked("POST", "/auth/introspect", FORM, body=b"token=x")
    yield asked("POST", "/auth/mfa/totp", bearer, JSON, body=b"{}")
    yield asked("POST", "/auth/passkeys/login/begin")
    yield asked("POST", "/auth/logout", bearer)


def sent(port, request):
    """All that comes back until the other side is silent, and whether it ended."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as wire:
        wire.sendall(request)
        wire.settimeout(0.5)
        while True:
            try:
                data = wire.recv(65536)
            except TimeoutError:
                if not got:
                    wire.settimeout(PATIENCE)
                    got = wire.recv(65536)
                    wire.settimeout(0.5)
                    continue
                return got, False
            except OSError:
                return got, True
            if not data:
                return got, True
            got += data


def judge(expected, got, ended):
    head, _, body = got.partition(b"\r\n\r\n")
    status = head.split(b" ")[1:2]
    status = status[0].decode() if status else ""
    while status == "100":
        head, _, body = body.partition(b"\r\n\r\n")
        status = head.split(b" ")[1].decode()
    fields = head.lower()
    if expected == OK:
        return status == "200" and not ended
    if expected == REFUSED:
        return (status[:1] in ("4", "5") and ended) or (not got and ended) or status in ("404", "405", "501", "421")
    if expected == SERVED_ONCE:
        return status == "200" and ended
    if expected == "200 twice":
        return got.count(b"HTTP/1.1 200") == 2
    if expected == "200 without a body":
        return status == "200" and body == b"" and b"content-length" in fields
    if expected == "405 with Allow":
        return status == "405" and b"\r\nallow: " in fields
    if expected == "401 with WWW-Authenticate":
        return status == "401" and b"\r\nwww-authenticate: " in fields
    return status == expected


def linting(answer):
    """What httplint says of an answer that came just now."""
    words = io.StringIO()
    with contextlib.redirect_stdout(words), set_locale("en"):
        HttpCliParser(argparse.Namespace(mode=modes.RESPONSE, input=modes.RESPONSE, now=True, locale="en"), time.time()).handle_input(answer)
    return words.getvalue()


def names(answer):
    """The status line and the names of the fields."""
    lines = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return {lines[0]} | {line.split(b":")[0].lower() for line in lines[1:]}


def person(port):
    body = json.dumps({"username": "http1", "password": "a-long-one-4711"}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/auth/register", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        answer = json.load(answer)
    return answer["access_token"], answer["refresh_token"]


def main(port):
    wrong = []
    for section, words, expected, request in RAW:
        got, ended = sent(port, request)
        if not judge(expected, got, ended):
            wrong.append(f"{section} {words}: wants {expected}, got {got[:60]!r}{' and the end' if ended else ''}")
    linted = heads = 0
    for request in pages(*person(port)):
        line = request.split(b"\r\n")[0].decode()
        got, _ = sent(port, request)
        said = linting(got)
        bad = [part.strip() for part in said.splitlines() if "[BAD]" in part]
        linted += 1
        if bad or "###" not in said:
            wrong.append(f"{line} {got.split(b' ')[1:2]}: {'; '.join(bad) or 'not read'}")
        # httplint reads no answer to HEAD: it has what the answer to GET has, but for the body.
        if line.startswith("GET "):
            head, _ = sent(port, b"HEAD" + request[3:])
            heads += 1
            # An empty body's length may be left out (RFC 9110, section 9.3.2).
            left_out = {b"content-length"} if b"\r\ncontent-length: 0\r\n" in got.lower() else set()
            if names(head) | left_out != names(got) or not head.endswith(b"\r\n\r\n"):
                wrong.append(f"HEAD of {line}: {sorted(names(head) ^ names(got))}")
    print("\n".join(wrong))
    cases = len(RAW) + linted + heads
    print(f"{cases} cases ({len(RAW)} raw, {linted} answers linted, {heads} compared with HEAD), {cases - len(wrong)} passed")
    return 1 if wrong else 0


sys.exit(main(int(sys.argv[1])))
