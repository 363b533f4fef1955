"""The evidence log over HTTP: entries, checkpoints, proofs, and who was given whose files to see."""
