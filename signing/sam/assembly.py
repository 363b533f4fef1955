"""Putting the signing process together from its configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from ekyc.ports import Clock, Random, SystemClock, SystemRandom
from ekyc.signing.activation.factors import SecondFactorDesk
from ekyc.signing.activation.module import ActivationModule
from ekyc.signing.keys.keystore import read_file
from ekyc.signing.keys.port import KeyStore
from ekyc.signing.keys.software import EmbeddedKeys
from ekyc.signing.sam.configuration import EmbeddedStore, SamConfiguration
from ekyc.signing.sam.credentials import SamCredentials
from ekyc.signing.sam.module import SignatureActivationModule
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.signing.validation.trust_material import read_trust_material
from ekyc.storage import ServiceKey, Storage


@contextmanager
def assembled(
    configuration: SamConfiguration,
    keys: KeyStore,
    *,
    clock: Clock | None = None,
    random: Random | None = None,
) -> Iterator[SignatureActivationModule]:
    """The module that a configuration describes, while its database is open.

    Args:
        configuration: what the file says.
        keys: as :func:`open_keys` gives them.
        clock: its own time; the machine's by default.
        random: the operating system's by default.

    Raises:
        InputError, StorageError, BusyError: the database or the service key cannot be used.
    """
    clock, random = clock or SystemClock(), random or SystemRandom()
    service_key = ServiceKey.load(configuration.service_key, random)
    with Storage.open(configuration.state, clock=clock) as storage:
        credentials = SamCredentials(
            storage.credentials(service_key),
            keys,
            methods=configuration.methods,
            register=storage.certificates,
        )
        activation = ActivationModule(
            public_key_of=configuration.issuers.get,
            credential_of=credentials.find,
            certificate_of=credentials.certificate,
            activations=storage.activations,
            results=storage.results,
            persons=storage.persons,
            factors=SecondFactorDesk(
                storage.factors(service_key), clock=clock, party=configuration.party
            ),
            material=RevocationFiles(configuration.revocation_lists).read,
            clock=clock,
        )
        yield SignatureActivationModule(
            activation=activation,
            credentials=credentials,
            protection=keys.protection,
            workers=configuration.workers,
        )


def open_keys(configuration: SamConfiguration, secret: Callable[[], str]) -> KeyStore:
    """The key store that a configuration names.

    Args:
        configuration: what the file says.
        secret: asks for the passphrase of the folder, or the token's PIN.

    Raises:
        InputError, UpstreamError: it cannot be opened.
    """
    named = configuration.keys
    if isinstance(named, EmbeddedStore):
        return EmbeddedKeys.unlock(named.folder, secret())
    from ekyc.signing.keys.pkcs11 import TokenKeys  # noqa: PLC0415  # an extra that folders do not need

    return TokenKeys(named.module, named.token, secret())


class RevocationFiles:
    """Revocation lists of authorities outside, and their certificates: read again when a file has changed."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self._files = files
        self._lock = Lock()
        self._seen: tuple[tuple[int, int], ...] | None = None
        self._material = ValidationMaterial()

    def read(self) -> ValidationMaterial:
        """What the files hold now.

        Raises:
            InputError: one is missing or holds nothing of the kind: then nothing is signed.
        """
        with self._lock:
            seen = tuple(map(_state, self._files))
            if seen != self._seen:
                self._material = _read(self._files)
                self._seen = seen
            return self._material


def _state(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return (0, 0)  # reading it says what is wrong
    return (found.st_mtime_ns, found.st_ino)


def _read(files: tuple[Path, ...]) -> ValidationMaterial:
    material = ValidationMaterial()
    for file in files:
        found = read_trust_material(read_file(file))
        material += ValidationMaterial(certificates=found.certificates, crls=found.crls)
    return material
