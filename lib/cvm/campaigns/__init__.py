"""Retention campaigns: design, checks, effects with and without a control, profit."""
