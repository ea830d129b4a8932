"""The front end of the usual Flask tutorial: JSON to /register and /login, a bearer, DELETE /logout."""
import sys

import httpx

client = httpx.Client(base_url=sys.argv[1])
person = {"username": "flora", "password": "arolf-Kiefer-7-Wolke"}
assert client.post("/register", json=person).status_code == 201
assert client.post("/login", json=person | {"password": "wrong-wrong"}).json()["msg"] == "Bad username or password"
answer = client.post("/login", json=person)
assert answer.status_code == 200, answer.text
access, refresh = answer.json()["access_token"], answer.json()["refresh_token"]
bearer = {"Authorization": f"Bearer {access}"}
assert client.get("/app/x").status_code == 401
assert client.get("/app/x").json() == {"msg": "Missing Authorization Header"}
assert client.get("/app/x", headers=bearer).status_code == 200
assert client.get("/user", headers=bearer).json()["username"] == "flora"
renewed = client.post("/refresh", headers={"Authorization": f"Bearer {refresh}"})
assert renewed.status_code == 200 and renewed.json()["access_token"], renewed.text
assert client.delete("/logout", headers=bearer).status_code in (200, 204)
gone = client.get("/app/x", headers=bearer)
assert gone.status_code == 401 and gone.json() == {"msg": "Token has been revoked"}, gone.text
print("done")
