"""Everything that lies on the disk, before and after a person is erased: on SQLite, and on PostgreSQL with its files and log.

Searched in three ways: as the bytes are; in whatever decompresses; and with all keys that there are, which open what still
opens. Before, the person is found by each key; afterwards by none.
"""

from __future__ import annotations

import sys

import planted
import postgres_server
import pytest
from planted_house import KEY, NAME, NUMBER, PLAIN, PORTRAIT, TENANT, House, raw
from sqlalchemy import create_engine

from ekyc.errors import EkycError

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

OTHER_FORMS = (NAME.upper().encode(), NAME.encode("utf-16-be"))


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """A planted house, and its files: ``place.everything()``."""
    if request.param == "sqlite":
        made = Place(tmp_path, None)
        yield made
        made.house.storage.close()
        return
    with postgres_server.cluster() as server:
        made = Place(tmp_path, server)
        yield made
        made.house.storage.close()


class Place:
    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.house = House(folder, None if server is None else server.url)
        self.person = self.house.plant(NUMBER, NAME, PORTRAIT)

    def statement(self, *statements):
        engine = create_engine(self.server.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for one in statements:
                connection.exec_driver_sql(one)
        engine.dispose()

    def everything(self):
        """All bytes: of the database with its log, of the blobs; keys too."""
        found = planted.everything(self.folder)
        if self.server is not None:
            self.statement("CHECKPOINT")
            found += planted.everything(self.server.folder)
        return found

    def recycle(self):
        """As docs/operations.md says: tables written anew, and the log of the time before given up."""
        self.statement("VACUUM FULL")
        self.server.stop("fast")
        self.server.forget_log()
        self.server.start()

    def opened(self):
        """What opens with all keys that there are."""
        artefacts, found = self.house.vault.artefacts, []
        with self.house.storage._engine.begin() as connection:
            ids = connection.exec_driver_sql("SELECT id FROM artefacts").scalars().all()
            credentials = connection.exec_driver_sql("SELECT id FROM credentials").scalars().all()
        for one in ids:
            try:
                found.append(artefacts.read(TENANT, one))
            except EkycError as error:
                assert error.code in {"artefact.removed", "subject.erased"}
        for one in credentials:
            found += self.house.storage.credentials(KEY).find(one).certificates
        return b"\n".join(found)


def test_nothing_is_left_on_the_disk(place):
    house = place.house
    names = raw(house.names_of(NUMBER))
    before = place.everything()
    known = planted.hits(before, names)
    opened = planted.hits(place.opened(), PLAIN)
    assert {name for name in names if name in before or name.hex().encode() in before} == set(names)
    assert len(opened) >= 3  # number, name and portrait

    house.eraser.erase_number(TENANT, NUMBER, logins=[house.names_of(NUMBER)[3]])

    assert planted.hits(place.opened(), (*PLAIN, *names)) == []
    after = place.everything()
    left = planted.hits(after, (*PLAIN, *OTHER_FORMS, *names))
    sys.stdout.write(
        f"{'SQLite' if place.server is None else 'PostgreSQL'}: {len(before) >> 10} KiB, before {len(known)} "
        f"plain and {len(opened)} with keys; {len(after) >> 10} KiB, after {len(left)}\n"
    )
    if place.server is None:
        assert left == []
        return
    # PostgreSQL keeps what was deleted in its log and in the free room of its pages until both are written anew.
    place.recycle()
    assert planted.hits(place.everything(), (*PLAIN, *OTHER_FORMS, *names)) == []
