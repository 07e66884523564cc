"""The separator of several values in one string; the stage clean removes it from every text."""

SEPARATOR = "\x1f"
