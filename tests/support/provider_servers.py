"""Providers of signatures for tests: a MySign-like and a SmartCA-like one, which can also be told to lie."""

from __future__ import annotations

import base64
import json
import secrets

from authority_service import http_answer

from ekyc.signing.keys.algorithms import verify_value

PERSON = "079185001234"
CLIENT = {"client_id": "our-id", "client_secret": "our-secret"}
SP = {"sp_id": "our-sp", "sp_password": "our-password"}


def split(head, body):
    """Path, bearer and JSON of a request."""
    lines = head.decode().split("\r\n")
    path = lines[0].split(" ")[1]
    bearer = next(
        (line.partition(" ")[2] for line in lines if line.lower().startswith("authorization:")), ""
    )
    return path, bearer, json.loads(body)


def say(document, status="200 OK"):
    return http_answer(json.dumps(document).encode(), status=status)


def text(data):
    return base64.b64encode(data).decode()


class Provider:
    """What both have in common: an identity, and lies."""

    def __init__(self, identity):
        self.identity = identity
        self.shown = identity.certificate_der
        self.asked = []
        self.changes = []
        """Functions over the values that go out."""

    def values(self, digests):
        values = [self.identity.key.sign_digest(digest) for digest in digests]
        for digest, value in zip(digests, values, strict=True):
            verify_value(self.identity.key.public_key_der, digest, value)
        for change in self.changes:
            values = change(values)
        return values

    def __call__(self, head, body):
        path, bearer, told = split(head, body)
        self.asked.append((path, told))
        return self.answer(path, bearer, told)


class MySignLike(Provider):
    """Version 1 of the CSC API behind a login of its own."""

    def __init__(self, identity):
        super().__init__(identity)
        self.tokens, self.sads = set(), {}
        self.authorises = True
        self.overrides = {}

    def answer(self, path, bearer, told):
        if path in self.overrides:
            return self.overrides[path]
        if path == "/ras/v1/login":
            if {name: told[name] for name in CLIENT} != CLIENT or told["user_id"] != PERSON:
                return say({"error": "invalid_client"}, "401 Unauthorized")
            token = secrets.token_hex(8)
            self.tokens.add(token)
            return say({"access_token": token, "expires_in": 3600})
        if bearer.removeprefix("Bearer ") not in self.tokens:
            return say({"error": "invalid_token"}, "401 Unauthorized")
        return getattr(self, path.rpartition("/")[2])(told)

    def list(self, told):
        return say({"credentialIDs": ["cred-1"]})

    def info(self, told):
        chain = [text(one) for one in (self.shown, *self.identity.issuers_der)]
        return say({"key": {"status": "enabled", "algo": []}, "cert": {"certificates": chain}})

    def authorize(self, told):
        if not self.authorises:
            return say({"error": "access_denied"}, "400 Bad Request")
        assert told["numSignatures"] == len(told["hash"]) == len(told["documents"])
        sad = secrets.token_hex(8)
        self.sads[sad] = sorted(told["hash"])
        return say({"SAD": sad})

    def signHash(self, told):  # noqa: N802 - the standard's name
        if self.sads.pop(told["SAD"], None) != sorted(told["hash"]):
            return say({"error": "invalid_request"}, "400 Bad Request")
        digests = [base64.b64decode(one) for one in told["hash"]]
        return say({"signatures": [text(value) for value in self.values(digests)]})


class SmartCaLike(Provider):
    """``sp_id``/``sp_password``, an order, a person who confirms after some questions."""

    def __init__(self, identity):
        super().__init__(identity)
        self.orders = {}
        self.patience = 2
        self.message = "sig_wait_for_user_confirm"

    def answer(self, path, bearer, told):
        if {name: told[name] for name in SP} != SP or told["user_id"] != PERSON:
            return say({"status_code": 401, "message": "unauthorized"})
        name = path.removeprefix("/sca/sp769")
        if name == "/v1/credentials/get_certificate":
            ca, root = self.identity.issuers_der
            entry = {
                "serial_number": "54AB",
                "cert_data": text(self.shown),
                "chain_data": {"ca_cert": text(ca), "root_cert": text(root)},
            }
            return self.ok({"user_certificates": [entry]})
        if name == "/v1/signatures/sign":
            code = secrets.token_hex(8)
            self.orders[code] = told
            return self.ok({"transaction_id": told["transaction_id"], "tran_code": code})
        return self.status(name.split("/")[-2])

    def status(self, code):
        self.patience -= 1
        if self.patience > 0:
            return self.ok({"signed_files": []}, self.message)
        return self.ok(self.result(code), "SUCCESS")

    def result(self, code):
        order = self.orders[code]
        files = order["sign_files"]
        values = self.values([bytes.fromhex(file["data_to_be_signed"]) for file in files])
        signed = [
            {"doc_id": file["doc_id"], "signature_value": text(value)}
            for file, value in zip(files, values, strict=False)
        ]
        return {"transaction_id": order["transaction_id"], "signed_files": signed}

    def notice(self):
        """The webhook of the only order."""
        (code,) = self.orders
        return json.dumps(self.result(code) | {"message": "SUCCESS"}).encode()

    def ok(self, data, message="OK"):
        return say({"status_code": 200, "message": message, "data": data})
