"""Value types shared by several rooms. All frozen; units and frames stand in the names."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Generic, NewType, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float32]
    """float32 array; the docstring of each user gives shape and range."""
    BgrImage = NDArray[np.uint8]
    """uint8, shape (height, width, 3), blue-green-red, 0–255, upright (EXIF orientation applied)."""
    GrayImage = NDArray[np.uint8]
    """uint8, shape (height, width), 0–255."""

DEFAULT_TENANT: Final = "default"
"""The tenant of everything where no other was set up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose something is: of a tenant, in it of an office or of none, and of a citizen where one asked for it."""

    tenant: str = DEFAULT_TENANT
    office: str | None = None
    subject: str | None = field(default=None, repr=False)
    """Pseudonym of the citizen within the tenant."""


NOBODY_IN_PARTICULAR: Final = Owner()
"""Of the only tenant, where no other was set up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """For a case that was accepted, and that another process verifies again should the first one die.

    What is spent for it is spent for it alone, and judged by when it came. What is decided is recorded together with it,
    once, and not by whoever verifies it.
    """

    id: str
    """At most 40 characters; nobody guesses it."""
    received_at: datetime


Sha256Hex = NewType("Sha256Hex", str)
"""64 lower-case hexadecimal digits."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, repr=False)
class Redacted(Generic[_T]):
    """A personal or secret value that never shows itself in ``repr``, logs or tracebacks.

    ``reveal()`` is greppable: each use of it is a place where personal data leave their wrapper.
    """

    _value: _T

    def reveal(self) -> _T:
        """The wrapped value."""
        return self._value

    def __repr__(self) -> str:
        return "Redacted(…)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxPx:
    """Axis-aligned box in pixels of the image it was found in; x to the right, y down."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class PointPx:
    """A point in pixels; x to the right, y down."""

    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QuadPx:
    """Four corners in pixels, clockwise as seen, starting at the reading direction's top left."""

    top_left: PointPx
    top_right: PointPx
    bottom_right: PointPx
    bottom_left: PointPx

    @property
    def corners(self) -> tuple[PointPx, PointPx, PointPx, PointPx]:
        return (self.top_left, self.top_right, self.bottom_right, self.bottom_left)

    @property
    def box(self) -> BoxPx:
        """The smallest upright box around it."""
        xs, ys = [p.x for p in self.corners], [p.y for p in self.corners]
        return BoxPx(left=min(xs), top=min(ys), right=max(xs), bottom=max(ys))
