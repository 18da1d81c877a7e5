"""Further embedding spaces beside the gallery's own: filled from its photos, given to devices."""
