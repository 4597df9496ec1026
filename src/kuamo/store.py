"""The stored form: a folder of plain data and safetensors, never pickle; loading runs no code from it.

    config.json         what the parts are, format version, sha256 of the arrays
    model.safetensors   every array, named `ports.<number>.<role>.<name>`
    README.md           a model card for people

Folders are written beside their place and then renamed: either the old one is there or the new one.
"""

from __future__ import annotations

import glob
import hashlib
import importlib
import json
import os
import platform
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.encoders.base import is_module, is_trainable
from kuamo.errors import KuamoError, StoreError
from kuamo.files import writing
from kuamo.notes import note_of, plain_note
from kuamo.space import Port, Space

__all__ = [
    "check_owner",
    "check_place",
    "fingerprint",
    "load_space",
    "read_config",
    "recover",
    "save_space",
    "write_folder",
    "write_json",
]

MAKING = ("codec", "decoder", "memory")
CUSTOM = ("modality", "encoder", "codec", "decoder")
FORMAT = 2  # 1: every note was its English text
# The only classes that loading builds. Anything else must come from the caller.
PARTS = {
    "Text": "kuamo.modalities",
    "Image": "kuamo.modalities",
    "Audio": "kuamo.modalities",
    "Vector": "kuamo.modalities",
    "Category": "kuamo.modalities",
    "Number": "kuamo.modalities",
    "Classes": "kuamo.encoders.labels",
    "Numbers": "kuamo.encoders.labels",
    "ClassList": "kuamo.codecs.labels",
    "Plain": "kuamo.codecs.labels",
    "Identity": "kuamo.encoders",
    "MiniLM": "kuamo.encoders",
    "EfficientNetLite0": "kuamo.encoders",
    "MultilingualE5": "kuamo.encoders",
    "SpectralFeatures": "kuamo.encoders",
    "SoundEffects": "kuamo.encoders",
    "Sounds": "kuamo.encoders",
    "HubEncoder": "kuamo.encoders",
    "WordEncoder": "kuamo.encoders.words",
    "PixelEncoder": "kuamo.encoders.pixels",
    "SoundEncoder": "kuamo.encoders.sound",
    "SolvedHead": "kuamo.codes",
    "TrainableHead": "kuamo.heads",
    "JointHead": "kuamo.heads",
    "Ridge": "kuamo.decoders.ridge",
    "Likelihood": "kuamo.decoders.likelihood",
    "Answer": "kuamo.decoders.answer",
    "Generator": "kuamo.decoders.generator",
    "Bilinear": "kuamo.decoders.bilinear",
    "FlowDecoder": "kuamo.decoders.flow",
    "Retrieval": "kuamo.decoders.retrieval",
    "WriterDecoder": "kuamo.decoders.writer",
    "TextList": "kuamo.codecs",
    "SpokenText": "kuamo.codecs",
    "TextTokens": "kuamo.codecs",
    "PictureConv": "kuamo.codecs.conv",
    "PictureChange": "kuamo.codecs.change",
    "PicturePCA": "kuamo.codecs",
    "SpeechPCA": "kuamo.codecs",
    "Pixels": "kuamo.decoders.raw",
    "Words": "kuamo.decoders.raw",
    "Spectra": "kuamo.decoders.raw",
    "Hopfield": "kuamo.settling",
    "Trust": "kuamo.trust",
    "Attention": "kuamo.fusion",
    "Mean": "kuamo.fusion",
    "Product": "kuamo.fusion",
    "Mixture": "kuamo.fusion",
    "InverseVariance": "kuamo.fusion",
    "Subsets": "kuamo.fusion",
}


# ── spaces ───────────────────────────────────────────────────────────────────────────────────────────────────────


def save_space(space: Space, path: Path) -> None:
    """Write a space as a folder.

    Raises:
        StoreError: `path` exists and is not a stored space.
    """
    check_place(path, "space")
    write_folder(path, lambda folder: _write_space(space, folder))


def load_space(path: Path, custom: Mapping[str, tuple[Any, ...]]) -> Space:
    """Read a space; see `Space.load`."""
    config, arrays = _read_checked(path, "space")
    ports = []
    try:
        for number, item in enumerate(config["ports"]):
            own = custom.get(item["name"])
            parts = {
                role: _build(item[role], _under(arrays, f"ports.{number}.{role}."), item["name"], role, own)
                for role in ("modality", "encoder", "head", "codec", "decoder", "memory")
                if item.get(role)
            }
            ports.append(Port(item["name"], **parts))
        fusion = config["fusion"] and _build(config["fusion"], _under(arrays, "fusion."), "fusion", "fusion", None)
        return Space(ports, config["score"], fusion or None, note_of(list(config["notes"])), dict(config["info"]))
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise StoreError(f"{path}: config.json does not describe a space ({type(error).__name__}: {error})") from None


