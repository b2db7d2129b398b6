"""Command lines over the library: train, evaluate, demo. Run them from a checkout."""
