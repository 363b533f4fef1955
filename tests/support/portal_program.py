"""A portal and its officer, in a process of their own: ``python portal_program.py URL FOLDER``.

Of ekyc it knows the published client and ``openapi.json``, no more: every answer is held against that document. The case
itself is FOLDER/whole_case.py, as the documentation shows it. What it saw is written to FOLDER for whoever judges it.
"""

from __future__ import annotations

import hashlib
import http.server
import importlib.util
import json
import re
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import standardwebhooks
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from ekyc.client import Client, ConflictError

PATIENCE_S = 300.0
SUPPORT = Path(__file__).resolve().parent


class Judged(httpx.BaseTransport):
    """The network; an answer that the OpenAPI document does not describe ends everything."""

    def __init__(self, document):
        self._inner = httpx.HTTPTransport()
        self._registry = Registry().with_resource(
            "urn:openapi", Resource(contents=document, specification=DRAFT202012)
        )
        self._paths = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + r"\Z"), path, operations)
            for path, operations in document["paths"].items()
        ]
        self.held = {}

    def handle_request(self, request):
        response = self._inner.handle_request(request)
        response.read()
        self._judge(request, response)
        return response

    def close(self):
        self._inner.close()

    def _judge(self, request, response):
        path, operation = self._operation(request)
        described = operation["responses"].get(str(response.status_code))
        where = f"{request.method} {path} {response.status_code}"
        if described is None:
            raise AssertionError(f"{where} is not described: {response.text[:500]}")
        kind = response.headers.get("content-type", "").partition(";")[0]
        content = described.get("content", {})
        if content and kind not in content:
            raise AssertionError(f"{where}: {kind} is not described")
        if kind.endswith("json"):
            escaped = path.replace("~", "~0").replace("/", "~1")
            place = "/".join(
                (escaped, request.method.lower(), "responses", str(response.status_code))
            )
            media = kind.replace("/", "~1")
            schema = {"$ref": f"urn:openapi#/paths/{place}/content/{media}/schema"}
            Draft202012Validator(
                schema, registry=self._registry, format_checker=FormatChecker()
            ).validate(response.json())
        self.held[where] = self.held.get(where, 0) + 1

    def _operation(self, request):
        method = request.method.lower()
        plain = [one for one in self._paths if "{" not in one[1]]
        templated = [one for one in self._paths if "{" in one[1]]
        for pattern, path, operations in (*plain, *templated):
            if method in operations and pattern.match(request.url.path):
                return path, operations[method]
        raise AssertionError(f"{request.method} {request.url.path} is not described")


