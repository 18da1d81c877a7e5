"""/api/v1: what clients of CompreFace ask for, answered in the shapes they know."""

from api.compreface import embeddings, examples, photos, recognition, subjects
from api.compreface.blueprint import compreface

__all__ = ["compreface", "embeddings", "examples", "photos", "recognition", "subjects"]
