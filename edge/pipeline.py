"""From frames to visits: detection, tracking and the gate, in one thread and without a clock."""

from collections.abc import Callable, Sequence

from edge.crop import CONTEXT, crop_jpeg
from edge.detection import Detector
from edge.gate import Gate, Rules, Sight
from edge.quality import Look, is_cut, look, scene, sharpness
from edge.tracking import Tracker
from edge.types import Face, Frame, Pixels, Track, Visit

HowItLooks = Callable[[Pixels, Face], Look]


class Watcher:
    """Follows everybody before the camera; time is that of the frames."""

    def __init__(
        self,
        detector: Detector,
        rules: Rules | None = None,
        looks: HowItLooks = look,
        context: float = CONTEXT,
    ) -> None:
        """`looks`: how to compare a face with the one that was sent, as a unit vector."""
        self._detector, self._looks, self._context = detector, looks, context
        self._tracker, self._gate = Tracker(), Gate(rules)
        self._scene: Pixels | None = None
        self._tracks: list[Track] = []

    @property
    def tracks(self) -> list[Track]:
        """Who is in the last frame, for the live page."""
        return list(self._tracks)

    @property
    def others(self) -> frozenset[int]:
        """Tracks of them that may be somebody else than the one last let through."""
        return self._gate.others

    def feed(self, frame: Frame) -> list[Visit]:
        """Whom to ask the server about after this frame: mostly nobody."""
        self._look_for_cut(frame)
        now = frame.captured_monotonic
        self._tracks = self._tracker.feed(self._detector.find(frame.image), now)
        sights = [self._sight(track, frame) for track in self._tracks]
        return [self._visit(best) for best in self._gate.feed(sights, now)]

    def again(self, track_id: int) -> None:
        """Lets this face through once more: the picture that was sent did not do."""
        self._gate.again(track_id)

    def _look_for_cut(self, frame: Frame) -> None:
        now = scene(frame.image)
        if self._scene is not None and is_cut(self._scene, now):
            self._tracker.cut()
        self._scene = now

    def _sight(self, track: Track, frame: Frame) -> Sight:
        face = track.face
        return Sight(track, frame, sharpness(frame.image, face), self._looks(frame.image, face))

    def _visit(self, best: Sequence[Sight]) -> Visit:
        sight = best[0]
        frame, face = sight.frame, sight.track.face
        jpeg = crop_jpeg(frame, face, self._context)
        views = tuple((one.frame, one.track.face) for one in best)
        return Visit(sight.track.id, frame, face, sight.sharpness, jpeg, frame.captured_at, views)
