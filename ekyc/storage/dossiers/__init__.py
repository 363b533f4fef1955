"""Dossiers and verification sessions: rows, logs, findings, tokens, kept answers."""
