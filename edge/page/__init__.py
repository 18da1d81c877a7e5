"""The live page; needs edge/requirements-page.txt, and is imported only where the page is on."""

from edge.page.server import Page

__all__ = ["Page"]
