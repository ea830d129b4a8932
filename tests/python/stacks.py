"""What the real libraries make, take and answer; one JSON object on standard output.

stacks.py flask|simple SECRET make NAME
stacks.py flask|simple SECRET check TOKEN
stacks.py flask|simple SECRET answers
"""
import datetime
import json
import sys

stack, secret, act, *rest = sys.argv[1:]
PAST = datetime.timedelta(seconds=-600)
# Issued before it ended, as a real one is.
LONG_AGO = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1200)


def flask():
    from flask import Flask, jsonify
    from flask_jwt_extended import (
        JWTManager, create_access_token, create_refresh_token, get_jwt, get_jwt_identity, jwt_required)

    app = Flask("backend")
    app.config["JWT_SECRET_KEY"] = secret
    manager = JWTManager(app)
    revoked = set()

    @manager.token_in_blocklist_loader
    def is_revoked(_header, claims):
        return claims["jti"] in revoked

    @app.get("/protected")
    @jwt_required()
    def protected():
        return jsonify(identity=get_jwt_identity(), claims=get_jwt())

    @app.get("/fresh")
    @jwt_required(fresh=True)
    def fresh():
        return jsonify(identity=get_jwt_identity())

    @app.route("/refresh", methods=["GET"])
    @jwt_required(refresh=True)
    def refresh():
        return jsonify(access_token=create_access_token(identity=get_jwt_identity(), fresh=False))

    def ask(token, path="/protected"):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = app.test_client().get(path, headers=headers)
        return {"status": answer.status_code, "body": answer.get_json()}

    with app.app_context():
        if act == "make":
            return {"access": create_access_token(identity=rest[0], additional_claims={"roles": ["admin"]}),
                    "plain": create_access_token(identity=rest[0]),
                    "refresh": create_refresh_token(identity=rest[0]),
                    "old_refresh": create_refresh_token(identity=rest[0], expires_delta=PAST,
                                                        additional_claims={"iat": LONG_AGO, "nbf": LONG_AGO}),
                    "expired": create_access_token(identity=rest[0], expires_delta=PAST,
                                                   additional_claims={"iat": LONG_AGO, "nbf": LONG_AGO})}
        if act == "check":
            return ask(rest[0]) | {"fresh": ask(rest[0], "/fresh")["status"]}
        dead = create_access_token(identity="ann")
        revoked.add(json.loads(_payload(dead))["jti"])
        other = create_access_token(identity="ann")
        other = other[:-8] + ("AAAAAAAA" if other[-8:] != "AAAAAAAA" else "BBBBBBBB")
        old = create_refresh_token(identity="ann", expires_delta=PAST,
                                   additional_claims={"iat": LONG_AGO, "nbf": LONG_AGO})
        renewed = {"access": ask(create_access_token(identity="ann"), "/refresh"), "expired": ask(old, "/refresh"),
                   "invalid": ask(other, "/refresh")}
        return {"missing": ask(None), "invalid": ask(other), "revoked": ask(dead), "refresh": renewed,
                "expired": ask(create_access_token(identity="ann", expires_delta=PAST,
                                                   additional_claims={"iat": LONG_AGO, "nbf": LONG_AGO}))}


def simple():
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY=secret, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "rest_framework_simplejwt"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"]},
        SIMPLE_JWT={"USER_ID_FIELD": "username"})
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client
    from django.urls import path
    from rest_framework.permissions import IsAuthenticated
    from rest_framework.response import Response
    from rest_framework.views import APIView
    from rest_framework_simplejwt.tokens import AccessToken, RefreshToken
    from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

    class Protected(APIView):
        permission_classes = [IsAuthenticated]

        def get(self, request):
            return Response({"identity": request.user.username, "claims": request.auth.payload})

    globals()["urlpatterns"] = [
        path("protected", Protected.as_view()), path("token/", TokenObtainPairView.as_view()),
        path("token/refresh/", TokenRefreshView.as_view())]
    call_command("migrate", verbosity=0)
    name = rest[0] if act == "make" else "alice"
    user = User.objects.create_user(name, password="Kiefer-7-Wolke-alt")

    def ask(token):
        headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}
        answer = Client().get("/protected", **headers)
        return {"status": answer.status_code, "body": answer.json()}

    def post(where, body):
        answer = Client().post(where, data=json.dumps(body), content_type="application/json")
        return {"status": answer.status_code, "body": answer.json()}

    access = AccessToken.for_user(user)
    expired = AccessToken.for_user(user)
    expired.set_exp(lifetime=PAST)
    expired.set_iat(at_time=LONG_AGO)
    if act == "make":
        return {"access": str(access), "refresh": str(RefreshToken.for_user(user)), "expired": str(expired)}
    if act == "check":
        return ask(rest[0])
    other = str(access)
    other = other[:-8] + ("AAAAAAAA" if other[-8:] != "AAAAAAAA" else "BBBBBBBB")
    pair = post("/token/", {"username": "alice", "password": "Kiefer-7-Wolke-alt"})
    return {"missing": ask(None), "invalid": ask(other), "expired": ask(str(expired)),
            "wrong": post("/token/", {"username": "alice", "password": "wrong-wrong"}),
            "refresh": post("/token/refresh/", {"refresh": other}), "pair": sorted(pair["body"])}


def _payload(token):
    import base64
    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


print(json.dumps({"flask": flask, "simple": simple}[stack]()))
