"""People and what is kept about them, sealed under keys of their own; rotation, retention, erasure."""
