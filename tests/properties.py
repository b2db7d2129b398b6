"""How Hypothesis draws examples."""

import hypothesis

# Derandomized: each run of the suite draws the same examples.
SETTINGS = hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
