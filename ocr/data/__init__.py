"""Templates and tables of the OCR room, read by :mod:`ekyc.ocr.templates` and :mod:`ekyc.ocr.id_number`."""
