"""Signing PDF: PAdES and its appearance, and the result page."""
