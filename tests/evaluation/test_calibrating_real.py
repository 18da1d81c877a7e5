"""Real networks calibrated on real pairs of people, recorded, and judged by."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import InvalidParameter
from core.settings import Settings
from db import migrate
from evaluation import recording
from evaluation.calibrating import DataKind, Target, TargetKind, of_dataset, propose
from evaluation.datasets.pairs import from_csv
from evaluation.embedding import Embedding
from pipeline.recognizer import Question
from pipeline.services import Services
from pipeline.setup import prepare_embedder
from pipeline.thresholds import Origin, threshold_of
from tests.evaluation.kit import LIMITS


@pytest.fixture(params=["dlib", "mobilefacenet"])
def services(request: pytest.FixtureRequest, model_dir: Path, tmp_path: Path) -> Iterator[Services]:
    settings = Settings(
        model_dir=model_dir,
        embedder=request.param,
        data_dir=tmp_path / "var",
        photo_dir=tmp_path / "photos",
    )
    services = Services.build(settings)
    migrate.upgrade(services.database)
    prepare_embedder(services.database, settings, lambda _: None)
    yield services
    services.close()


def test_a_threshold_for_real_pairs(services: Services, shared_dir: Path) -> None:
    engine = services.start()
    analyzer, folder = engine.analyzer, shared_dir / "faces" / "pairs"
    embedding = Embedding({analyzer.spec.embedder: analyzer}, LIMITS)
    found = of_dataset(DataKind.PAIRS, from_csv(folder / "pairs.csv", folder), embedding)
    assert (found.genuine.size, found.impostors.similarities.size) == (38, 262)
    # These are 262 comparisons of far fewer couples: too few for one in a thousand.
    with pytest.raises(InvalidParameter, match="different couples"):
        propose(found, Target(TargetKind.FMR, 1e-3))
    target = Target(TargetKind.FMR, 0.1)
    proposal = propose(found, target)
    assert proposal.bound <= 0.1
    assert proposal.fnmr is not None
    assert proposal.fnmr.errors <= 1
    # 262 comparisons of nine people are worth no more than their 36 couples.
    assert proposal.worth <= found.couples == 36
    assert proposal.rate.errors <= 5
    with services.database.read() as session:
        now = threshold_of(session, services.settings, analyzer.spec, analyzer.default_threshold)
    assert now.origin is Origin.NETWORK
    row = recording.record(
        services.database, analyzer.spec, found, target, proposal, now=now, by="ann", tool="test"
    )
    judging = services.engine()
    assert (judging.rule.threshold, judging.rule.calibration) == (proposal.threshold, row.id)
    photo = (folder / "img20.jpg").read_bytes()
    engine.enrollment.enroll("ada", photo)
    other = judging.recognizer.recognize((folder / "img21.jpg").read_bytes(), Question())
    assert other.answers[0].profile is not None
    assert other.answers[0].profile.user_id == "ada"
