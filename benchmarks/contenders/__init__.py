"""The contenders: one module each; each runs in its own process (and environment)."""
