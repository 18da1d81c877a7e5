"""Error rates of similarity scores: NumPy and arithmetic only, nothing of faces."""
