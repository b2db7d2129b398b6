"""Who takes part: one module a contender, each run in a process (and environment) of its own."""
