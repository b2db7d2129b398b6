"""A toy on which docs/theory.md shows what the statements of the theory say."""
