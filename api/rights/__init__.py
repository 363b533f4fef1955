"""Requests of data subjects: access, correction, erasure, withdrawal, restriction, objection."""
