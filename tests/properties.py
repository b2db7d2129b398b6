"""How Hypothesis draws examples."""

import hypothesis

# Derandomized: a run of the suite is as repeatable as everything else here.
SETTINGS = hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
