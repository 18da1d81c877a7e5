"""The program at a door: a camera, a queue, a relay, and HTTP to a Kenal server; an island."""
