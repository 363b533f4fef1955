"""What tests of resources do behind the service's back."""

from datetime import timedelta

from ekyc.api.v1.cases import load_session, record
from ekyc.dossiers import SYSTEM, Submitted
from ekyc.storage import Jurisdiction, ServiceKey


def leave_processing(storage, session_id, tenant="a"):
    """A session as a process leaves it that was killed while it verified."""
    with storage.dossiers(ServiceKey(bytes(32))).writing(tenant) as unit:
        loaded = load_session(unit, Jurisdiction(), session_id, lock=True)
        event = Submitted(
            attempt=loaded.view.submissions + 1, deadline=unit.now + timedelta(minutes=10)
        )
        record(unit, loaded, SYSTEM, event)
