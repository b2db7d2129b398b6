"""Command lines for the library: train, evaluate, demo. Run them from a checkout."""
