"""What stands between several values where a string holds them: clean removes it from every text."""

SEPARATOR = "\x1f"
