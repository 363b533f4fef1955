"""Signing everything else: CMS, XML, JSON."""
