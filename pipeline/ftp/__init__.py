"""Kenal's own FTP server: an optional door to the drop folder, in a process of its own.

    rules ──► folder ──► session ──► server      python -m pipeline.ftp
              upload ──┘     tls ──┘

Nothing here knows people or faces: a complete file under its final name is all it delivers.
"""
