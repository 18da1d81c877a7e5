"""The networks: what is pinned, brought here, prepared and run."""
