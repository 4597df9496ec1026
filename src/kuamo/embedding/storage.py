"""The stored form: a folder of plain data and safetensors, never pickle; loading runs no code from it.

    config.json         what the parts are, format version, sha256 of the arrays
    model.safetensors   every array, named `ports.<number>.<role>.<name>`
    README.md           a model card for people

Folders are written beside their place and then renamed: either the old one is there or the new one.
"""

from __future__ import annotations

import hashlib
import html
import importlib
import json
import re
import shutil
from collections.abc import Mapping
from copy import copy
from dataclasses import asdict, is_dataclass
from inspect import signature
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from kuamo.core.errors import KuamoError, StoreError
from kuamo.core.files import not_there, reporting_io_errors, save_arrays, sha256_of
from kuamo.core.folders import read_json, recover, write_folder, write_json
from kuamo.core.messages import note_from_dict, note_to_dict
from kuamo.core.modules import is_module, is_trainable
from kuamo.core.old_names import current, current_info, former
from kuamo.core.ownership import check_place, check_seal, marker, real_place, sealed, what_is
from kuamo.embedding.space import EmbeddingSpace, Tower
from kuamo.encoders.hub_folder import older_hash

__all__ = ["check_space_place", "fingerprint", "load_space", "read_config", "register_part", "save_space"]

LATER = {"peak": None}  # what 0.1 did not know: left out where it is as it was, for an index knows a space by its parts
MAKING = ("codec", "decoder", "memory", "residual")
CUSTOM = ("modality", "encoder", "codec", "decoder")
FORMAT = 2  # 1: every note was its English text
# The only classes that loading builds, and the decoders of recipes. Anything else must come from the caller.
PARTS = {
    name: module
    for module, names in {
        "kuamo.data.modalities": "Text Image Audio Vector Category Number",
        "kuamo.encoders.one_hot": "OneHot",
        "kuamo.encoders.standardize": "Scalar Standardize",
        "kuamo.generation.codecs.labels": "OneHotCodec ScalarCodec",
        "kuamo.encoders": "Identity BagOfWords MiniLM EfficientNetLite0 MultilingualE5 SpectralFeatures "
        "SoundEffects DefaultAudioEncoder HubEncoder",
        "kuamo.encoders.token_mean": "TokenMean",
        "kuamo.encoders.image_cnn": "ImageCNN",
        "kuamo.encoders.audio_cnn": "AudioCNN",
        "kuamo.embedding.embedding": "ClosedFormHead",
        "kuamo.embedding.blended_head": "BlendedHead",
        "kuamo.embedding.hubness": "HubnessCorrection",
        "kuamo.embedding.heads": "LinearHead SplitHead",
        "kuamo.objectives.prediction.decoder": "StackedDecoder",
        "kuamo.objectives.prediction.class_codes": "ClassCodes",
        "kuamo.generation.codecs": "TextVocabulary TextToSpeechCodec BPECodec ImagePCA AudioPCA",
        "kuamo.generation.codecs.image_conv": "ImageConv",
        "kuamo.generation.codecs.image_difference": "ImageDifferencePCA",
        "kuamo.generation.codecs.image_patch_pca": "ImagePatchPCA",
        "kuamo.generation.codecs.image_pixels": "ImagePixels",
        "kuamo.generation.decoders.conv_generator": "ConvGenerator",
        "kuamo.generation.decoders.raw_likelihood": "PixelLikelihood TextLikelihood SpectrumLikelihood",
        "kuamo.generation.hopfield": "Hopfield",
        "kuamo.generation.residual": "ResidualNoise",
        "kuamo.objectives.prediction.uncertainty_fusion": "UncertaintyFusion",
        "kuamo.embedding.attention": "TrainedAttention",
        "kuamo.embedding.cross_attention": "TrainedCrossAttention",
        "kuamo.embedding.gating": "TrainedGating",
        "kuamo.embedding.late_fusion": "TrainedLateFusion",
        "kuamo.embedding.tensor_fusion": "TrainedTensorFusion",
        "kuamo.embedding.fusion": "Attention Mean ProductOfExperts MixtureOfExperts "
        "PrecisionWeighted MixtureOfProducts",
    }.items()
    for name in names.split()
}


def register_part(place: str) -> None:
    """Let loading build one more class of ours, `"module:Name"`, of a room above this one."""
    module, _, name = place.partition(":")
    PARTS[name] = module


# ── spaces ───────────────────────────────────────────────────────────────────────────────────────────────────────


class StoredIndex(Protocol):
    """An index that can write itself into a folder."""

    def write(self, folder: Path) -> None:
        """Its files."""


def save_space(space: EmbeddingSpace, path: Path, index: StoredIndex | None = None) -> None:
    """Write a space as a folder, and in the same breath an index of it as `path/index`."""
    check_space_place(path, index is not None)

    def fill(folder: Path) -> None:
        _write_space(space, folder)
        held = real_place(path) / "index"
        if index is not None:
            (folder / "index").mkdir()
            index.write(folder / "index")
        elif held.exists() and _same_space(folder, held.parent):
            shutil.copytree(held, folder / "index", symlinks=True)
        elif held.exists():
            raise StoreError(
                f"given {str(path)!r}, which holds an index of another space, {str(held)!r}; expected a new folder, or "
                f"that index elsewhere"
            )

    write_folder(path, "space", fill, takes=("index",))


