"""What an engine writes into its tables: ids, numbers and codes as JSON. No pickle, in or out.

DBOS pickles by default, and whatever serializer it was given, it unpickles a row that says so: whoever can write to its
tables would run code here. :func:`refuse_pickle` closes that.
"""

from __future__ import annotations

import json
from typing import Any, Final

from dbos import _serialization

from ekyc.errors import EkycError
from ekyc.workflow.work import WORD, WorkError

NAME: Final = "ekyc_json"
_ERROR: Final = "error"
_MOST_DEPTH: Final = 6
_PICKLED_NOTHING: Final = "gAROLg=="
"""``pickle.dumps(None)`` in Base64, as a row would hold it: harmless where it is opened."""


class PlainJson(_serialization.Serializer):
    """Serializer of DBOS for values that cannot hold anybody's data."""

    def serialize(self, data: Any) -> str:
        """JSON of a value; of an exception its code or type alone.

        Raises:
            ValueError: it holds something other than ids, names and numbers.
        """
        if isinstance(data, BaseException):
            code = data.code if isinstance(data, EkycError) else type(data).__name__
            return json.dumps({_ERROR: code})
        _require_plain(data, _MOST_DEPTH)
        return json.dumps(data)

    def deserialize(self, serialized_data: str) -> Any:
        """What :meth:`serialize` was given; a :class:`~ekyc.workflow.WorkError` in place of an exception."""
        value = json.loads(serialized_data)
        if isinstance(value, dict) and set(value) == {_ERROR}:
            return WorkError("a step failed", subject=str(value[_ERROR])[:80])
        return value

    def name(self) -> str:
        """As rows name it."""
        return NAME


class PickleRefusedError(ValueError):
    """Somebody would have had a pickle written or opened."""


class _NoPickle(_serialization.Serializer):
    """In the place of DBOS' default."""

    def serialize(self, data: Any) -> str:
        del data
        raise PickleRefusedError("nothing is pickled")

    def deserialize(self, serialized_data: str) -> Any:
        del serialized_data
        raise PickleRefusedError("nothing is unpickled")

    def name(self) -> str:
        return _serialization.DefaultSerializer().name()


def refuse_pickle() -> None:
    """Have DBOS 3.4 neither write nor read a pickle in this process. It has no public way: ``serializer`` of its
    configuration decides what is written, and the row what is read.

    Raises:
        WorkError: ``work.engine``: this version of DBOS reads one all the same.
    """
    refusing = _NoPickle()
    _serialization.DBOSDefaultSerializer = refusing
    for read in (_serialization.deserialize_value, _serialization.deserialize_args):
        try:
            read(_PICKLED_NOTHING, refusing.name(), PlainJson())
        except PickleRefusedError:
            continue
        except Exception as exc:
            raise _unknown_version() from exc
        raise _unknown_version()


def _unknown_version() -> WorkError:
    return WorkError("this version of DBOS cannot be kept from pickles", code="work.engine")


def _require_plain(value: Any, depth: int) -> None:
    if depth == 0:
        raise ValueError("nested too deeply")
    if value is None or isinstance(value, bool | int | float):
        return
    if isinstance(value, str):
        if not WORD.fullmatch(value):
            raise ValueError("neither an id nor a name")
    elif isinstance(value, list | tuple):
        for one in value:
            _require_plain(one, depth - 1)
    elif isinstance(value, dict):
        for key, one in value.items():
            _require_plain(key, depth - 1)
            _require_plain(one, depth - 1)
    else:
        raise ValueError("neither an id, a name nor a number")  # noqa: TRY004 - one error for whatever is refused
