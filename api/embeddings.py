"""Embeddings: of a photo, searched for, enrolled."""

from flask import Blueprint

embeddings = Blueprint("embeddings", __name__)
