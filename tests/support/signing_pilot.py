"""A pilot: a ceremony, and everything that works after it, on a clock that can be moved."""

from io import BytesIO

from cryptography import x509
from reportlab.pdfgen.canvas import Canvas

from ekyc.signing import Party, SigningIdentity
from ekyc.signing.authority.ca import SubjectName
from ekyc.signing.authority.ceremony import hold_ceremony, open_authorities
from ekyc.signing.authority.certificates import CertificateProfile
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.keystore import DerivationCost
from ekyc.signing.keys.software import EmbeddedKeys, SoftwareKey
from ekyc.storage import Storage
from ekyc.testing import FixedClock

CHEAP = DerivationCost(iterations=1, lanes=1, memory_kib=8)
EC, RSA = SignatureAlgorithm.ECDSA_P256, SignatureAlgorithm.RSA_PSS_3072
CITIZEN = SubjectName(common_name="Nguyễn Thị Mẫu", identifier="PNOVN-000000000001")


def make_pdf(text="Trích lục khai sinh"):
    out = BytesIO()
    canvas = Canvas(out, invariant=1)
    canvas.drawString(72, 700, text)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


class Pilot:
    """A ceremony, and everything that works after it."""

    def __init__(self, folder, *, clock=None, **options):
        self.clock = clock or FixedClock()
        self.folder = folder
        self.keys = EmbeddedKeys.create(folder / "issuing", "b", cost=CHEAP)
        self.record = hold_ceremony(
            folder,
            root_passphrase="a",
            keys=self.keys,
            witnesses=("Nguyễn Văn Chứng",),
            cost=CHEAP,
            clock=self.clock,
        )
        self.storage = Storage.open(folder / "state.sqlite3", clock=self.clock)
        self.options = options
        self.authorities = self.open()
        self.ca = self.authorities.ca
        self.root = x509.load_der_x509_certificate(self.authorities.root_der)
        self.issuing = x509.load_der_x509_certificate(self.ca.chain_der[0])

    def open(self, keys=None):
        return open_authorities(
            self.folder,
            keys=keys or self.keys,
            register=self.storage.certificates,
            clock=self.clock,
            **self.options,
        )

    def certify(self, profile=CertificateProfile.CITIZEN, key=None):
        key = key or SoftwareKey.generate(EC)
        der = self.ca.certify(
            key.public_key_der, profile=profile, subject=CITIZEN, credential="c-1"
        )
        return x509.load_der_x509_certificate(der)

    def party(self, profile, name, *, algorithm=EC, key=None):
        """Somebody who signs here."""
        key = key or SoftwareKey.generate(algorithm)
        der = self.ca.certify(
            key.public_key_der,
            profile=CertificateProfile(profile),
            subject=SubjectName(common_name=name),
            credential=str(profile),
        )
        return self.as_party(
            SigningIdentity(key=key, certificate_der=der, issuers_der=self.ca.chain_der)
        )

    def as_party(self, identity, **changed):
        fields = {
            "signer": identity,
            "ask_for_time": self.authorities.timestamp_authority.answer,
            "vouch": self.ca.material,
            "clock": self.clock,
            **changed,
        }
        return Party(**fields)

    @property
    def anchors(self):
        return (self.authorities.root_der,)

    def close(self):
        self.storage.close()
