"""Schemas of results and the words that a QR code need not spell, read by the modules beside it."""
