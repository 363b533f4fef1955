"""The logical data structure of travel documents: one file of this folder per elementary file (ICAO 9303-10)."""
