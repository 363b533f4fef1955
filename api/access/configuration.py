"""What an operator writes about access: our address, the proxy in front, agents, identity providers (``access.toml``)."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ekyc.api.access.login_profiles import LoginProfile, load_login_profile
from ekyc.api.access.proxy import ProxySettings
from ekyc.errors import InputError
from ekyc.files import read_file

SCHEMA: Final = "ekyc.access/1"
_MAX_FILE_BYTES: Final = 64 << 10
_HEADER: Final = r"^[A-Za-z][A-Za-z0-9-]{1,63}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class _Proxy(_Strict):
    tls: bool = False
    trusted: list[str] = Field(default=[], max_length=64)
    address_header: str | None = Field(default=None, pattern=_HEADER)
    certificate_header: str | None = Field(default=None, pattern=_HEADER)


class _Agents(_Strict):
    forbidden_procedures: list[str] = Field(default=[], max_length=2000)


class _File(_Strict):
    schema_: str = Field(alias="schema")
    issuer: str = Field(
        pattern=r"^(https://[a-z0-9.:-]{1,250}|http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?)$"
    )
    proxy: _Proxy = _Proxy()
    agents: _Agents = _Agents()
    logins: list[str] = Field(default=[], max_length=20)
    idle_minutes: float = Field(default=30.0, ge=1, le=240)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """How access is set up."""

    issuer: str
    """Our public address, without a path: issuer and audience of our tokens, beginning of our endpoints."""
    proxy: ProxySettings = field(default_factory=ProxySettings)
    no_agents: frozenset[str] = frozenset()
    """Procedures that citizens must do in person."""
    logins: tuple[LoginProfile, ...] = ()
    idle_minutes: float = 30.0


def load_access_settings(path: Path, environment: Mapping[str, str] = os.environ) -> AccessSettings:
    """Read the operator's file; docs/security.md describes it. Paths in it are relative to its folder.

    Raises:
        InputError: ``access.config``; ``subject`` names the file or the field.
    """
    try:
        text = read_file(path, _MAX_FILE_BYTES, code="access.config").decode()
        document = tomllib.loads(text)
        said = _File.model_validate(document)
    except ValidationError as exc:
        place = ".".join(str(step) for step in exc.errors()[0]["loc"])
        raise _wrong(place or path.name) from exc
    except (OSError, ValueError) as exc:
        raise _wrong(path.name) from exc
    if said.schema_ != SCHEMA:
        raise _wrong("schema")
    base = path.absolute().parent
    profiles = tuple(load_login_profile(base / name, environment) for name in said.logins)
    if len({one.id for one in profiles}) != len(profiles):
        raise _wrong("logins")
    return AccessSettings(
        issuer=said.issuer,
        proxy=ProxySettings(
            tls=said.proxy.tls,
            trusted=tuple(said.proxy.trusted),
            address_header=said.proxy.address_header,
            certificate_header=said.proxy.certificate_header,
        ),
        no_agents=frozenset(said.agents.forbidden_procedures),
        logins=profiles,
        idle_minutes=said.idle_minutes,
    )


def _wrong(subject: str) -> InputError:
    return InputError("not of the form asked for", code="access.config", subject=subject)