def check_space_place(path: Path, with_index: bool) -> None:
    """Refuse, before any work is done, a place where a space cannot be written."""
    check_place(path, "space", takes=("index",))
    with reporting_io_errors(path):
        held = real_place(path) / "index"
        there = with_index and held.exists()
    if there and what_is(held) != "index":
        raise StoreError(
            f"given {str(path)!r}, which holds {str(held)!r}, not written with the space; expected a new folder"
        )
    if there:
        check_place(held, "index")


def _same_space(one: Path, other: Path) -> bool:
    """Do two stored spaces give the same codes?"""
    a, b = (json.loads((folder / "config.json").read_text(encoding="utf-8")) for folder in (one, other))
    said = [_coding([*one.get("ports", []), {"fusion": one.get("fusion")}]) for one in (a, b)]
    return said[0] == said[1] and all(a.get(key) == b.get(key) for key in ("sha256", "score"))


def load_space(
    path: Path,
    custom: Mapping[str, tuple[Any, ...]],
    download: bool = False,
    kind: type[EmbeddingSpace] = EmbeddingSpace,
) -> Any:
    """Read a space, as one of this kind; see `Space.load`."""
    config, arrays = _read_checked(path, "space")
    ports = []
    try:
        for number, item in enumerate(config["ports"]):
            own = custom.get(item["name"])
            parts = {
                role: load_part(
                    item[role], _under(arrays, f"ports.{number}.{role}."), item["name"], role, own, download
                )
                for role in ("modality", "encoder", "head", "hubness", *MAKING)
                if item.get(role)
            }
            ports.append(Tower(item["name"], **parts))
        fusion = config["fusion"] and load_part(config["fusion"], _under(arrays, "fusion."), "fusion", "fusion", None)
        return kind(
            ports,
            config["score"],
            fusion or None,
            note_from_dict(list(config["notes"])),
            current_info(dict(config["info"])),
        )
    except StoreError:
        raise
    except KuamoError as error:  # such as an encoder whose package is not installed
        raise StoreError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise StoreError(f"{path}: config.json does not describe a space ({type(error).__name__}: {error})") from None


def fingerprint(space: EmbeddingSpace) -> str:
    """sha256 of what decides the space's codes: parts and arrays, but of what is made from codes."""
    config, arrays = _describe(space)
    ports = _coding(config["ports"])
    digest = hashlib.sha256(json.dumps(ports, sort_keys=True).encode())
    for name in sorted(name for name in arrays if name.split(".")[2:3] not in ([role] for role in MAKING)):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _coding(ports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What decides codes, and not what is made from them."""
    kept = [{role: part for role, part in port.items() if role not in MAKING} for port in ports]
    return [
        {role: part | {"type": former(part["type"])} if isinstance(part, dict) else part for role, part in port.items()}
        for port in kept
    ]


def _write_space(space: EmbeddingSpace, folder: Path) -> None:
    config, arrays = _describe(space)
    save_arrays(arrays or {"empty": np.zeros(1, np.float32)}, folder / "model.safetensors")
    config["sha256"] = sha256_of(folder / "model.safetensors")
    write_json(folder / "config.json", sealed(config))
    (folder / "README.md").write_bytes(_card(space).encode("utf-8", "backslashreplace"))


def _describe(space: EmbeddingSpace) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    arrays: dict[str, np.ndarray] = {}
    ports = []
    for number, port in enumerate(space.ports):
        item: dict[str, Any] = {"name": port.name, "modality": describe_part(port.modality)}
        for role, part in port.parts().items():
            item[role] = describe_part(part)
            for name, array in _arrays(part).items():
                arrays[f"ports.{number}.{role}.{name}"] = array
        ports.append(item)
    for name, array in _arrays(space.fusion).items():
        arrays[f"fusion.{name}"] = array
    config = {
        **marker("space", FORMAT),
        "score": space.score,
        "fusion": None if space.fusion is None else describe_part(space.fusion),
        "ports": ports,
        "notes": note_to_dict(space.notes),
        "info": space.info,
    }
    return config, arrays


def describe_part(part: Any) -> dict[str, Any]:
    """A part as plain data: its class's name and what its constructor takes, by its `config` or its attributes."""
    name = type(part).__name__
    known = PARTS.get(name) and type(part).__module__.startswith("kuamo.")
    if not known:
        return {"type": "custom", "name": name}
    if hasattr(part, "config"):
        return {"type": name, "config": part.config()}
    if is_dataclass(part):
        given = asdict(part)  # type: ignore[arg-type]
        return {"type": name, "config": {key: one for key, one in given.items() if (key, one) not in LATER.items()}}
    names = signature(type(part)).parameters if is_module(part) else ()
    return {"type": name, "config": {key: getattr(part, key) for key in names}}


def _arrays(part: Any) -> dict[str, np.ndarray]:
    if is_module(part):
        # Contiguous: safetensors writes an array's memory as it lies, and that of channels_last weights lies otherwise.
        return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in part.state_dict().items()}
    if hasattr(part, "arrays"):
        return part.arrays()
    return {}


