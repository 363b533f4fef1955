"""The administrative file of a case as an append-only log of actions.

Empty so far: verification does not need it. It is the place of dossiers, procedure clocks and their projections.
"""
