"""The suite ``service``, where it needs a PostgreSQL: what it counts, and which databases it refuses."""

import psycopg
import pytest

from ekyc.benchmarks.postgresql import OF_OUR_OWN, empty_database
from ekyc.benchmarks.recorder import Recorder
from ekyc.benchmarks.service_stored import measure_stored
from ekyc.errors import InputError, UpstreamError

pytestmark = pytest.mark.system


def test_a_stored_request_is_measured_on_both_with_its_one_commit_beside(tmp_path, postgresql):
    recorder = Recorder(seed=1)
    measure_stored(recorder, tmp_path, count=3, database=postgresql)
    figures = {name: metric.value for name, metric in recorder.metrics.items()}
    assert figures["stored_commits"] == figures["postgresql_stored_commits"] == 1
    assert figures["stored_pages"] > 1
    assert figures["postgresql_stored_bytes"] > 500
    assert recorder.targets.keys() == {
        "stored_beyond_commits_ms",
        "postgresql_stored_beyond_commits_ms",
    }
    with psycopg.connect(postgresql.replace("+psycopg", "")) as connection:
        made = connection.execute("SELECT count(*) FROM verification_sessions").fetchone()
        longest = "SELECT max(octet_length(content)) FROM ekyc_bench_filled"
        assert made == (50 + 9 + 3,)
        written = connection.execute(longest).fetchone()[0]
    assert 0.5 < written / figures["postgresql_stored_bytes"] < 1


def test_a_database_that_holds_tables_is_left_alone(postgresql):
    with psycopg.connect(postgresql.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE people (name text)")
    with pytest.raises(InputError, match="holds tables") as refused, empty_database(postgresql):
        pass
    assert refused.value.code == "bench.database"


@pytest.mark.parametrize("given", ["sqlite:///state.sqlite3", "mysql://here", "anything"])
def test_nothing_but_postgresql_is_measured(given):
    with pytest.raises(InputError) as refused, empty_database(given):
        pass
    assert refused.value.code == "bench.database"


def test_a_database_that_is_away_is_told_of(tmp_path):
    address = f"postgresql://ekyc@/postgres?host={tmp_path}"
    with pytest.raises(UpstreamError) as away, empty_database(address):
        pass
    assert away.value.code == "bench.database"


def test_a_server_of_our_own_is_gone_afterwards(postgresql_server):
    del postgresql_server  # skips where there is none
    with empty_database(OF_OUR_OWN) as address:
        with psycopg.connect(address.replace("+psycopg", "")) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
        with empty_database(address) as same:
            assert same == address
    with pytest.raises(UpstreamError), empty_database(address):
        pass
