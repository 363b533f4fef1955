"""A new idempotency key, for tests that send an order and do not mean to send it again."""

from __future__ import annotations

import secrets


def once(**headers):
    """Headers with a key of their own."""
    return {"Idempotency-Key": secrets.token_hex(8)} | headers