class Receiver:
    """Takes messages, and believes those that standardwebhooks verifies."""

    def __init__(self):
        self.messages, self.forged, self._secret = [], 0, None
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.take(dict(self.headers.items()), body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, format, *_):  # noqa: A002 - the library's name
                """Quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/ekyc"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def believe(self, secret):
        self._secret = secret

    def take(self, headers, body):
        lower = {name.lower(): value for name, value in headers.items()}
        try:
            told = standardwebhooks.Webhook(self._secret).verify(body, lower)
        except standardwebhooks.WebhookVerificationError:
            self.forged += 1
        else:
            self.messages.append(told if isinstance(told, dict) else json.loads(body))

    def wait_for(self, kind, **data):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            for message in self.messages:
                if message["type"] == kind and data.items() <= message["data"].items():
                    return message
            time.sleep(0.1)
        raise AssertionError(f"{kind} {data} was not told; {self.messages}")


class Telephone:
    """The citizen's; it gets what the portal hands to it."""

    def __init__(self, folder):
        self._process = subprocess.Popen(
            [sys.executable, str(SUPPORT / "sample_phone.py"), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._heard() == {"ready": True}

    def ask(self, **asked):
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._heard()

    def close(self):
        self._process.stdin.close()
        self._process.wait(60)

    def _heard(self):
        line = self._process.stdout.readline()
        assert line, "the telephone died"
        return json.loads(line)


class Officer:
    """A person in a browser, by a login of their own."""

    def __init__(self, url, folder, transport, portal):
        self.portal, self.said = portal, None
        context = ssl.create_default_context(cafile=str(folder / "cert.pem"))
        begun = httpx.get(f"{url}/login/staff")
        there = httpx.get(begun.headers["location"], verify=context)
        cookie = {"Cookie": begun.headers["set-cookie"].split(";")[0]}
        back = httpx.get(there.headers["location"], headers=cookie)
        assert back.status_code == 303, back.text
        session = back.headers.get_list("set-cookie")[0].split(";")[0]
        self._http = httpx.Client(base_url=url, transport=transport, headers={"Cookie": session})
        self._token = self._http.get("/login/session").json()["csrf_token"]

    def decides(self, session_id):
        """Approves what passed; until then there is no result."""
        checks = self.portal.checks(session_id)
        found = {check.code: check.outcome for check in checks if check.required}
        assert set(found.values()) == {"PASSED"}, found
        refused(lambda: self.portal.results.issue(session_id), "credential.not_final")
        seen = self._http.get(f"/v1/sessions/{session_id}")
        headers = {
            "If-Match": seen.headers["etag"],
            "Idempotency-Key": f"officer-{session_id}",
            "X-CSRF-Token": self._token,
        }
        answer = self._http.post(
            f"/v1/sessions/{session_id}/decisions", json={"outcome": "approved"}, headers=headers
        )
        assert answer.status_code == 201, answer.text
        self.said = answer.json()
        assert self.said["decision"]["actor"]["kind"] == "officer"


def until_ready(url):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            if httpx.get(f"{url}/readyz", timeout=30).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError("the service is not ready")


class Citizen:
    """Somebody with a telephone, who gets what the portal hands to them."""

    def __init__(self, url, folder, transport):
        self.url, self.transport, self.page = url, transport, None
        self.phone = Telephone(folder)

    def looks(self, session_id, capture_token):
        session = {"id": session_id, "capture_token": capture_token}
        looked = self.phone.ask(do="look", url=self.url, session=session)
        assert looked["passed"], looked

    def reads(self, nonce, procedure):
        return Path(self.phone.ask(do="read", nonce=nonce.hex(), procedure=procedure)["case"])

    def enrols(self, token):
        """On their own device, with its authenticator."""
        with Client(self.url, key=token, transport=self.transport) as person:
            offer = person.factors.offer_authenticator()
            made = self.phone.ask(do="register", options=offer.options)["credential"]
            standing = person.factors.register_authenticator(offer.challenge_id, made)
            assert [one.kind for one in standing] == ["webauthn"]

    def signs(self, request_id, signer_token):
        """On their own device: what is shown is what is signed."""
        with Client(self.url, key=signer_token, transport=self.transport) as signer:
            self.page = signer.signatures.original(request_id)
            asked = signer.signatures.propose(request_id)
            digest = hashlib.sha256(self.page).hexdigest()
            assert asked.documents == (("Kết quả xác minh", digest),)
            assert asked.method == "verification+webauthn"
            said = self.phone.ask(do="confirm", challenge=asked.webauthn["challenge"])
            done = signer.signatures.authorise(request_id, approve=True, webauthn=said["webauthn"])
            assert done.state == "signed", done


def refused(work, code):
    try:
        work()
    except ConflictError as error:
        assert error.code == code, error.code
    else:
        raise AssertionError(f"not refused: {code}")


def document_of(folder, name):
    """The function that the documentation shows."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def main():
    url, folder = sys.argv[1], Path(sys.argv[2])
    whole_case = document_of(folder, "whole_case")
    transport = Judged(json.loads((folder / "openapi.json").read_text("utf-8")))
    citizen, receiver = Citizen(url, folder, transport), Receiver()
    until_ready(url)
    key = (folder / "api-key").read_text().strip()
    with Client(url, key=key, language="en", transport=transport) as portal:
        receiver.believe(portal.webhooks.create(receiver.url).keys["v1"])
        officer = Officer(url, folder, transport, portal)
        result, signed = whole_case(portal, citizen, officer)
        assert portal.results.issue(result.session_id).id == result.id
        assert [one.id for one in portal.results.reusable(result.session_id)] == [result.id]

        receiver.wait_for("session.state_changed", id=result.session_id, state="decided")
        receiver.wait_for("credential.issued", id=result.id)
        receiver.wait_for("signature_request.state_changed", state="signed")
        with httpx.Client(base_url=url, transport=transport) as anybody:
            (folder / "status-list").write_bytes(anybody.get("/v1/status-lists/1").content)
            (folder / "trust-list").write_bytes(anybody.get("/v1/trust-list").content)
        (folder / "judged-at").write_text(str(int(datetime.now(UTC).timestamp())))
        revoked = portal.results.change(result.id, "revoked", reason="issued_in_error")
        assert revoked.status == "revoked"
        receiver.wait_for("credential.revoked", id=result.id)
        page = portal.results.page(result.id)
    citizen.phone.close()
    assert receiver.forged == 0
    assert citizen.page == page
    (folder / "result.pdf").write_bytes(page)
    (folder / "signed.pdf").write_bytes(signed)
    (folder / "code").write_text(result.code)
    told = {
        "held": transport.held,
        "told": [message["type"] for message in receiver.messages],
        "modules": sorted(name for name in sys.modules if name.partition(".")[0] == "ekyc"),
        "sample": result.sample,
        "final": officer.said["final"],
    }
    (folder / "portal.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
