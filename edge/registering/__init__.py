"""People are made known: at the camera, from a folder of photos, on the live page."""
