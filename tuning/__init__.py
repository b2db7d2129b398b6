"""Searching the strength of the regularizers with KerasTuner, on one machine or several."""
