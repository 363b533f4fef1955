"""Batches: many cases handed in at once, verified beside the requests, with a result for each.

``intake`` takes what was uploaded apart and seals it, ``routes`` are the operations, ``work`` is what a worker does.
"""

from ekyc.api.batches.limits import BatchLimits, batch_body_bytes

__all__ = ["BatchLimits", "batch_body_bytes"]
