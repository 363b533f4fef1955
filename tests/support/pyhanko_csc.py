"""pyHanko's own CSC client against a service: ``python pyhanko_csc.py URL TOKEN CREDENTIAL COUNT FOLDER [SOCKET]``.

Nothing of ours is imported: it knows the address, a token and a code, as any application would. It signs COUNT documents
in one batch and writes them to FOLDER.
"""

import asyncio
import sys
from io import BytesIO
from pathlib import Path

import aiohttp
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.signers.csc_signer import (
    CSCAuthorizationManager,
    CSCServiceSessionInfo,
    CSCSigner,
    fetch_certs_in_csc_credential,
)
from reportlab.pdfgen.canvas import Canvas

CODE = "123456"


class ByCode(CSCAuthorizationManager):
    """Asks the service for a SAD over exactly the hashes, with the person's code, as pyHanko's documentation has it."""

    def __init__(self, session, session_info, credential_info):
        super().__init__(session_info, credential_info)
        self.session = session

    async def authorize_signature(self, hash_b64s):
        asked = self.format_csc_auth_request(hash_b64s=hash_b64s, otp=CODE, description="Đơn")
        url = self.csc_session_info.endpoint_url("credentials/authorize")
        async with self.session.post(
            url, headers=self.auth_headers, json=asked, raise_for_status=True
        ) as response:
            return self.parse_csc_auth_response(await response.json())


def make_document(number):
    out = BytesIO()
    canvas = Canvas(out, invariant=1)
    canvas.drawString(72, 700, f"Document {number}")
    canvas.showPage()
    canvas.save()
    return out.getvalue()


async def sign(url, token, credential, count, *, connector=None):
    """``count`` signed documents by one authorisation and one call."""
    async with aiohttp.ClientSession(connector=connector) as session:
        info = CSCServiceSessionInfo(service_url=url, credential_id=credential, oauth_token=token)
        described = await fetch_certs_in_csc_credential(session, info)
        signer = CSCSigner(
            session,
            ByCode(session, info, described),
            prefer_pss=True,
            batch_size=count,
            embed_roots=False,
        )
        return await asyncio.gather(*(_sign_one(signer, number) for number in range(count)))


async def _sign_one(signer, number):
    metadata = signers.PdfSignatureMetadata(
        field_name="Signature1", md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES
    )
    writer = IncrementalPdfFileWriter(BytesIO(make_document(number)))
    signed = await signers.async_sign_pdf(writer, metadata, signer=signer)
    return signed.getvalue()


def main():
    url, token, credential, count, folder = sys.argv[1:6]
    for number, signed in enumerate(asyncio.run(sign(url, token, credential, int(count)))):
        (Path(folder) / f"{number}.pdf").write_bytes(signed)


if __name__ == "__main__":
    main()
