"""How well faces are told apart: measured on labelled photos, or on the enrolled gallery."""
