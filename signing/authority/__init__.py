"""Certification, status and time: the embedded authority, and the clients of others."""