def fingerprint(space: Space) -> str:
    """sha256 of what decides the space's codes: parts and arrays, but of what is made from codes."""
    config, arrays = _describe(space)
    ports = [{role: part for role, part in port.items() if role not in MAKING} for port in config["ports"]]
    digest = hashlib.sha256(json.dumps(ports, sort_keys=True).encode())
    for name in sorted(name for name in arrays if name.split(".")[2:3] not in ([role] for role in MAKING)):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _write_space(space: Space, folder: Path) -> None:
    from safetensors.numpy import save_file

    config, arrays = _describe(space)
    save_file(arrays or {"empty": np.zeros(1, np.float32)}, folder / "model.safetensors")
    config["sha256"] = _sha256(folder / "model.safetensors")
    write_json(folder / "config.json", config)
    (folder / "README.md").write_text(_card(space), encoding="utf-8")


def _describe(space: Space) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    arrays: dict[str, np.ndarray] = {}
    ports = []
    for number, port in enumerate(space.ports):
        item: dict[str, Any] = {"name": port.name, "modality": _plain_part(port.modality)}
        for role, part in port.parts().items():
            item[role] = _plain_part(part)
            for name, array in _arrays(part).items():
                arrays[f"ports.{number}.{role}.{name}"] = array
        ports.append(item)
    for name, array in _arrays(space.fusion).items():
        arrays[f"fusion.{name}"] = array
    config = {
        "kind": "space",
        "format": FORMAT,
        "score": space.score,
        "fusion": None if space.fusion is None else _plain_part(space.fusion),
        "ports": ports,
        "notes": plain_note(space.notes),
        "info": space.info,
    }
    return config, arrays


def _plain_part(part: Any) -> dict[str, Any]:
    """A part as plain data: its class's name and what its constructor takes."""
    name = type(part).__name__
    known = PARTS.get(name) and type(part).__module__.startswith("kuamo.")
    if not known:
        return {"type": "custom", "name": name}
    if hasattr(part, "config"):
        return {"type": name, "config": part.config()}
    if is_dataclass(part):
        return {"type": name, "config": asdict(part)}  # type: ignore[arg-type]
    return {"type": name, "config": {}}


def _arrays(part: Any) -> dict[str, np.ndarray]:
    if is_module(part):
        # Contiguous: safetensors writes an array's memory as it lies, and that of channels_last weights lies otherwise.
        return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in part.state_dict().items()}
    if hasattr(part, "arrays"):
        return part.arrays()
    return {}


def _build(
    item: Mapping[str, Any],
    arrays: dict[str, np.ndarray],
    column: str,
    role: str,
    own: tuple[Any, ...] | None,
) -> Any:
    if item["type"] == "custom":
        part = None if own is None or role not in CUSTOM else dict(zip(CUSTOM, own)).get(role)
        if part is None:
            raise StoreError(
                f"column {column!r}: its {role} {item['name']!r} is a user's own; "
                f"expected load(path, custom={{{column!r}: ({', '.join(CUSTOM)})}}), as far as they are yours"
            )
    elif item["type"] not in PARTS:
        raise StoreError(f"column {column!r}: given a part {item['type']!r}; expected one of {sorted(PARTS)}")
    else:
        kind = getattr(importlib.import_module(PARTS[item["type"]]), item["type"])
        if hasattr(kind, "from_arrays"):
            return kind.from_arrays(item["config"], arrays)
        if item["type"] == "HubEncoder" and role == "encoder" and own is not None and own[1] is not None:
            return _same_model(own[1], item["config"], column)
        try:
            part = kind(**item["config"])
        except KuamoError as error:
            raise StoreError(f"column {column!r}: {error}") from None
    if is_module(part):
        import torch

        part.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in arrays.items()})
        part.eval()
    return part


def _same_model(given: Any, config: Mapping[str, Any], column: str) -> Any:
    """A pretrained model that stands elsewhere now, if it is the one the space was made with.

    Raises:
        StoreError: it is another.
    """
    decides = ("sha256", "modality", "layers")
    found = given.config() if hasattr(given, "config") else {}
    for key in decides:
        if found.get(key) != config[key]:
            raise StoreError(f"column {column!r}: given a model of {key} {found.get(key)}; expected {config[key]}")
    return given


