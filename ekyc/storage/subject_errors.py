"""What can be wrong with a person or an artefact that is asked for."""

from __future__ import annotations

from typing import ClassVar

from ekyc.errors import InputError


class SubjectError(InputError):
    """Codes: ``subject.unknown``, ``subject.erased``, ``subject.reference_invalid``."""

    default_code: ClassVar[str] = "subject.unknown"


class ArtefactError(InputError):
    """Codes: ``artefact.unknown``, ``artefact.removed``, ``artefact.kind_refused``."""

    default_code: ClassVar[str] = "artefact.unknown"
