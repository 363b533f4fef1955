"""Keys in a PKCS#11 token (OASIS PKCS #11 v2.40), through python-pkcs11 (extra ``pkcs11``).

The token is logged into once and keys are looked up once; a signature is one call. What is signed is always a digest
made here, with CKM_ECDSA or CKM_RSA_PKCS_PSS: SoftHSM 2.6 has no mechanism that hashes for ECDSA. Sessions are pooled,
because a PKCS#11 session does one thing at a time.

A key that the token would give out is refused: then it is not the token that protects it. SoftHSM is a program, no
hardware; whether a token is certified to the level that law asks for, only its papers say.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock, RLock
from typing import Any, Final, Self

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ekyc.errors import InputError, UpstreamError
from ekyc.signing.keys.algorithms import (
    RSA_BITS,
    SignatureAlgorithm,
    algorithm_of,
    long_salt_bytes,
    require_digest,
)
from ekyc.signing.keys.pkcs11_public import P256_PARAMETERS, public_key_der
from ekyc.signing.keys.port import KeyProtection, require_label

MAX_SESSIONS: Final = 8


@dataclass(slots=True, eq=False)
class _Lane:
    """One session, used by one thread at a time."""

    session: Any
    lock: Any = field(default_factory=Lock)
    found: dict[str, Any] = field(default_factory=dict)
    """Private keys by label, as objects of this session."""
    gone: bool = False
    """Its session was closed here. A token may give the same handles to another session, so none is used again."""


_ONE_AT_A_TIME: Final = RLock()
"""python-pkcs11 initialises a vendor's library without asking it to lock and calls it without the interpreter's lock: two
calls at once crash SoftHSM (PKCS #11 v2.40 §5.4). Taken before any other lock but a store's guard."""


class TokenKeys:
    """The keys of one token. Safe to use from many threads; the token is asked by one of them at a time.

    Args:
        module_path: the vendor's shared library, e.g. ``/usr/lib/softhsm/libsofthsm2.so``.
        token_label: which token.
        pin: of the token's user.
        library: what behaves like the module ``pkcs11``; by default the installed one.

    Raises:
        InputError: ``signing.hsm.missing`` (python-pkcs11 is not installed, or no such library or token),
            ``signing.hsm.pin``.
        UpstreamError: ``signing.hsm.failed``.
    """

    def __init__(
        self, module_path: str, token_label: str, pin: str, *, library: Any = None
    ) -> None:
        self._p11: Any = library or _load_library()
        self._guard, self._pool = Lock(), Lock()
        self._lanes: list[_Lane] = []
        self._turn = 0
        self._known: dict[str, TokenKey] = {}
        try:
            with _ONE_AT_A_TIME:
                self._token = self._p11.lib(module_path).get_token(token_label=token_label)
        except self._p11.PKCS11Error as exc:
            raise InputError(
                "the PKCS#11 library or the token is not there",
                code="signing.hsm.missing",
                subject=token_label,
            ) from exc
        self._login: Any = None
        self._open: Callable[[], Any] = lambda: self._new_session(pin)
        with _ONE_AT_A_TIME:
            self._lanes.append(_Lane(self._open()))

    @property
    def protection(self) -> KeyProtection:
        return KeyProtection.PKCS11

    @property
    def library(self) -> Any:
        """What behaves like the module ``pkcs11``."""
        return self._p11

    @contextmanager
    def session(self) -> Iterator[Any]:
        """A session of the token that nobody else uses meanwhile, for keys of other kinds.

        Raises:
            UpstreamError: ``signing.hsm.failed``, for whatever the token refuses within.
        """
        with self._lane() as lane:
            yield lane.session

    def generate(self, label: str, algorithm: SignatureAlgorithm) -> TokenKey:
        """Make a key that stays in the token: sensitive, never extractable, for signing only.

        Raises:
            InputError: ``signing.key.exists``, ``signing.key.label``.
            UpstreamError: ``signing.hsm.failed``.
        """
        require_label(label)
        with self._guard, self._lane() as lane:
            if list(lane.session.get_objects(self._where(label))):
                raise InputError(
                    "a key of this name exists already", code="signing.key.exists", subject=label
                )
            public, private = self._make(lane.session, algorithm, label)
            key = TokenKey(self, public_key_der(self._p11, public), label=label)
            lane.found[label] = private
            self._known[label] = key
        return key

    def open(self, label: str) -> TokenKey:
        """The key of this name; looked up once.

        Raises:
            InputError: ``signing.key.missing``, ``signing.key.label``, ``signing.hsm.extractable``,
                ``signing.key.unsupported``.
            UpstreamError: ``signing.hsm.failed``.
        """
        require_label(label)
        with self._guard:
            key = self._known.get(label)
            if key is None:
                with self._lane() as lane:
                    self._require_locked_in(self._private(lane, label), label)
                    public = self._only(lane, label, self._p11.ObjectClass.PUBLIC_KEY)
                    key = self._known[label] = TokenKey(
                        self, public_key_der(self._p11, public), label=label
                    )
        return key

    def one_shot(self, algorithm: SignatureAlgorithm) -> TokenOneShotKey:
        """A session object: it never reaches the token's storage and ends with its session at the latest."""
        with self._lane() as lane:
            public, private = self._make(lane.session, algorithm, None)
            der = public_key_der(self._p11, public)
            public.destroy()
        return TokenOneShotKey(self, der, lane, private)

    def close(self) -> None:
        """Close all sessions and forget the PIN: no key of this store signs any more."""
        with self._guard, _ONE_AT_A_TIME:
            with self._pool:
                self._open = _closed
                lanes = list(self._lanes)
            for lane in lanes:
                with lane.lock:
                    self._give_up(lane)
            if self._login is not None:
                with suppress(self._p11.PKCS11Error):
                    self._login.close()
            self._known.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _new_session(self, pin: str) -> Any:
        """A session to work in.

        The login belongs to the process and is held by a session of its own: closing that one would log out all
        others and end every one-shot key.
        """
        try:
            with suppress(self._p11.UserAlreadyLoggedIn):
                self._login = self._token.open(user_pin=pin)
            return self._token.open(rw=True)
        except (self._p11.PinIncorrect, self._p11.PinLocked, self._p11.PinExpired) as exc:
            raise InputError("the token refuses the PIN", code="signing.hsm.pin") from exc
        except self._p11.PKCS11Error as exc:
            raise _failed() from exc

    @contextmanager
    def _lane(self, wanted: _Lane | None = None) -> Iterator[_Lane]:
        """A session that nobody else uses meanwhile; one that fails is given up."""
        with _ONE_AT_A_TIME, self._held_lane(wanted) as lane:
            yield lane

    @contextmanager
    def _held_lane(self, wanted: _Lane | None) -> Iterator[_Lane]:
        lane = wanted or self._free_lane()
        if wanted is not None:
            lane.lock.acquire()
            if lane.gone:
                lane.lock.release()
                raise _failed()
        try:
            yield lane
        except self._p11.PKCS11Error as exc:
            self._give_up(lane)
            raise _failed() from exc
        finally:
            lane.lock.release()

    def _free_lane(self) -> _Lane:
        with self._pool:
            for lane in self._lanes:
                if lane.lock.acquire(blocking=False):
                    return lane
            if len(self._lanes) < MAX_SESSIONS:
                lane = _Lane(self._open())
                lane.lock.acquire()
                self._lanes.append(lane)
                return lane
            self._turn += 1
            lane = self._lanes[self._turn % len(self._lanes)]
        lane.lock.acquire()
        if not lane.gone:
            return lane
        lane.lock.release()
        return self._free_lane()

    def _give_up(self, lane: _Lane) -> None:
        lane.gone = True
        with self._pool:
            if lane in self._lanes:
                self._lanes.remove(lane)
        with suppress(self._p11.PKCS11Error):
            lane.session.close()

    def _private(self, lane: _Lane, label: str) -> Any:
        private = lane.found.get(label)
        if private is None:
            private = lane.found[label] = self._only(lane, label, self._p11.ObjectClass.PRIVATE_KEY)
        return private

    def _only(self, lane: _Lane, label: str, kind: Any) -> Any:
        where = {**self._where(label), self._p11.Attribute.CLASS: kind}
        found = list(lane.session.get_objects(where))
        if len(found) != 1:
            raise InputError(
                "the token holds no key of this name, or several",
                code="signing.key.missing",
                subject=label,
            )
        return found[0]

    def _where(self, label: str) -> dict[Any, Any]:
        return {self._p11.Attribute.LABEL: label, self._p11.Attribute.TOKEN: True}

    def _require_locked_in(self, private: Any, label: str) -> None:
        attribute = self._p11.Attribute
        if private[attribute.EXTRACTABLE] or not private[attribute.SENSITIVE]:
            raise InputError(
                "the token would give this key out", code="signing.hsm.extractable", subject=label
            )

    def _make(self, session: Any, algorithm: SignatureAlgorithm, label: str | None) -> Any:
        p11 = self._p11
        options = {
            "store": label is not None,
            "label": label,
            "id": label.encode() if label is not None else None,
            "capabilities": p11.MechanismFlag.SIGN | p11.MechanismFlag.VERIFY,
            "private_template": {
                p11.Attribute.SENSITIVE: True,
                p11.Attribute.EXTRACTABLE: False,
                p11.Attribute.PRIVATE: True,
            },
        }
        if algorithm is SignatureAlgorithm.RSA_PSS_3072:
            return session.generate_keypair(p11.KeyType.RSA, RSA_BITS, **options)
        curve = {p11.Attribute.EC_PARAMS: P256_PARAMETERS}
        parameters = session.create_domain_parameters(p11.KeyType.EC, curve, local=True)
        return parameters.generate_keypair(**options)

    def _sign(self, private: Any, algorithm: SignatureAlgorithm, digest: bytes) -> bytes:
        p11 = self._p11
        if algorithm is not SignatureAlgorithm.ECDSA_P256:
            long = algorithm is SignatureAlgorithm.RSA_PSS_3072_LONG_SALT
            salt_bytes = long_salt_bytes(private.key_length) if long else len(digest)
            parameters = (p11.Mechanism.SHA256, p11.MGF.SHA256, salt_bytes)
            return bytes(
                private.sign(
                    digest, mechanism=p11.Mechanism.RSA_PKCS_PSS, mechanism_param=parameters
                )
            )
        raw = private.sign(digest, mechanism=p11.Mechanism.ECDSA)
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))

    def sign_with(self, label: str, algorithm: SignatureAlgorithm, digest: bytes) -> bytes:
        """Sign with the key of this name; see :class:`TokenKey`."""
        with self._lane() as lane:
            return self._sign(self._private(lane, label), algorithm, digest)

    def sign_in(
        self, lane: _Lane, private: Any, algorithm: SignatureAlgorithm, digest: bytes
    ) -> bytes:
        """Sign with an object of one session; see :class:`TokenOneShotKey`."""
        with self._lane(lane):
            return self._sign(private, algorithm, digest)

    def destroy_in(self, lane: _Lane, private: Any) -> None:
        """Destroy an object of one session; if that session is gone, so is the object."""
        with _ONE_AT_A_TIME, lane.lock, suppress(self._p11.PKCS11Error):
            if not lane.gone:
                private.destroy()

    def __repr__(self) -> str:
        return "TokenKeys(…)"


