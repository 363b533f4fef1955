"""Schema history, one file a step in ``versions``, newest last. Run by :mod:`ekyc.storage.migrate`."""