def _card(space: Space) -> str:
    lines = [
        "# A shared space made by kuamo",
        "",
        repr(space),
        "",
        "| column | modality | encoder | head |",
        "|---|---|---|---|",
    ]
    for port in space.ports:
        state = " (trained here)" if is_trainable(port.encoder) else ""
        lines.append(
            f"| {port.name} | {type(port.modality).__name__} | {type(port.encoder).__name__}{state} "
            f"| {type(port.head).__name__} |"
        )
    return "\n".join([*lines, "", "Load it with `kuamo.Space.load(folder)`.", ""])


# ── folders ──────────────────────────────────────────────────────────────────────────────────────────────────────


def check_place(path: Path, kind: str) -> None:
    """Refuse to write over anything but a saved space or index.

    Raises:
        StoreError: `path` exists and is something else.
    """
    if path.exists() and not (path / "config.json").exists():
        raise StoreError(
            f"given {str(path)!r}, which exists and is not a saved {kind}; expected a new folder or one that holds one"
        )


def check_owner(found: str, expected: str, path: Path | str) -> None:
    """Refuse an index that another space made.

    Raises:
        StoreError: the fingerprints differ.
    """
    if found != expected:
        raise StoreError(f"{path}: given an index of space {found[:12]}…; expected one of this space, {expected[:12]}…")


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Fill a folder beside its place, then put it there by renaming.

    A folder cannot be exchanged for another in one step; killed between the two renames, the old one stands beside and
    `recover` puts it back. What killed processes have left beside is removed by the next one that writes here.

    Raises:
        StoreError: the disk is full or refuses, or another process has just written there.
    """
    path = Path(path)
    mark = f"{platform.node().replace('/', '')}~{os.getpid()}~{uuid.uuid4().hex[:8]}"
    beside, old = (path.with_name(f".{path.name}~{mark}.{ending}") for ending in ("part", "old"))
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            recover(path)
            for left in [*_left(path.parent, "*", "part"), *_left(path.parent, path.name, "old")]:
                shutil.rmtree(left, ignore_errors=True)
            beside.mkdir()
            fill(beside)
            if path.exists():
                os.replace(path, old)
        try:
            os.replace(beside, path)
        except OSError as error:
            raise StoreError(
                f"given {str(path)!r}, which another process has just written ({error.strerror})"
            ) from None
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def recover(path: Path) -> None:
    """Put the old folder back if its writer was killed between two renames."""
    if not path.exists():
        olds = _left(path.parent, path.name, "old")
        if olds:
            os.replace(max(olds, key=lambda left: left.stat().st_mtime), path)


def _left(folder: Path, name: str, ending: str) -> list[Path]:
    """What writers on this machine that are no more have left of folders of this name."""
    host = platform.node().replace("/", "")
    pattern = f".{name if name == '*' else glob.escape(name)}~*~*~*.{ending}"
    marks = [(left, left.name.rsplit("~", 3)) for left in folder.glob(pattern)]
    return [left for left, (_, node, process, _) in marks if node == host and not _alive(process)]


def _alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, OverflowError):
        return True  # not a name of ours: leave it alone
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def read_config(path: Path, kind: str) -> dict[str, Any]:
    """The config.json of a saved space or index.

    Raises:
        StoreError: not there, unreadable, of another kind or from a newer version.
    """
    recover(path)
    if not (path / "config.json").is_file():
        raise StoreError(f"given {str(path)!r}; expected the folder of a saved {kind} (with config.json)")
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        found, version = config["kind"], config["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}/config.json: cannot be read ({type(error).__name__}: {error})") from None
    if found != kind:
        raise StoreError(f"{path}: given a saved {found}; expected a saved {kind}")
    if not isinstance(version, int) or version > FORMAT:
        raise StoreError(f"{path}: given format {version}; this kuamo reads up to {FORMAT}: expected a newer kuamo")
    return config


def _read_checked(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    config, arrays = read_config(path, kind), path / "model.safetensors"
    if not arrays.is_file() or _sha256(arrays) != config.get("sha256"):
        raise StoreError(f"{arrays}: missing or changed since it was saved; expected sha256 {config.get('sha256')}")
    try:
        return config, load_file(arrays)
    except SafetensorError as error:
        raise StoreError(f"{arrays}: cannot be read ({error})") from None


def _under(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def write_json(path: Path, config: Mapping[str, Any]) -> None:
    """Plain data, indented, in UTF-8."""
    path.write_text(json.dumps(config, ensure_ascii=False, indent=1), encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
