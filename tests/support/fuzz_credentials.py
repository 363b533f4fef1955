"""Fuzz targets of results: the QR code and what is under its packing, presentations, status lists, the trust list."""

from functools import cache

from credential_desk import DAY, NOW, SAMPLES, Registry, ec_signer, result

from ekyc.errors import EkycError
from ekyc.ports import SystemRandom
from ekyc.signing.credentials import (
    base45,
    cbor,
    cose,
    packing,
    read_result,
    read_status_list,
    read_trust_list,
    schema_of,
    sd_jwt,
)
from ekyc.signing.credentials import result as results

_PREFIX = "EKYC1:"


@cache
def _registry():
    return Registry()


def _known(error):
    assert error.code.startswith(("credential.", "signing.key.")), error.code


def cwt(data):
    """As the text of a code, as the message in it, and as its claims. What is read is written alike."""
    try:
        read_result(data.decode("latin-1"))
    except EkycError as error:
        _known(error)
    try:
        unpacked = packing.unpack(data, most=results.MAX_UNPACKED)
        assert len(unpacked) <= results.MAX_UNPACKED
    except EkycError as error:
        _known(error)
    try:
        message = cose.read_sign1(data)
    except EkycError as error:
        _known(error)
    else:
        code = _PREFIX + base45.encode(packing.pack(data))
        assert len(code) > results.MAX_TEXT or _read_or_refused(code, message)
    try:
        claimed = results._result(cbor.decode(data))
    except EkycError as error:
        _known(error)
    else:
        assert cbor.encode(results._claims(claimed)) == data


def _read_or_refused(code, message):
    try:
        return read_result(code).message == message
    except EkycError as error:
        _known(error)
        return True


def sd_jwt_presentation(data):
    """A presentation; nothing but the registry's own can be verified."""
    registry = _registry()
    try:
        read = sd_jwt.read_presentation(data.decode("latin-1"))
        read.verify(registry.signer.public, audience="a", nonce="n", at=NOW)
    except EkycError as error:
        _known(error)
    else:
        raise AssertionError("signed by nobody, and believed")


def status_list(data):
    """Both forms, and the trust list."""
    registry = _registry()
    try:
        read_status_list(data).verify(registry.status_signer.public).statuses.at(3)
    except EkycError as error:
        _known(error)
    try:
        read_trust_list(data.decode("latin-1")).verify(registry.operator.public)
    except EkycError as error:
        _known(error)


TARGETS = {target.__name__: target for target in (cwt, sd_jwt_presentation, status_list)}


def credential_seeds():
    """Sound ones of another registry: their forms hold, their signatures do not."""
    other = Registry()
    stated = [result(schema=schema_of(name), values=values) for name, values in SAMPLES.items()]
    codes = [results.encode_result(one, signer=other.signer) for one in stated]
    message = packing.unpack(base45.decode(codes[0].removeprefix(_PREFIX)), most=8192)
    holder = ec_signer()
    issued = sd_jwt.issue(
        result(), signer=other.signer, holder_key=holder.public, random=SystemRandom()
    )
    shown = sd_jwt.present(
        issued, ["full_name", "sex"], holder=holder, audience="a", nonce="n", at=NOW
    )
    small = {"size": 64, "index": 3}
    return {
        "cwt": (
            *(code.encode() for code in codes),
            message,
            cose.read_sign1(message).payload,
            base45.decode(codes[1].removeprefix(_PREFIX)),
        ),
        "sd_jwt_presentation": (shown.encode(), issued.encode()),
        "status_list": (
            other.statuses(1, **small),
            other.statuses(1, bits=1, expires_at=None, **small),
            other.signed_trust_list(lasts=30 * DAY).encode(),
        ),
    }
