"""A national verification service (C06/RAR and its like): what it is asked, and what its signed answer says.

Real message formats are in contracts and not published, so nothing of them is in the code: an operator describes the one
that they have in a TOML file (:func:`load_authority_configuration`, ``docs/chip.md``). The code knows what must hold of
any such service: a fresh request id, a signature over the bytes as received, a pinned key, and two words for yes and no.

Here is no network: :class:`ConfiguredAuthority` takes an :class:`AuthorityLink`, and :mod:`ekyc.flows.authority_link` is
the one that talks HTTPS. :class:`FakeAuthority` says what it was told to, and says that too.
"""

from ekyc.chip.authority.configuration import (
    AuthorityConfiguration,
    ServiceEndpoint,
    load_authority_configuration,
)
from ekyc.chip.authority.configured import ConfiguredAuthority
from ekyc.chip.authority.fake import FakeAuthority
from ekyc.chip.authority.finding import CHECK_AUTHORITY, AuthorityFinding, inspect_authority
from ekyc.chip.authority.port import (
    Authority,
    AuthorityAnswer,
    AuthorityLink,
    AuthorityQuestion,
    AuthorityVerdict,
    LinkAnswer,
)

__all__ = [
    "CHECK_AUTHORITY",
    "Authority",
    "AuthorityAnswer",
    "AuthorityConfiguration",
    "AuthorityFinding",
    "AuthorityLink",
    "AuthorityQuestion",
    "AuthorityVerdict",
    "ConfiguredAuthority",
    "FakeAuthority",
    "LinkAnswer",
    "ServiceEndpoint",
    "inspect_authority",
    "load_authority_configuration",
]
