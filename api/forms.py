"""What bodies of requests and answers have in common: how strict they are, and the forms of names and numbers."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""A name that an operator gave, or a portal: of an office, a client, a case."""
CODE_PATTERN: Final = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$"
"""Code of a reason."""
LOGIN_PATTERN: Final = r"^[0-9a-f]{64}$"
"""Pseudonym of a login."""
NUMBER_PATTERN: Final = r"^[0-9A-Z]{6,24}$"
"""Number of an identity document."""
_PERSONAL_NUMBER: Final = re.compile(r"(?<![0-9])0[0-9]{11}(?![0-9])")
"""Twelve digits that begin with the code of a province."""


class InputModel(BaseModel):
    """What is sent: nothing unknown in it, and nothing of it in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class OutputModel(BaseModel):
    """What is answered."""

    model_config = ConfigDict(extra="forbid")


def _without_number(name: str | None) -> str | None:
    if name is not None and _PERSONAL_NUMBER.search(name):
        raise PydanticCustomError("personal_number", "holds the number of a person")
    return name


KeptInClear = Annotated[str | None, AfterValidator(_without_number)]
"""References and offices are kept as they are, beside the log: no place for the number of a person."""
Office = Annotated[
    Annotated[str, Field(pattern=NAME_PATTERN)] | None, AfterValidator(_without_number)
]
Reference = Annotated[str, Field(pattern=NAME_PATTERN), AfterValidator(_without_number)]
"""What a portal calls a case; it names it in answers, and is kept in clear."""
ReasonCodes = Annotated[
    list[Annotated[str, Field(pattern=CODE_PATTERN)]], Field(min_length=1, max_length=20)
]
