"""One module a dashboard: a plain model and a thin widget tree."""
