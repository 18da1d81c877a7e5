"""Faces and scores as CompreFace shows them."""

from collections.abc import Sequence

from api.contract.compreface_options import FacesQuery
from core.types import Box, Decision, EmbeddingSpec, Face, Vector
from pipeline.recognizer import Verdict
from pipeline.scanner import Scan

Json = dict[str, object]
_DECIMALS = 5


def similarity_shown(score: float) -> float:
    """Our similarity, in [-1, 1], on a scale that begins with 0."""
    return round(max(0.0, score), _DECIMALS)


def subjects_of(found: Verdict, most: int) -> list[Json]:
    """The people of a match, nearest first; nobody where it is none.

    Clients take the first for the person, so it is said only of whom we say it ourselves.
    """
    if found.decision is not Decision.MATCH:
        return []
    return [
        {"subject": person.user_id, "similarity": similarity_shown(person.similarity)}
        for person in found.candidates[:most]
    ]


def of_faces(scan: Scan, asked: FacesQuery) -> list[Json]:
    """The faces of a scan with what was asked for; what each is like comes beside."""
    return [_of_face(scan, at, asked) for at in range(len(scan.faces))]


def of_status(spec: EmbeddingSpec, asked: FacesQuery, *, embedded: bool = True) -> Json:
    """What it was done with, where that was asked for."""
    if not asked.status:
        return {}
    calculator = {"calculator": spec.embedder} if embedded else {}
    return {"plugins_versions": {"detector": spec.detector, **calculator}}


def numbers_of(vector: Vector) -> list[float]:
    values: list[float] = vector.tolist()
    return values


def _of_face(scan: Scan, at: int, asked: FacesQuery) -> Json:
    face = scan.faces[at]
    shown: Json = {"box": _of_box(face.box, face.confidence)}
    if asked.has("calculator"):
        shown["embedding"] = numbers_of(scan.vectors[at])
    if asked.has("landmarks"):
        shown["landmarks"] = _of_landmarks(face)
    if asked.status:
        shown["execution_time"] = _of_times(scan.timings_ms, scan.vectors)
    return shown


def _of_times(timings_ms: dict[str, float], vectors: Sequence[Vector]) -> Json:
    calculator = {"calculator": timings_ms["embed"]} if vectors else {}
    return {"detector": timings_ms["detect"], **calculator}


def _of_box(box: Box, confidence: float) -> Json:
    return {
        "probability": round(confidence, _DECIMALS),
        "x_max": round(box.x + box.width),
        "y_max": round(box.y + box.height),
        "x_min": round(box.x),
        "y_min": round(box.y),
    }


def _of_landmarks(face: Face) -> list[list[int]]:
    return [[round(x), round(y)] for x, y in face.landmarks.points()]
