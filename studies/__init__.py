"""The study of the paper: its plan, what reproduces it, and what its records say."""