def load_part(
    item: Mapping[str, Any],
    arrays: dict[str, np.ndarray],
    column: str,
    role: str,
    own: tuple[Any, ...] | None,
    download: bool = False,
) -> Any:
    """A part from its stored form, by its name of today or of 0.1; nothing that is not in `PARTS` is built."""
    name = current(item["type"])
    if name == "custom":
        part = None if own is None or role not in CUSTOM else dict(zip(CUSTOM, own)).get(role)
        if part is None:
            raise StoreError(
                f"column {column!r}: its {role} {item['name']!r} is a user's own; "
                f"expected load(path, custom={{{column!r}: ({', '.join(CUSTOM)})}}), as far as they are yours"
            )
    elif name not in PARTS:
        raise StoreError(f"column {column!r}: given a part {item['type']!r}; expected one of {sorted(PARTS)}")
    else:
        kind = getattr(importlib.import_module(PARTS[name]), name)
        if hasattr(kind, "from_arrays"):
            return kind.from_arrays(item["config"], arrays)
        if name == "HubEncoder" and role == "encoder" and own is not None and own[1] is not None:
            return _same_model(own[1], item["config"], column)
        asks = {"fetch": download} if name == "HubEncoder" else {}
        if asks and not isinstance(item["config"].get("sha256"), str):
            raise StoreError(
                f"column {column!r}: the sha256 of its pretrained model is missing; expected what it must be"
            )
        try:
            part = kind(**item["config"], **asks)
        except KuamoError as error:
            raise StoreError(f"column {column!r}: {error}") from None
    if is_module(part):
        import torch

        part.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in arrays.items()})
        part.eval()
    return part


def _same_model(given: Any, config: Mapping[str, Any], column: str) -> Any:
    """A pretrained model that stands elsewhere now, if it is the one the space was made with."""
    decides = ("sha256", "modality", "layers")
    found = given.config() if hasattr(given, "config") else {}
    if hasattr(given, "folder") and found.get("sha256") != config["sha256"] == older_hash(given.folder):
        given, found["sha256"] = copy(given), config["sha256"]
        given.sha256 = config["sha256"]
    for key in decides:
        if found.get(key) != config[key]:
            raise StoreError(f"column {column!r}: given a model of {key} {found.get(key)}; expected {config[key]}")
    return given


def _card(space: EmbeddingSpace) -> str:
    """What people read; names and notes stay words, whatever is in them."""
    title, *notes = repr(space).split("\n  ")
    lines = ["# A shared space made by kuamo", "", as_words(title), "", *(f"- {as_words(note)}" for note in notes), ""]
    lines += ["| column | modality | encoder | head |", "|---|---|---|---|"]
    for port in space.ports:
        state = " (trained here)" if is_trainable(port.encoder) else ""
        kinds = [type(part).__name__ for part in (port.modality, port.encoder, port.head)]
        lines.append(f"| {as_words(port.name)} | {kinds[0]} | {kinds[1]}{state} | {kinds[2]} |")
    return "\n".join([*lines, "", "Load it with `kuamo.Space.load(folder)`.", ""])


def as_words(text: str) -> str:
    """A text that Markdown and HTML show as it is, in one line.

    Example:
        >>> print(as_words("a|b\\n# <img>"))
        a\\|b # &lt;img&gt;
    """
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", html.escape(line, quote=False))


# ── folders ──────────────────────────────────────────────────────────────────────────────────────────────────────


def read_config(path: Path, kind: str) -> dict[str, Any]:
    """The config.json of a saved space or index."""
    recover(path)
    if not (path / "config.json").is_file():
        raise not_there(
            path, "a saved space" if kind == "space" else "a saved index", "its folder, which has a config.json"
        )
    config = read_json(path / "config.json")
    found, version = config.get("kind"), config.get("format")
    if found != kind:
        raise StoreError(f"{path}: given a saved {found}; expected a saved {kind}")
    if not isinstance(version, int) or version > FORMAT:
        raise StoreError(f"{path}: given format {version}; this kuamo reads up to {FORMAT}: expected a newer kuamo")
    check_seal(config, 2, path / "config.json")
    return config


def _read_checked(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    config, arrays = read_config(path, kind), path / "model.safetensors"
    if (found := sha256_of(arrays)) is None or found != config.get("sha256"):
        raise StoreError(f"{arrays}: missing or changed since it was saved; expected sha256 {config.get('sha256')}")
    try:
        return config, load_file(arrays)
    except (SafetensorError, OSError) as error:
        raise StoreError(f"{arrays}: cannot be read ({error})") from None


def _under(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
