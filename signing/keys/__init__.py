"""Private keys behind one port, and the algorithms they sign with."""
