"""The vocabulary every layer shares: settings, errors, types, vectors, files, names, logs."""
