"""Split strategies, one a file: pure functions from an interaction log to a label for each interaction."""
