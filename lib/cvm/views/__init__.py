"""Charts: a result or a frame in, axes out."""
