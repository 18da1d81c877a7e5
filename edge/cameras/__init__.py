"""Where frames come from: one protocol (`edge.types.Camera`) for all of them."""
