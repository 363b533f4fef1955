"""The evidence log: a hash chain with a Merkle tree, its checkpoints, exports and proofs."""
