"""Faces found and named by the server, frame by frame, for devices too weak to do it."""
