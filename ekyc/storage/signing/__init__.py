"""Keys of people, their certificates and factors, and each use of them, once."""
