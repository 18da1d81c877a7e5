"""`flask <group> <command>`: the same pipeline as the API, for a person at a terminal."""