class TokenKey:
    """A key that stays in the token."""

    __slots__ = ("_keys", "_label", "algorithm", "public_key_der")

    def __init__(self, keys_: TokenKeys, public_key_der: bytes, *, label: str) -> None:
        self._keys = keys_
        self._label = label
        self.public_key_der: Final = public_key_der
        self.algorithm: Final = algorithm_of(public_key_der)

    def sign_digest(self, digest: bytes) -> bytes:
        require_digest(digest)
        return self._keys.sign_with(self._label, self.algorithm, digest)

    def sign_long_salt(self, digest: bytes) -> bytes:
        require_digest(digest)
        return self._keys.sign_with(self._label, SignatureAlgorithm.RSA_PSS_3072_LONG_SALT, digest)

    def __repr__(self) -> str:
        return f"TokenKey({self.algorithm})"


class TokenOneShotKey:
    """A key that lives in a session of the token, for one act."""

    __slots__ = ("_keys", "_lane", "_private", "algorithm", "public_key_der")

    def __init__(self, keys_: TokenKeys, public_key_der: bytes, lane: _Lane, private: Any) -> None:
        self._keys = keys_
        self._lane = lane
        self._private: Any = private
        self.public_key_der: Final = public_key_der
        self.algorithm: Final = algorithm_of(public_key_der)

    def sign_digest(self, digest: bytes) -> bytes:
        require_digest(digest)
        if self._private is None:
            raise InputError("the key was destroyed", code="signing.key.destroyed")
        return self._keys.sign_in(self._lane, self._private, self.algorithm, digest)

    def destroy(self) -> None:
        private, self._private = self._private, None
        if private is not None:
            self._keys.destroy_in(self._lane, private)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    def __repr__(self) -> str:
        return f"TokenOneShotKey({self.algorithm})"


def _failed() -> UpstreamError:
    return UpstreamError("the token does not sign", code="signing.hsm.failed")


def _closed() -> Any:
    raise InputError("the token was closed", code="signing.hsm.closed")


def _load_library() -> Any:
    """The module ``pkcs11``; Any, because it is no part of the lock."""
    try:
        return importlib.import_module("pkcs11")
    except ImportError as exc:
        raise InputError(
            "python-pkcs11 is not installed: pip install 'ekyc-vn[pkcs11]'",
            code="signing.hsm.missing",
        ) from exc
