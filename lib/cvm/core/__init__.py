"""Base of the suite: checks, results, months, money and language. Imports nothing of ours."""
