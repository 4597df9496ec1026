"""A pretrained model's folder: found by name or path, free of pickle and foreign code, named by its content.

name or path → folder → checked (configuration, safetensors only) → sha256 of what decides the features
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kuamo.core.errors import StoreError
from kuamo.core.extras import way_to

__all__ = ["check_folder", "content_hash", "find_folder", "modalities_of", "older_hash", "read_json_file"]

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
# What is fetched from a hub, and what names the content: weights, configuration, vocabulary. No code, no pickle.
PARTS = ("*.safetensors", "*.json", "*.txt", "*.model")
WEIGHTS = re.compile(r"(adapter_)?model(-\d+-of-\d+)?\.safetensors")
# Files of settings and vocabularies that transformers and sentence-transformers look for by name.
SETTINGS = frozenset(
    f"{name}.json"
    for name in [
        "config",
        "modules",
        "config_sentence_transformers",
        "sentence_bert_config",
        "sentence_roberta_config",
        "sentence_distilbert_config",
        "adapter_config",
        "model.safetensors.index",
        "preprocessor_config",
        "processor_config",
        "video_preprocessor_config",
        "tokenizer",
        "tokenizer_config",
        "special_tokens_map",
        "added_tokens",
        "vocab",
    ]
) | {"vocab.txt", "merges.txt"}


def find_folder(name: str, revision: str | None = None, fetch: bool = True) -> Path:
    """The folder of a model: a local one, or that of the hub's cache, fetched if need be and allowed."""
    if Path(name).is_dir():
        return Path(name).resolve()
    wanted = "the folder of a saved model, or a model's name on the Hugging Face hub and a network to fetch it"
    if name.count("/") > 1 or name.startswith((".", "/", "~")) or not name:
        raise StoreError(f"given {name!r}, which is no folder; expected {wanted}")
    try:
        from huggingface_hub import snapshot_download

        options: dict[str, Any] = {"revision": revision, "local_files_only": not fetch}
        return Path(snapshot_download(name, allow_patterns=list(PARTS), **options))
    except ImportError:
        raise StoreError(f"given the model {name!r}; expected {way_to('hub')}") from None
    except (OSError, ValueError) as error:  # not found, not in the cache, no network, no such name
        if not fetch:
            raise StoreError(
                f"given the model {name!r}, which is not on this machine; expected it fetched before, by "
                f"kuamo.encoders.hub({name!r}), or Space.load(folder, download=True), if you trust the folder"
            ) from None
        why = str(error).strip().splitlines() or [""]
        raise StoreError(f"given {name!r} ({type(error).__name__}: {why[0][:160]}); expected {wanted}") from None


def check_folder(folder: Path) -> None:
    """Refuse a folder that could run code, or whose weights are missing."""
    modules = read_json_file(folder, "modules.json")
    if not modules and not (folder / "config.json").is_file():
        raise StoreError(f"given {str(folder)!r}; expected a saved model's folder, with config.json or modules.json")
    foreign = [
        str(part.get("type")) for part in modules if not str(part.get("type")).startswith("sentence_transformers.")
    ]
    if foreign:
        raise StoreError(f"{folder}/modules.json: given the part {foreign[0]!r}; expected sentence-transformers' own")
    for place in [folder, *(folder / str(part["path"]) for part in modules)]:
        pickled = sorted(found.name for kind in PICKLES for found in place.glob(kind))
        if pickled and not list(place.glob("*.safetensors")):
            raise StoreError(
                f"{place}: given pickled weights {pickled[0]!r}, which can run code; expected .safetensors "
                f"(`model.save_pretrained(folder)` writes them)"
            )
    if not list(folder.rglob("*.safetensors")):
        raise StoreError(f"given {str(folder)!r} without weights; expected .safetensors files in it")


def content_hash(folder: Path) -> str:
    """sha256 of weights, configuration and vocabulary, with their names: equal hash, equal features.

    Files that the libraries do not read, such as notes or another model beside it, have no part in it.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "config.json").write_text("{}")
        >>> before = content_hash(folder)
        >>> _ = (folder / "notes.txt").write_text("mine")
        >>> before == content_hash(folder)
        True
    """
    if (folder / "router_config.json").is_file():  # it names folders of its own
        return older_hash(folder)
    inner = [str(part.get("path", "")) for part in read_json_file(folder, "modules.json")]
    modules = [found for path in inner if path for kind in PARTS for found in (folder / path).rglob(kind)]
    return _hash_of(folder, {*_decisive(folder), *modules})


def older_hash(folder: Path) -> str:
    """What kuamo 0.1 named a folder by: everything in it, also what is never read."""
    return _hash_of(folder, [found for kind in PARTS for found in folder.rglob(kind)])


def _decisive(place: Path) -> list[Path]:
    """The files of one folder that the libraries read."""
    names = sorted(found.name for found in place.iterdir() if found.is_file())
    weights = [name for name in names if WEIGHTS.fullmatch(name)]
    weights = weights or [name for name in names if name.endswith(".safetensors")]
    return [place / name for name in names if name in weights or name in SETTINGS or name.endswith(".model")]


def _hash_of(folder: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    names = {found.relative_to(folder).as_posix(): found for found in files}
    for name in sorted(names):
        with names[name].open("rb") as file:
            digest.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def read_json_file(folder: Path, name: str) -> Any:
    """A JSON file of the folder, or an empty list where it is not there."""
    path = folder / name
    if not path.is_file():
        return []
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); expected JSON") from None


def modalities_of(folder: Path) -> tuple[str, ...]:
    """Which kinds of data the model reads: one of text, image and audio, or text and one of the others."""
    if read_json_file(folder, "modules.json"):
        return ("text",)
    config = dict(read_json_file(folder, "config.json"))
    if "text_config" in config and "vision_config" in config:
        return ("text", "image")
    if "text_config" in config and "audio_config" in config:
        return ("text", "audio")
    settings = dict(read_json_file(folder, "processor_config.json")) | dict(
        read_json_file(folder, "preprocessor_config.json")
    )
    settings |= dict(settings.get("image_processor") or {}) | dict(settings.get("feature_extractor") or {})
    if "sampling_rate" in settings:
        return ("audio",)
    if "image_mean" in settings or "image_processor_type" in settings:
        return ("image",)
    return ("text",)
