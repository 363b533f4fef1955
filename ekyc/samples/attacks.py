"""The attacks of the demonstration: what each changes in an honest case, and which check must stop it.

Each changes exactly one piece of evidence; ``portrait-injection`` is handed in under the profile ``identity``, because
the demonstration's own frames are rendered from a photograph too and its profile is exempt. All but two change the case itself (:func:`ekyc.samples.make_case` writes
it so); ``tampered-pdf`` changes the signed result afterwards and ``replayed-nonce`` hands in an honest case twice,
which only the caller can do.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ekyc.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One way to cheat."""

    name: str
    vi: str
    en: str
    stopped_by: str
    """The check that must not pass."""
    reason_family: str
    """First part of the reason code that must appear."""
    evidence: tuple[str, ...] = ()
    """Files or folders (ending in ``/``) of the case that differ from the honest one; empty if the case is honest."""

    @property
    def changes_case(self) -> bool:
        return bool(self.evidence)


ATTACKS: Final[Mapping[str, Attack]] = MappingProxyType(
    {
        attack.name: attack
        for attack in (
            Attack(
                name="cloned-chip",
                vi="Sao chép dữ liệu sang chip khác, chip này ký bằng khóa của chính nó",
                en="The data are copied to another chip, which signs with a key of its own",
                stopped_by="chip.active_authentication",
                reason_family="chip",
                evidence=("chip/aa-signature.bin",),
            ),
            Attack(
                name="altered-dg",
                vi="Sửa họ tên trong dữ liệu chip (DG13)",
                en="The name in the chip's data (DG13) is changed",
                stopped_by="chip.hashes",
                reason_family="chip",
                evidence=("chip/EF.DG13.bin",),
            ),
            Attack(
                name="stripped-evidence",
                vi="Bỏ khóa chống sao chép (DG15) và chữ ký xác thực chủ động",
                en="The anti-cloning key (DG15) and the active-authentication signature are left out",
                stopped_by="chip.active_authentication",
                reason_family="chip",
                evidence=("case.toml", "chip/EF.DG15.bin", "chip/aa-signature.bin"),
            ),
            Attack(
                name="foreign-signer",
                vi="Chip do một cơ quan cấp không rõ (CSCA lạ) ký",
                en="The chip is signed by an issuer whose CSCA nobody knows",
                stopped_by="chip.chain",
                reason_family="chip",
                evidence=("chip/",),
            ),
            Attack(
                name="impostor",
                vi="Người khác đứng trước máy ảnh",
                en="Another person sits before the camera",
                stopped_by="face.match",
                reason_family="face",
                evidence=("face/",),
            ),
            Attack(
                name="screen-replay",
                vi="Phát lại khuôn mặt trên màn hình, có viền máy",
                en="The face is played on a screen with a bezel",
                stopped_by="liveness.passive",
                reason_family="liveness",
                evidence=("face/",),
            ),
            Attack(
                name="portrait-injection",
                vi="Dựng hình ảnh trước máy ảnh từ ảnh chân dung sao chép trong chip",
                en="The frames before the camera are made from the portrait copied out of the chip",
                stopped_by="liveness.portrait_injection",
                reason_family="face",
                evidence=("case.toml", "face/"),
            ),
            Attack(
                name="altered-copy",
                vi="Bản sao bị sửa một chữ số và một dấu thanh",
                en="One digit and one tone mark of the copy are changed",
                stopped_by="document.copy_matches",
                reason_family="document",
                evidence=("documents/copy-1.jpg",),
            ),
            Attack(
                name="tampered-pdf",
                vi="Sửa tệp PDF kết quả sau khi đã ký",
                en="The signed result PDF is changed afterwards",
                stopped_by="signature.valid",
                reason_family="signature",
            ),
            Attack(
                name="replayed-nonce",
                vi="Nộp lại hồ sơ với mã thử thách đã dùng",
                en="The case is handed in again with a challenge that is already spent",
                stopped_by="chip.active_authentication",
                reason_family="freshness",
            ),
        )
    }
)
"""All attacks by name, in the order in which a case is verified."""


def find_attack(name: str) -> Attack:
    """The attack of that name.

    Raises:
        InputError: there is none (``sample.unknown_attack``).
    """
    try:
        return ATTACKS[name]
    except KeyError as exc:
        known = ", ".join(ATTACKS)
        raise InputError(
            f"no attack {name!r}; known are {known}", code="sample.unknown_attack"
        ) from exc
