"""A photo's bytes, judged and decoded to upright pixels."""
