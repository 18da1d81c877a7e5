"""A man of a real clip is registered by the real networks, and known and told apart after."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from edge.detection import YuNet
from edge.embedding import MOBILEFACENET_SHA256, MOBILEFACENET_THRESHOLD, MobileFaceNet
from edge.recognition.gallery import Gallery
from edge.recognition.network import Network
from edge.registering.stored import GalleryStore
from edge.registering.types import Embedder, Store
from edge.sections import Config
from tests.edge.registering_kit import ClipCamera, edge, local_config
from tests.edge.test_clip import SECOND_SCENE, THIRD_SCENE
from tests.edge.test_detection import photo

NAME = "Lin-Manuel Miranda"


class Measuring(MobileFaceNet):
    """The real network with its threshold."""

    threshold = MOBILEFACENET_THRESHOLD


@pytest.fixture(scope="module")
def network(shared_dir: Path) -> Embedder:
    return Measuring(shared_dir / "models" / "mobilefacenet.onnx")


@pytest.fixture
def config(tmp_path: Path, shared_dir: Path) -> Config:
    return local_config(tmp_path, shared_dir / "models" / "yunet_n_640.onnx")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    sha256 = next(iter(MOBILEFACENET_SHA256))
    network = Network("MobileFaceNet", sha256, "1", 128, MOBILEFACENET_THRESHOLD)
    with closing(Gallery(tmp_path / "edge-data")) as gallery:
        yield GalleryStore(gallery, network)


def clip(shared_dir: Path) -> Path:
    return shared_dir / "video" / "short_hamilton_clip.mp4"


def test_a_man_is_registered_and_known_by_his_photo(
    config: Config, network: Embedder, store: Store, shared_dir: Path
) -> None:
    camera = ClipCamera(clip(shared_dir), SECOND_SCENE, THIRD_SCENE)
    status, said = edge(
        ["register", NAME, "--no-window"], config, network, store, camera=lambda: camera
    )
    assert status == 0, said
    assert "5 here as lin-manuel-miranda" in said
    assert not camera.is_open
    (person,) = store.people()
    assert (person.user_id, person.name, person.samples) == ("lin-manuel-miranda", NAME, 5)

    faces = shared_dir / "faces" / "gallery"
    own = ["verify", NAME, "--photo", str(faces / "lin-manuel-miranda.png")]
    status, said = edge(own, config, network, store)
    assert (status, said.split(":")[0]) == (0, "match")
    other = ["verify", NAME, "--photo", str(faces / "alex-lacamoire.png")]
    status, said = edge(other, config, network, store)
    assert (status, said.split(":")[0]) == (1, "no match")


def test_the_samples_are_different_frames_of_one_man(
    config: Config, network: Embedder, shared_dir: Path
) -> None:
    from edge.registering.collecting import Collector, Plan, State
    from edge.registering.commands import rules_of

    yunet = YuNet(shared_dir / "models" / "yunet_n_640.onnx")
    camera = ClipCamera(clip(shared_dir), SECOND_SCENE, THIRD_SCENE)
    collector = Collector(Plan(5, 0.0), rules_of(config), network, SECOND_SCENE / 30)
    while (frame := camera.read()) is not None:
        if collector.feed(frame, yunet.find(frame.image)).state is State.DONE:
            break
    vectors = [one.vector for one in collector.samples if one.vector is not None]
    assert len(vectors) == len({one.jpeg for one in collector.samples}) == 5
    image = photo(shared_dir / "faces" / "gallery" / "lin-manuel-miranda.png")
    known = network.embed(image, yunet.find(image)[0].landmarks)
    for vector in vectors:
        assert float(vector @ known) >= MOBILEFACENET_THRESHOLD
        assert all(float(vector @ other) >= MOBILEFACENET_THRESHOLD for other in vectors)


def test_who_is_far_away_is_told_to_come_nearer(
    config: Config, network: Embedder, store: Store, shared_dir: Path
) -> None:
    camera = ClipCamera(clip(shared_dir), 0, SECOND_SCENE)
    status, said = edge(
        ["register", NAME, "--no-window"], config, network, store, camera=lambda: camera
    )
    assert status == 2
    assert "come nearer" in said or "one at a time" in said
    assert store.people() == []


def test_an_audience_is_nobody(
    config: Config, network: Embedder, store: Store, shared_dir: Path
) -> None:
    near = replace(config, gate=replace(config.gate, least_face_px=24))
    camera = ClipCamera(clip(shared_dir), THIRD_SCENE)
    status, said = edge(
        ["register", NAME, "--no-window"], near, network, store, camera=lambda: camera
    )
    assert status == 2
    assert "one at a time" in said
    assert store.people() == []


def test_verify_looks_through_the_camera(
    config: Config, network: Embedder, store: Store, shared_dir: Path
) -> None:
    image = photo(shared_dir / "faces" / "gallery" / "alex-lacamoire.png")
    face = YuNet(shared_dir / "models" / "yunet_n_640.onnx").find(image)[0]
    store.add("alex-lacamoire", "Alex Lacamoire", [network.embed(image, face.landmarks)])
    camera = ClipCamera(clip(shared_dir), SECOND_SCENE, THIRD_SCENE)
    status, said = edge(
        ["verify", "Alex Lacamoire", "--no-window"], config, network, store, camera=lambda: camera
    )
    assert status == 1
    assert "no match: alex-lacamoire" in said


def test_a_second_man_of_one_name_is_not_mixed_in(
    config: Config, network: Embedder, store: Store, shared_dir: Path
) -> None:
    image = photo(shared_dir / "faces" / "gallery" / "alex-lacamoire.png")
    face = YuNet(shared_dir / "models" / "yunet_n_640.onnx").find(image)[0]
    store.add("lin-manuel-miranda", NAME, [network.embed(image, face.landmarks)])

    def camera() -> ClipCamera:
        return ClipCamera(clip(shared_dir), SECOND_SCENE, THIRD_SCENE)

    said = edge(["register", NAME, "--no-window"], config, network, store, camera=camera)
    assert said[0] == 2
    assert "does not look like lin-manuel-miranda" in said[1]
    assert [one.samples for one in store.people()] == [1]
    again = ["register", NAME, "--user-id", "miranda.2", "--no-window"]
    assert edge(again, config, network, store, camera=camera)[0] == 0
    assert {one.user_id: one.samples for one in store.people()} == {
        "lin-manuel-miranda": 1,
        "miranda.2": 5,
    }
