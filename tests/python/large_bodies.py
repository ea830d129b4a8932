"""A client that writes a whole body before it reads hears the refusal, and no broken pipe.

large_bodies.py GATEWAY_PORT
"""
import http.client
import sys

MIB = 1024 * 1024


def ask(port, path, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    said = (answer.status, b'"body_too_large"' in answer.read())
    connection.close()
    return said


def pieces(count):
    for _ in range(count):
        yield b"a" * MIB


port = int(sys.argv[1])
for name, path, body in [
    ("a byte too much", "/pub/x", lambda: b"a" * (10 * MIB + 1)),
    ("much too much", "/pub/x", lambda: b"a" * (40 * MIB)),
    ("in chunks", "/pub/x", lambda: pieces(24)),
    ("for an endpoint of ours", "/auth/login", lambda: b"a" * (11 * MIB)),
    ("in chunks for an endpoint of ours", "/auth/login", lambda: pieces(11)),
]:
    for _ in range(3):
        said = ask(port, path, body())
        if said != (413, True):
            sys.exit(f"{name}: {said}")
print("passed")
