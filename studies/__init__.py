"""The study of the paper: its plan, the code that runs it, and what its records show."""
