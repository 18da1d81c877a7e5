"""From photo bytes to a decision: who is it, or is it who they claim to be."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.errors import TooLarge
from core.types import Decision, Face, Vector
from core.vectors import similarity_of
from db import faces, users
from db.models import User
from db.session import Database
from pipeline.analyzer import Analyzer, Detection, UnusedFace, UnusedReason, nothing_usable
from pipeline.converter import Limits
from pipeline.decision import Rule, decide, verify
from pipeline.gallery import Candidate, LiveGallery
from pipeline.images.decode import decode
from pipeline.quality import SeenFace
from pipeline.turns import Turns

_RACE_ATTEMPTS = 3


class FaceChoice(StrEnum):
    """Which faces of the photo are identified."""

    LARGEST = "largest"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Question:
    """`user_id` claims an identity (1:1); without it everybody is searched (1:N)."""

    user_id: str | None = None
    faces: FaceChoice = FaceChoice.LARGEST
    limit: int = 1


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as the API shows them."""

    user_id: str
    name: str | None
    email: str | None
    attributes: dict[str, object]
    face_id: int | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one embedding. `profile` stands exactly where the decision is `match`.

    `nearest` is the similarity of the nearest face; None on an empty gallery. `candidates`
    are only people at or above the threshold, and those that make it ambiguous.
    """

    decision: Decision
    nearest: float | None
    candidates: Sequence[Candidate]
    profile: Profile | None


@dataclass(frozen=True, slots=True)
class Answer(Verdict):
    """What is said of one face of a photo."""

    face: SeenFace


@dataclass(frozen=True, slots=True)
class Recognition:
    """The answers of a photo, largest face first, and how long each step took."""

    answers: Sequence[Answer]
    unused: Sequence[UnusedFace]
    timings_ms: dict[str, float]


class Recognizer:
    """Answers questions about photos; nothing of a probe is stored. Thread-safe."""

    def __init__(
        self,
        database: Database,
        analyzer: Analyzer,
        gallery: LiveGallery,
        limits: Limits,
        rule: Rule,
        *,
        turns: Turns,
    ) -> None:
        self._database = database
        self._analyzer = analyzer
        self._gallery = gallery
        self._limits = limits
        self.rule = rule
        self.turns = turns

    def recognize(self, data: bytes, question: Question, caller: str = "") -> Recognition:
        """Who is in the photo, when it is its turn among the photos of `caller`.

        Raises Crowded, PhotoError, and NotFound for an unknown claimed user_id.
        """
        if len(data) > self._limits.max_upload_bytes:
            raise TooLarge("the photo is larger than allowed")
        watch = Stopwatch()
        with self.turns.turn(caller):
            watch.lap("wait")
            photo = decode(data, self._limits.max_image_pixels)
            watch.lap("decode")
            largest_only = question.faces is FaceChoice.LARGEST
            found = self._analyzer.detect(photo, largest_only)
            chosen, unused = choose(found, question.faces)
            watch.lap("detect")
            looks = self._analyzer.look(photo, chosen)
            watch.lap("quality")
            vectors = self._analyzer.embed(photo, chosen)
            watch.lap("embed")
        said = [self.search(vector, question) for vector in vectors]
        watch.lap("search")
        answers = [
            Answer(one.decision, one.nearest, one.candidates, one.profile, face)
            for one, face in zip(said, looks, strict=True)
        ]
        return Recognition(answers, unused, watch.total())

    def search(self, vector: Vector, question: Question) -> Verdict:
        """Whose embedding this is; raises NotFound for an unknown claimed user_id."""
        for _ in range(_RACE_ATTEMPTS):
            if question.user_id is None:
                # One more than asked for: the second person decides about ambiguity.
                candidates = self._gallery.search(vector, max(2, question.limit))
                decision = decide(candidates, self.rule)
            else:
                candidates = self._claimed(question.user_id, vector)
                decision = verify(candidates[0] if candidates else None, self.rule)
            profile = None
            if decision is Decision.MATCH:
                profile = self._profile(candidates[0])
                if profile is None:
                    continue  # Deleted, or another's by now: ask again.
            return self._said(decision, candidates, profile, question.limit)
        return self._said(Decision.NO_MATCH, [], None, question.limit)

    def _said(
        self,
        decision: Decision,
        found: Sequence[Candidate],
        profile: Profile | None,
        limit: int,
    ) -> Verdict:
        ambiguous = decision is Decision.AMBIGUOUS
        if ambiguous:
            limit = max(2, limit)
        shown = [
            person
            for person in found[:limit]
            if person.similarity >= self.rule.threshold
            or (ambiguous and self.rule.is_close(found[0].similarity, person.similarity))
        ]
        nearest = found[0].similarity if found else None
        return Verdict(decision, nearest, shown, profile)

    def _claimed(self, user_id: str, vector: Vector) -> list[Candidate]:
        spec = self._analyzer.spec
        with self._database.read() as session:
            stored = faces.of_person(session, users.get(session, user_id), spec)
        scored = [
            Candidate(
                user_id,
                known.face_id,
                similarity_of(vector, known.vector, spec.similarity),
            )
            for known in stored
        ]
        return sorted(scored, key=lambda found: -found.similarity)[:1]

    def _profile(self, named: Candidate) -> Profile | None:
        # By the face: a user_id may be another person's since the search.
        with self._database.read() as session:
            user = users.owner_of_face(session, named.face_id)
            return profile_of(user) if user and user.user_id == named.user_id else None


def profile_of(user: User) -> Profile:
    return Profile(
        user.user_id,
        user.name,
        user.email,
        user.attributes,
        user.face_id,
        user.created_at,
        user.updated_at,
    )


def choose(detection: Detection, choice: FaceChoice) -> tuple[list[Face], list[UnusedFace]]:
    """The faces to identify and the rest with reasons; NoFace or FaceTooSmall where none is."""
    if not detection.usable:
        raise nothing_usable(detection)
    if choice is FaceChoice.ALL:
        return list(detection.usable), list(detection.unused)
    largest, *others = detection.usable
    return [largest], [
        *(UnusedFace(o.box, UnusedReason.NOT_LARGEST) for o in others),
        *detection.unused,
    ]


class Stopwatch:
    """Milliseconds a step, by name."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._laps[name] = round((now - self._last) * 1000, 1)
        self._last = now

    def total(self) -> dict[str, float]:
        return {**self._laps, "total": round((self._last - self._start) * 1000, 1)}
