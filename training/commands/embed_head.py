"""`embed-head DATASET`: fine-tune an embedding by a projection, judged on people held out."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.errors import ModelUnavailable
from core.files import sha256_file, write_atomic
from core.settings import Settings
from pipeline.embedders.embedder import unit_rows
from pipeline.embedders.onnx_embedder import OnnxEmbedder
from pipeline.models.custom import MANIFEST_NAME, ManifestInput
from pipeline.models.entry import ModelEntry
from pipeline.models.network_input import OnnxInput
from pipeline.models.prepared import network_file
from training.augmentation import Level
from training.commands.at_hand import (
    Commands,
    add_dataset,
    add_embedder,
    check_out,
    command,
    embedded_people,
    embedder_of,
    looking,
    pictures_of,
    say,
    say_left_out,
    say_plots,
    settings_here,
    staged,
)
from training.commands.metric_options import add_metric, metric_terms, plan
from training.converting import LARGEST_DIFFERENCE, ONNX
from training.looking import Samples
from training.manifests import manifest_json
from training.metric_results import (
    comparison,
    course_json,
    gain,
    how_it_stands,
    part_json,
    plots,
)
from training.projected_onnx import with_projection
from training.projecting import Projected, project
from training.provenance import NETWORK, HeldOut, Provenance, why_untrained, write
from training.views import Crops
from training.written import as_json, dataset_digest, now, percent, versions, write_files

_MOST_CHECKED = 8


def declare(commands: Commands) -> None:
    says = "Fine-tune an embedding to your people; measured on others."
    parser = command(commands, "embed-head", says, _run)
    add_dataset(parser, "training_embed_head", Level.LIGHT)
    add_embedder(parser)
    add_metric(parser, rate=0.001)


def _run(given: argparse.Namespace) -> None:
    terms, asked = metric_terms(given), plan(given)
    check_out(given.out, given.dataset)
    settings = settings_here()
    entry, embedder = embedder_of(given.embedder, settings)
    with staged("embed-head") as on_progress:
        samples = embedded_people(
            settings, embedder, given.dataset, given.augmentation, on_progress
        )
        found = project(samples, given.dims, asked, terms, on_progress=on_progress)
    _write_results(given, found, entry)
    provenance = _provenance(given, found, entry)
    folder: Path = given.out / "network"
    folder.mkdir(parents=True, exist_ok=True)
    found.network.save(folder / NETWORK)
    if provenance is not None:
        write(folder, provenance)
        _write_network(given, found, entry, provenance, settings)
    say_left_out(samples.left_out)
    _say(found, provenance, folder)
    say_plots()


def _write_results(given: argparse.Namespace, found: Projected, entry: ModelEntry) -> None:
    kept = found.parts[0]
    values: dict[str, object] = {
        "trained_at": now(),
        "versions": versions(),
        "embedder": entry.id,
        "augmentation": given.augmentation.value,
        "loss": given.loss.value,
        "dataset_sha256": _digest(found.samples),
        "left_out": [[one.name, one.code] for one in found.samples.left_out],
        "gain": gain(found.parts),
        "parts": [
            {
                **part_json(_sizes(found, at), part.before, part.after),
                "course": course_json(part.course),
            }
            for at, part in enumerate(found.parts)
        ],
    }
    pictures = plots(kept.before, kept.after, [part.course for part in found.parts])
    write_files(given.out, {"results.json": as_json(values), **pictures})


def _provenance(
    given: argparse.Namespace, found: Projected, entry: ModelEntry
) -> Provenance | None:
    """None where the network cuts faces out in a way that no manifest tells."""
    if entry.pixels is None:
        return None
    kept = found.parts[0]
    reason = why_untrained(kept.after)
    train, *_ = _sizes(found, 0)
    return Provenance(
        title=f"{entry.title}, projected"[:200],
        license=entry.license,
        trained=not reason,
        reason=reason,
        how=f"a projection of {entry.id} by {given.loss}, augmentation {given.augmentation}",
        made_at=now(),
        people=train,
        photos=len(kept.split.train),
        dataset_sha256=_digest(found.samples),
        held_out=HeldOut.of(kept.after),
        input=_manifest_input(entry.pixels),
        dimensions=given.dims,
        mirror=entry.mirror,
        threshold=kept.after.threshold,
        versions=versions(),
    )


def _write_network(
    given: argparse.Namespace,
    found: Projected,
    entry: ModelEntry,
    provenance: Provenance,
    settings: Settings,
) -> None:
    """The whole network as ONNX with its manifest, once it is seen to answer as it was trained."""
    folder: Path = given.out / "network"
    file, _ = network_file(entry, settings.models_path)
    with_projection(file, found.matrix, folder / ONNX)
    sha256 = sha256_file(folder / ONNX)
    difference = _difference(given.dataset, found, entry, folder / ONNX, settings)
    if difference > LARGEST_DIFFERENCE:
        raise ModelUnavailable("the projected network answers differently in ONNX")
    source = f"python -m training embed-head of {entry.id}, {provenance.made_at}"
    write_atomic(folder / MANIFEST_NAME, manifest_json(provenance, ONNX, sha256, source))
    say([f"ONNX answers as trained within {difference:.1e}"])


def _difference(
    dataset: Path, found: Projected, entry: ModelEntry, network: Path, settings: Settings
) -> float:
    """Of unit vectors on real faces at most."""
    assert entry.pixels is not None
    wanted = found.samples.photos[:_MOST_CHECKED]
    pictures = {name: picture for name, picture in pictures_of(dataset).items() if name in wanted}
    maker = Crops(entry.pixels, Level.NONE).maker()
    crops = [views[0] for views in looking(settings).some(pictures, maker)]
    file, sha256 = network_file(entry, settings.models_path)
    plain = OnnxEmbedder(entry, lambda: (file, sha256))
    projected = replace(entry, dimensions=found.matrix.shape[1], unit_length=True)
    whole = OnnxEmbedder(projected, lambda: (network, sha256_file(network)))
    expected = unit_rows(plain.embed_crops(crops) @ found.matrix)
    return float(np.abs(whole.embed_crops(crops) - expected).max())


def _say(found: Projected, provenance: Provenance | None, folder: Path) -> None:
    kept, mean = found.parts[0], gain(found.parts)
    say(["Part 1, whose network is kept:", *comparison(kept.before, kept.after)])
    if mean["parts"]:
        say(
            [
                f"Mean EER of {mean['parts']} parts: {percent(_number(mean['eer_before']))} before,"
                f" {percent(_number(mean['eer_after']))} after; it fell in {mean['eer_fell_in']}"
                f" and rose in {mean['eer_rose_in']}"
            ]
        )
    if provenance is None:
        say(["No manifest: this network cuts faces out in a way that no manifest tells"])
    elif provenance.trained:
        say(how_it_stands(provenance))
        say([f"The network is {folder}: for the server, copy it to MODEL_DIR/<a name of yours>"])
    else:
        say([f"The network may name nobody: {provenance.reason}"])


def _number(value: object) -> float | None:
    return value if isinstance(value, float) else None


def _sizes(found: Projected, at: int) -> tuple[int, int, int]:
    """How many people train, stop and are held out."""
    split, people = found.parts[at].split, found.samples.people
    train, stop, held_out = (
        len(np.unique(people[rows])) for rows in (split.train, split.stop, split.held_out)
    )
    return train, stop, held_out


def _digest(samples: Samples) -> str:
    return dataset_digest(samples.sha256s, [samples.names[at] for at in samples.people])


def _manifest_input(pixels: OnnxInput) -> ManifestInput:
    return ManifestInput(
        side_px=pixels.side_px,
        layout=pixels.layout,
        channels="bgr" if pixels.bgr else "rgb",
        mean=pixels.mean,
        std=pixels.std,
        alignment=pixels.alignment,
        margin=pixels.margin,
    )
