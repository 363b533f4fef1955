"""A verifier of results written from docs/credentials.md alone: cbor2, zlib and the openssl program.

It shares no line with ``ekyc.signing.credentials``, not even Base45, and gives one of three words.
"""

import base64
import hashlib
import io
import json
import subprocess
import tempfile
import zlib
from pathlib import Path

import cbor2

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
ED25519 = bytes.fromhex("302a300506032b6570032100")


class RefusedError(Exception):
    """For good."""


class UndecidedError(Exception):
    """Something is missing."""


def judge(text, trust_list, operator_pem, dictionary, lists, now):
    try:
        result, message = read(text, dictionary)
        trust = open_trust_list(trust_list, operator_pem)
        undecided = not trust["iat"] - 300 <= now < trust["exp"]
        key = check(message, trust, result["iss"], "result")
        in_time(result, key, now)
        status(result, trust, lists, now)
    except RefusedError:
        return "refuse"
    except UndecidedError:
        return "undecided"
    return "undecided" if undecided else "accept"


def in_time(result, key, now):
    if not key["from"] <= result["iat"] < key["until"] or now < result["iat"] - 300:
        raise RefusedError
    if now >= result["exp"]:
        raise RefusedError


def read(text, dictionary):
    if len(text) > 4296 or not text.startswith("EKYC1:"):
        raise RefusedError
    stream = base45(text[6:])
    assert hashlib.sha256(dictionary).hexdigest().startswith("5e7b059c3cb3e333")
    inflater = zlib.decompressobj(-15, zdict=dictionary)
    try:
        data = inflater.decompress(stream, 8193)
    except zlib.error:
        raise RefusedError from None
    if len(data) > 8192 or not inflater.eof or inflater.unused_data:
        raise RefusedError
    message = sign1(data, {1, 4})
    claims = strict(message["payload"])
    if set(claims) != {1, 2, 4, 6, 7, 65535, -65537} or len(claims[7]) != 16:
        raise RefusedError
    place = claims[65535]["status_list"]
    named = {"iss": claims[1], "exp": claims[4], "iat": claims[6], "fields": claims[-65537][2]}
    return {**named, "uri": place["uri"], "idx": place["idx"]}, message


def base45(text):
    out = b""
    for at in range(0, len(text), 3):
        digits = [ALPHABET.find(character) for character in text[at : at + 3]]
        if -1 in digits or len(digits) == 1:
            raise RefusedError
        number = sum(digit * 45**power for power, digit in enumerate(digits))
        size = len(digits) - 1
        if number >= 256**size:
            raise RefusedError
        out += number.to_bytes(size, "big")
    return out


def strict(data):
    stream = io.BytesIO(data)
    try:
        value = cbor2.load(stream, allow_indefinite=False, allow_duplicate_keys=False, max_depth=9)
    except (cbor2.CBORError, ValueError, OverflowError, TypeError):
        raise RefusedError from None
    if stream.read():
        raise RefusedError
    return value


def sign1(data, header_keys):
    tagged = strict(data)
    if not isinstance(tagged, cbor2.CBORTag) or tagged.tag != 18 or len(tagged.value) != 4:
        raise RefusedError
    protected, unprotected, payload, signature = tagged.value
    header = strict(protected)
    if unprotected != {} or set(header) != header_keys or len(signature) != 64:
        raise RefusedError
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    found = {"alg": header[1], "kid": header[4].hex(), "typ": header.get(16)}
    return {**found, "payload": payload, "signature": signature, "signed": signed}


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def open_trust_list(text, operator_pem):
    head, body, signature = text.strip().split(".")
    header = json.loads(decoded(head))
    if header["typ"] != "ekyc-trust-list+jwt" or header["alg"] != "ES256":
        raise RefusedError
    if not openssl(operator_pem, "PEM", "ES256", f"{head}.{body}".encode(), decoded(signature)):
        raise RefusedError
    return json.loads(decoded(body))


def spki(jwk):
    if jwk["kty"] == "EC":
        return P256 + decoded(jwk["x"]) + decoded(jwk["y"])
    return ED25519 + decoded(jwk["x"])


def check(message, trust, issuer_id, use):
    if all(issuer["id"] != issuer_id for issuer in trust["issuers"]):
        raise UndecidedError
    for issuer in trust["issuers"]:
        for key in issuer["keys"]:
            der = spki(key["jwk"])
            if hashlib.sha256(der).digest()[:8].hex() != message["kid"]:
                continue
            name, number = ("ES256", -7) if key["jwk"]["kty"] == "EC" else ("Ed25519", -8)
            if issuer["id"] != issuer_id or use not in key["uses"] or "compromised" in key:
                raise RefusedError
            if message["alg"] != number:
                raise RefusedError
            if not openssl(der, "DER", name, message["signed"], message["signature"]):
                raise RefusedError
            return key
    raise UndecidedError


def openssl(key, form, algorithm, signed, signature):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if algorithm == "ES256":
            halves = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
            body = b"".join(integer(half) for half in halves)
            signature = b"\x30" + bytes([len(body)]) + body
        for file, data in (("key", key), ("signed", signed), ("signature", signature)):
            (folder / file).write_bytes(data)
        digest = ["-digest", "sha256"] if algorithm == "ES256" else []
        done = subprocess.run(
            [
                *("openssl", "pkeyutl", "-verify", "-pubin", "-keyform", form, "-rawin", *digest),
                *("-inkey", folder / "key", "-in", folder / "signed"),
                *("-sigfile", folder / "signature"),
            ],
            capture_output=True,
            check=False,
        )
        return done.returncode == 0


def integer(number):
    data = number.to_bytes(33, "big").lstrip(b"\0") or b"\0"
    data = b"\0" + data if data[0] & 0x80 else data
    return bytes([2, len(data)]) + data


def status(result, trust, lists, now):
    found = [entry for data in lists if (entry := one_list(data, result, trust, now))]
    if not found:
        raise UndecidedError
    _, fresh_until, value = max(found)
    if value in (1, 3):
        raise RefusedError
    if now >= fresh_until or value > 3:
        raise UndecidedError
    if value == 2:
        raise RefusedError


def one_list(data, result, trust, now):
    try:
        message = sign1(data, {1, 4, 16})
        claims = strict(message["payload"])
        if message["typ"] != "application/statuslist+cwt" or claims[2] != result["uri"]:
            return None
        key = check(message, trust, result["iss"], "status")
    except (RefusedError, UndecidedError):
        return None
    issued = claims[6]
    if not key["from"] <= issued < key["until"] or issued - 300 > now:
        return None
    bits, array = claims[65533]["bits"], zlib.decompress(claims[65533]["lst"])
    at = result["idx"] * bits
    if at // 8 >= len(array):
        return None
    value = array[at // 8] >> at % 8 & (1 << bits) - 1
    ends = min(issued + claims.get(65534, 86400), claims.get(4, 1 << 60))
    return issued, ends, value
