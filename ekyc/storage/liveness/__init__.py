"""Sessions of the active challenge, and what guards against repeating one."""
