"""What can be wrong with a person or an artefact that is asked for."""

from __future__ import annotations

from typing import ClassVar

from ekyc.errors import InputError


class SubjectError(InputError):
    """Codes: ``subject.unknown``, ``subject.erased``, ``subject.reference_invalid``."""

    default_code: ClassVar[str] = "subject.unknown"


class ProtectedError(InputError):
    """Somebody's data must stay as they are (:mod:`ekyc.storage.sealed.protections`).

    Codes: ``subject.restricted`` (nothing is processed), ``subject.held`` (nothing is erased).
    """

    default_code: ClassVar[str] = "subject.restricted"


class ArtefactError(InputError):
    """Codes: ``artefact.unknown``, ``artefact.removed``, ``artefact.kind_refused``."""

    default_code: ClassVar[str] = "artefact.unknown"
