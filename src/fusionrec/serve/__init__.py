"""A trained model as an HTTP service; see docs/serving.md."""
