from datetime import date

import pytest

from ekyc.chip import ActiveAuthenticationExchange, inspect_chip
from ekyc.chip.sim import CitizenData, SimulatedIssuer
from ekyc.pki import TrustStore
from ekyc.testing import FixedClock

PORTRAIT = b"\xff\xd8\xff\xe0 no real picture \xff\xd9"
NONCE = bytes.fromhex("0102030405060708")


@pytest.fixture(scope="session")
def clock():
    return FixedClock()


@pytest.fixture(scope="session")
def citizen():
    return CitizenData(
        personal_number="048185012345",
        full_name="NGUYỄN THỊ MẪU",
        birth_date=date(1985, 4, 19),
        sex="F",
        ethnicity="Kinh",
        religion="Không",
        origin="Điện Phước, Điện Bàn, Quảng Nam",
        residence="Tổ 12, đường có tên rất dài để độ dài vượt 127 byte, phường Hòa Thuận Tây, quận Hải Châu, "
        "thành phố Đà Nẵng",
        features="Nốt ruồi cách 1,5 cm dưới sau mép trái",
        issue_date=date(2023, 8, 21),
        expiry_date=date(2045, 4, 19),
        father_name="NGUYỄN VĂN MẪU",
        mother_name="LÊ THỊ MẪU",
        spouse_name="TRẦN VĂN MẪU",
        old_number="201234567",
    )


@pytest.fixture(scope="session")
def issuer(clock):
    return SimulatedIssuer.create(clock=clock)


@pytest.fixture(scope="session")
def card(issuer, citizen):
    return issuer.issue_card(citizen, PORTRAIT)


@pytest.fixture(scope="session")
def trust(issuer):
    return TrustStore.from_certificates([issuer.csca_certificate_der], source="simulator")


@pytest.fixture(scope="session")
def inspect(trust, clock):
    """``inspect(card)``: with the card's own answer to the nonce unless another exchange is given."""

    def run(card, *, answering=None, trust=trust, challenge=True, **options):
        exchange = None
        if challenge:
            signature = (answering or card).active_authenticate(NONCE)
            exchange = ActiveAuthenticationExchange(nonce=NONCE, signature=signature)
        return inspect_chip(card.files, trust=trust, challenge=exchange, at=clock.now(), **options)

    return run
