"""The front end of FastAPI's tutorial (OAuth2 with Password): a form to /token, a bearer, GET /users/me."""
import sys

import httpx

client = httpx.Client(base_url=sys.argv[1])
person = {"username": "fay", "password": "yaf-Kiefer-7-Wolke"}
assert client.post("/register", json=person).status_code == 201
wrong = client.post("/token", data=person | {"password": "wrong-wrong"})
assert wrong.status_code in (400, 401), wrong.text
answer = client.post("/token", data=person)
assert answer.status_code == 200, answer.text
token = answer.json()
assert token["token_type"].lower() == "bearer"
# As the tutorial's "Authorize" button of the API pages sends it.
button = client.post("/token", data=person | {"grant_type": "password", "scope": "", "client_id": "", "client_secret": ""})
assert button.status_code == 200, button.text
bearer = {"Authorization": f"Bearer {token['access_token']}"}
me = client.get("/users/me", headers=bearer)
assert me.status_code == 200 and me.json()["username"] == "fay", me.text
missing = client.get("/users/me")
assert missing.status_code == 401 and missing.headers["www-authenticate"].startswith("Bearer")
assert client.get("/app/x", headers=bearer).status_code == 200
assert client.delete("/logout", headers=bearer).status_code in (200, 204)
assert client.get("/users/me", headers=bearer).status_code == 401
print("done")
