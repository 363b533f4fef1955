"""What lets a person's key sign, once: decisions, factors, activation data, remote signing."""
