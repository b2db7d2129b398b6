"""The map: where a regularized encoder helps, by data set, size and strength."""
