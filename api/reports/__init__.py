"""Reports over dossiers: counts by office, and nothing about anybody."""
