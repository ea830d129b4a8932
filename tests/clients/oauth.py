"""Real clients from PyPI against a running gateway: python oauth.py BASE_URL USERNAME PASSWORD SERVICE_TOKEN"""
import os
import sys

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import jwt
import requests
from authlib.integrations.requests_client import OAuth2Session as Authlib
from jwt import PyJWKClient
from oauthlib.oauth2 import LegacyApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidGrantError
from requests_oauthlib import OAuth2Session as RequestsOAuthlib

base, username, password, service = sys.argv[1:]
found = requests.get(f"{base}/.well-known/oauth-authorization-server", timeout=10).json()
assert found["issuer"] == base, found
at = {name: found[f"{name}_endpoint"] for name in ("token", "userinfo", "introspection", "revocation")}


def bearer(_client, _method, uri, headers, body):
    headers["Authorization"] = f"Bearer {service}"
    return uri, headers, body


def alive(token):
    return requests.get(at["userinfo"], headers={"Authorization": f"Bearer {token}"}, timeout=10).status_code == 200


def authlib():
    client = Authlib("cli", token_endpoint=at["token"], token_endpoint_auth_method="none")
    first = client.fetch_token(at["token"], grant_type="password", username=username, password=password)
    assert client.get(at["userinfo"]).json()["username"] == username
    second = client.refresh_token(at["token"], refresh_token=first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    asks = Authlib("cli", token_endpoint_auth_method=bearer)
    asks.register_client_auth_method(("bearer", bearer))
    asks.token_endpoint_auth_method = "bearer"
    told = asks.introspect_token(at["introspection"], token=second["access_token"]).json()
    assert told["active"] is True and told["username"] == username, told
    assert client.revoke_token(at["revocation"], token=second["refresh_token"]).status_code == 200
    assert not alive(second["access_token"])
    told = asks.introspect_token(at["introspection"], token=second["access_token"]).json()
    assert told == {"active": False}, told


def requests_oauthlib():
    client = RequestsOAuthlib(client=LegacyApplicationClient("cli"))
    first = client.fetch_token(at["token"], username=username, password=password, include_client_id=True)
    assert client.get(at["userinfo"]).json()["username"] == username
    second = client.refresh_token(at["token"], refresh_token=first["refresh_token"], client_id="cli")
    assert second["access_token"] != first["access_token"]
    try:
        client.fetch_token(at["token"], username=username, password="wrong", include_client_id=True)
    except InvalidGrantError:
        return
    raise AssertionError("a wrong password was taken")


def pyjwt():
    client = Authlib("cli", token_endpoint_auth_method="none")
    token = client.fetch_token(at["token"], grant_type="password", username=username, password=password)
    key = PyJWKClient(found["jwks_uri"]).get_signing_key_from_jwt(token["access_token"])
    claims = jwt.decode(token["access_token"], key, algorithms=["ES256"], audience="authgate", issuer=base)
    assert claims["preferred_username"] == username, claims


for client in (authlib, requests_oauthlib, pyjwt):
    client()
    print(f"ok {client.__name__}")
