"""JSON forms of what the pipeline says. Scores have 4 decimals, places whole pixels, times a Z."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from core.types import Box, Decision, EmbeddingSpec, Landmarks, Point
from db.models import FaceRow, PhotoRow
from db.photos import Status
from pipeline.analyzer import UnusedFace
from pipeline.decision import Rule
from pipeline.embedding_enrollment import is_without_photo
from pipeline.gallery import Candidate
from pipeline.quality import Issue, Quality, SeenFace, explained
from pipeline.recognizer import Answer, Profile, Recognition, Verdict
from pipeline.terms import Remark

Json = dict[str, object]


def of_recognition(found: Recognition, rule: Rule, spec: EmbeddingSpec) -> Json:
    """The answer for the one face asked for."""
    timings = {"timings_ms": found.timings_ms}
    return {
        **of_answer(found.answers[0], rule),
        **of_unused(found.unused),
        **of_model(spec),
        **timings,
    }


def of_all_faces(found: Recognition, rule: Rule, spec: EmbeddingSpec) -> Json:
    """The answers for every face, largest first."""
    return {
        **_of_rule(rule),
        "faces": [of_answer(answer, rule) for answer in found.answers],
        **of_unused(found.unused),
        **of_model(spec),
        "timings_ms": found.timings_ms,
    }


def of_answer(answer: Answer, rule: Rule) -> Json:
    return {**of_verdict(answer, rule), "face": of_face(answer.face)}


def of_verdict(answer: Verdict, rule: Rule) -> Json:
    """Who it is, without where the face is."""
    profile = answer.profile
    recognized = answer.decision is Decision.MATCH
    return {
        "decision": answer.decision,
        "recognized": recognized,
        "user_id": profile.user_id if profile else None,
        "face_id": answer.candidates[0].face_id if profile and answer.candidates else None,
        "similarity_score": None if answer.nearest is None else round(answer.nearest, 4),
        **_of_rule(rule),
        "profile": of_profile(profile) if profile else None,
        "candidates": [_candidate(candidate) for candidate in answer.candidates],
    }


def _of_rule(rule: Rule) -> Json:
    """By what it was judged."""
    return {"threshold": round(rule.threshold, 4), "calibration": rule.calibration}


def of_profile(profile: Profile) -> Json:
    return {
        "user_id": profile.user_id,
        "name": profile.name,
        "email": profile.email,
        "attributes": profile.attributes,
        "face_id": profile.face_id,
        "created_at": of_time(profile.created_at),
        "updated_at": of_time(profile.updated_at),
    }


def of_photo(row: PhotoRow) -> Json:
    """A row of the ledger; `path` is relative to the drop folder."""
    return {
        "id": row.id,
        "path": row.path,
        "user_id": row.user_id,
        "status": row.status,
        "code": row.code,
        "message": row.message,
        "face_id": row.face_id,
        "present": row.present,
        "created_at": of_time(row.created_at),
        "updated_at": of_time(row.updated_at),
    }


def of_stored_face(row: FaceRow, photo_ids: Sequence[int], digest: str, *, primary: bool) -> Json:
    """An enrolled face; `digest` names its space."""
    return {
        "face_id": row.id,
        "source": "embedding" if is_without_photo(row) else "photo",
        "photo_ids": list(photo_ids),
        "primary": primary,
        "spec": digest,
        "quality": of_stored_quality(row.quality),
        "created_at": of_time(row.created_at),
    }


def of_remarks(remarks: Sequence[Remark]) -> Json:
    """The words about what was enrolled all the same."""
    return {"warnings": [remark.shown() for remark in remarks]}


def of_counts(counts: Mapping[Status, int]) -> Json:
    """All files seen, and how many of them stand where; the parts add up."""
    return {"seen": sum(counts.values()), **{status: counts[status] for status in counts}}


def of_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _candidate(candidate: Candidate) -> Json:
    return {
        "user_id": candidate.user_id,
        "face_id": candidate.face_id,
        "similarity_score": round(candidate.similarity, 4),
    }


def of_face(face: SeenFace) -> Json:
    """A face of a photo: where it is, and how well it can be seen."""
    place = of_place(face.box, face.confidence, face.landmarks)
    return {**place, "quality": of_quality(face.quality)}


def of_place(box: Box, confidence: float, marks: Landmarks) -> Json:
    """Where a face is."""
    return {
        "box": _box(box),
        "confidence": round(confidence, 4),
        "landmarks": {
            "left_eye": _point(marks.left_eye),
            "right_eye": _point(marks.right_eye),
            "nose": _point(marks.nose),
            "mouth_left": _point(marks.mouth_left),
            "mouth_right": _point(marks.mouth_right),
        },
    }


def of_quality(quality: Quality) -> Json:
    """What was measured, and what is wrong in words."""
    return {**asdict(quality.measures), "issues": explained(quality.issues)}


def of_stored_quality(stored: Mapping[str, object]) -> Json | None:
    """The same of an enrolled face; None where it was not measured."""
    issues = stored.get("issues")
    if not isinstance(issues, list):
        return None
    known = [Issue(code) for code in issues if code in list(Issue)]
    return {**stored, "box": _rounded(stored["box"]), "issues": explained(known)}


def of_unused(faces: Sequence[UnusedFace]) -> Json:
    return {"unused_faces": [{"box": _box(face.box), "reason": face.reason} for face in faces]}


def of_model(spec: EmbeddingSpec) -> Json:
    return {
        "model": {
            "embedder": spec.embedder,
            "detector": spec.detector,
            "dimensions": spec.dimensions,
            "similarity": spec.similarity,
        }
    }


def _rounded(stored: object) -> Json:
    sides = stored if isinstance(stored, dict) else {}
    return {name: round(side) for name, side in sides.items()}


def _box(box: Box) -> Json:
    return {
        "x": round(box.x),
        "y": round(box.y),
        "width": round(box.width),
        "height": round(box.height),
    }


def _point(point: Point) -> list[int]:
    return [round(point[0]), round(point[1])]
