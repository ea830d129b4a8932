"""A Flask backend with JWT_TOKEN_LOCATION = ["cookies"] behind the gateway, and a page that uses both.

Arguments: the backend's port, the gateway's port, the secret, alice's password.
"""
import sys
import threading

import httpx
from flask import Flask, jsonify, request
from flask_jwt_extended import (
    JWTManager, create_access_token, create_refresh_token, get_jwt_identity, jwt_required, set_access_cookies,
    set_refresh_cookies)
from werkzeug.serving import make_server

BACKEND, GATEWAY, SECRET, PASSWORD = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
app = Flask("backend")
app.config.update(JWT_SECRET_KEY=SECRET, JWT_TOKEN_LOCATION=["cookies"])
JWTManager(app)


@app.post("/backend/login")
def login():
    answer = jsonify(login=True)
    set_access_cookies(answer, create_access_token(identity="alice", fresh=True))
    set_refresh_cookies(answer, create_refresh_token(identity="alice"))
    return answer


@app.route("/backend/me", methods=["GET", "POST", "DELETE"])
@jwt_required()
def me():
    return jsonify(identity=get_jwt_identity(), method=request.method)


server = make_server("127.0.0.1", BACKEND, app)
threading.Thread(target=server.serve_forever, daemon=True).start()
gateway, direct = f"http://127.0.0.1:{GATEWAY}", f"http://127.0.0.1:{BACKEND}"


def same(page, method, path, headers, status):
    """What the gateway answers is what the library answers."""
    ours, theirs = page.request(method, gateway + path, headers=headers), page.request(method, direct + path, headers=headers)
    assert (ours.status_code, ours.json()) == (theirs.status_code, theirs.json()), (ours.text, theirs.text)
    assert ours.status_code == status, (ours.status_code, ours.text)


def use(page):
    csrf = page.cookies["csrf_access_token"]
    same(page, "GET", "/backend/me", {}, 200)
    for method in ("POST", "DELETE"):
        same(page, method, "/backend/me", {}, 401)
        same(page, method, "/backend/me", {"X-CSRF-TOKEN": "wrong"}, 401)
        same(page, method, "/backend/me", {"X-CSRF-TOKEN": csrf}, 200)
    assert page.get(gateway + "/app/x").status_code == 200


# The gateway's own cookies.
with httpx.Client() as page:
    answer = page.post(gateway + "/auth/login", json={"username": "alice", "password": PASSWORD})
    lines = answer.headers.get_list("set-cookie")
    names = {line.split("=")[0]: line for line in lines}
    wanted = ["access_token_cookie", "csrf_access_token", "csrf_refresh_token", "refresh_token_cookie"]
    assert sorted(names) == wanted, names
    assert all(("HttpOnly" in line) == name.endswith("_cookie") for name, line in names.items()), names
    use(page)
    # Renewed by the cookie alone, when the page shows that it reads the one beside it.
    before = page.cookies["access_token_cookie"]
    for headers in ({}, {"X-CSRF-TOKEN": page.cookies["csrf_access_token"]}):
        assert page.post(gateway + "/auth/refresh", headers=headers).status_code == 401
    renewed = page.post(gateway + "/auth/refresh", headers={"X-CSRF-TOKEN": page.cookies["csrf_refresh_token"]})
    assert renewed.status_code == 200 and page.cookies["access_token_cookie"] != before, renewed.text
    use(page)
    # A token beside the cookie: the same is welcome, another one is refused.
    same_one = {"Authorization": "Bearer " + page.cookies["access_token_cookie"]}
    assert page.get(gateway + "/app/x", headers=same_one).status_code == 200
    assert page.get(gateway + "/app/x", headers={"Authorization": "Bearer " + before}).status_code == 400
    # No other site's page can sign anybody out.
    kept = dict(page.cookies)
    assert page.delete(gateway + "/auth/logout").status_code == 401
    gone = page.delete(gateway + "/auth/logout", headers={"X-CSRF-TOKEN": page.cookies["csrf_access_token"]})
    assert gone.status_code == 200 and not page.cookies, (gone.text, page.cookies)
    assert httpx.get(gateway + "/app/x", cookies=kept).status_code == 401
    assert httpx.post(gateway + "/auth/refresh", cookies=kept,
                      headers={"X-CSRF-TOKEN": kept["csrf_refresh_token"]}).status_code in (401, 422)

# The library's own.
with httpx.Client() as page:
    assert page.post(gateway + "/backend/login").status_code == 200
    use(page)
    for headers in ({}, {"X-CSRF-TOKEN": page.cookies["csrf_access_token"]}):
        assert page.post(gateway + "/auth/refresh", headers=headers).status_code == 401
    renewed = page.post(gateway + "/auth/refresh", headers={"X-CSRF-TOKEN": page.cookies["csrf_refresh_token"]})
    assert renewed.status_code == 200, renewed.text
    use(page)
    page.cookies.set("other", "1", domain="127.0.0.1")
    assert page.get(gateway + "/app/last").status_code == 200
print("done")
