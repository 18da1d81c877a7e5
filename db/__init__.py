"""The truth: people, faces, the photo ledger. Queries take a Session and never commit."""
