"""Any pretrained network by name or folder, through `transformers` or `sentence-transformers` (extra `hub`), frozen.

    value ── prepare ──→ what the network's own processor makes of it ── network ──→ hidden states h_0 … h_L
    features = the network's own embedding, or for layers (l₁, l₂ …) the means of h_l₁, h_l₂ … over tokens, places, time

Text: a sentence-transformers folder as it says itself, else the mean of the last layer over the tokens. Pictures: the
pooled output where its weights are stored, else the mean over places. Sounds: the mean over time; a sound longer than
the network hears at once is heard in equal pieces, of which the features are averaged. Models of two kinds (CLIP,
SigLIP, CLAP) give the features that they compare. Weights are safetensors, no code from a folder is run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from kuamo.core.contracts import Configured
from kuamo.core.errors import KuamoError, StoreError
from kuamo.core.extras import way_to
from kuamo.data.modalities.audio import Waveform
from kuamo.encoders.base import as_list
from kuamo.encoders.hub_folder import check_folder, content_hash, find_folder, modalities_of, older_hash, read_json_file
from kuamo.encoders.packaged import Packaged

__all__ = ["HubEncoder", "hub"]

SECONDS = 30.0  # heard at once, where the network sets no limit of its own
# Arrays that a folder may lack: they are not used, or are not weights.
SPARE = ("pooler", "masked_spec_embed", "position_ids")
PIECES = {"text": "text", "image": "picture", "audio": "sound"}


def hub(
    name: str,
    *,
    modality: str | None = None,
    layers: Sequence[int] | None = None,
    revision: str | None = None,
    batch_size: int = 16,
    device: str = "cpu",
) -> HubEncoder:
    """A frozen encoder from a pretrained model, by its name on the Hugging Face hub or its local folder.

    Args:
        name: such as "google/siglip2-base-patch16-224", or a folder.
        modality: "text", "image" or "audio"; where it is not given, a model of two kinds takes both.
        layers: whose means are features, each one of the `blocks`: 0 is what enters the first layer, −1 the last one's
            output; `None` is the network's own embedding.
        revision: a branch, tag or commit of the hub.
        batch_size: values at a time. device: where torch computes.

    Raises:
        KuamoError: the extra is not installed, or the model does not read that kind of data.
        StoreError: no such model, or a folder with pickled or missing weights.

    Example:
        >>> hub("no/such/folder")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        kuamo.core.errors.StoreError: given 'no/such/folder', which is no folder; expected ...
    """
    return HubEncoder(name, modality=modality, layers=layers, revision=revision, batch_size=batch_size, device=device)


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A loaded model, and whether weights of its pooler were stored."""

    model: Any
    has_pooler: bool


_LOADED: WeakValueDictionary[tuple[str, str], LoadedModel] = WeakValueDictionary()


class HubEncoder(Packaged, Configured):
    """A frozen pretrained network; made by `hub`.

    Args:
        name, modality, layers, revision, batch_size, device: as `hub` takes them.
        sha256: of the content that is expected; any if not given. fetch: may the hub be asked?

    Raises:
        KuamoError, StoreError: as `hub`; or the content is not what is expected.
    """

    FIXED = frozenset({"device", "fetch"})

    def __init__(
        self,
        name: str,
        *,
        modality: str | None = None,
        layers: Sequence[int] | None = None,
        revision: str | None = None,
        batch_size: int = 16,
        device: str = "cpu",
        sha256: str | None = None,
        fetch: bool = True,
    ) -> None:
        self.folder = find_folder(str(name), revision, fetch)
        check_folder(self.folder)
        if not self.installed():
            raise KuamoError(f"given the model {str(name)!r}; expected {way_to('hub')}")
        self.name = str(self.folder) if Path(name).is_dir() else str(name)
        self.sha256 = content_hash(self.folder)
        if sha256 is not None and sha256 != self.sha256 and sha256 == older_hash(self.folder):
            self.sha256 = sha256
        if sha256 not in (None, self.sha256):
            raise StoreError(f"{self.name}: given a model of sha256 {self.sha256[:16]}…; expected {str(sha256)[:16]}…")
        self.revision, self.batch_size, self.device = revision, batch_size, device
        self.layers = None if layers is None else tuple(int(layer) for layer in layers)
        self.modalities = modalities_of(self.folder)
        self.modality = self._checked(modality)

    collate = staticmethod(as_list)

    packages = ("transformers", "sentence_transformers")

    @property
    def fingerprint(self) -> str:
        """Content, kind and layers: where the folder stands does not matter."""
        return f"hub/1/{self.sha256}/{self.modality}/{self.layers}"

    @property
    def space(self) -> str | None:
        """What the towers of one model share: the features that it compares; nothing of single layers."""
        return f"hub/{self.sha256}" if len(self.modalities) > 1 and self.layers is None else None

    @property
    def temperature(self) -> float | None:
        """exp of the scale that a model of two kinds was trained with."""
        scale = getattr(self._model, "logit_scale", None) if self.space else None
        scale = getattr(self._model, "logit_scale_t", scale) if self.space else None
        return None if scale is None else float(scale.exp())

    @property
    def blocks(self) -> tuple[int, ...] | None:
        """How many features each layer gives; nothing without `layers`."""
        return None if self.layers is None else tuple(self._widths[layer] for layer in self.layers)

    def config(self) -> dict[str, Any]:
        """What the constructor takes; `device` is this machine's."""
        return super().config() | {"layers": None if self.layers is None else list(self.layers)}

    def prepare(self, value: Any) -> Any:
        """What the network's own processor makes of a text, a picture (H, W, 3) or a `Waveform`."""
        kind = "text" if isinstance(value, str) else "audio" if isinstance(value, Waveform) else "image"
        if kind not in (self.modalities if self.modality is None else (self.modality,)):
            reads = " or a ".join(PIECES[sense] for sense in self.modalities if self.modality in (None, sense))
            raise KuamoError(f"{self.name}: given a {PIECES[kind]}; this model reads a {reads}")
        return (kind, getattr(self, f"_{kind}_item")(value))

    @property
    def max_length(self) -> str:
        """How much of a text it reads, in words."""
        return f"{self.most_tokens} tokens"

    def truncates(self, value: Any) -> bool:
        """Is this a text of which the end goes unseen?"""
        if not isinstance(value, str) or self.most_tokens is None or len(value.encode()) + 2 <= self.most_tokens:
            return False
        return len(self._tokenizer(value, truncation=False, verbose=False)["input_ids"]) > self.most_tokens

    def __call__(self, batch: list[tuple[str, Any]]) -> np.ndarray:
        import torch

        (kind,) = {kind for kind, _ in batch}
        with torch.inference_mode():
            return getattr(self, f"_{kind}")([item for _, item in batch])

    # ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _text_item(self, value: str) -> str:
        return value

    def _text(self, texts: list[str]) -> np.ndarray:
        if self._is_sentence_model and self.layers is None:
            found = self._sentences.encode(texts, batch_size=len(texts), show_progress_bar=False)
            return np.asarray(found, dtype=np.float32)
        fixed = "siglip" in str(self._settings.get("model_type"))  # trained on texts that are all padded to the end
        tokens = self._tokenizer(
            texts,
            padding="max_length" if fixed else True,
            truncation=self.most_tokens is not None,
            max_length=self.most_tokens,
            return_tensors="pt",
        ).to(self.device)
        if self.layers is None and len(self.modalities) > 1:
            return _array(self._model.get_text_features(**tokens))
        weight = tokens.get("attention_mask")
        return self._pooled(self._tower("text")(**tokens, output_hidden_states=True), weight)

    @property
    def most_tokens(self) -> int | None:
        """The longest text, in tokens, that the network reads; `None`: any."""
        if self._is_sentence_model and self.layers is None:
            return self._sentences.max_seq_length
        settings = self._settings.get("text_config") or self._settings
        places = settings.get("max_position_embeddings")
        if places and "roberta" in str(settings.get("model_type")) + str(self._settings.get("model_type")):
            places -= 2  # its places are counted from beyond the padding's
        limits = [limit for limit in (self._tokenizer.model_max_length, places) if limit and limit < 10**6]
        return min(limits) if limits else None

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        if self._is_sentence_model and self.layers is None:
            return self._sentences.tokenizer
        tokenizer = self._load(AutoTokenizer.from_pretrained, self._network_folder, **_SAFE)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        return tokenizer

    @cached_property
    def _sentences(self) -> Any:
        from sentence_transformers import SentenceTransformer

        options = {"device": self.device, "model_kwargs": {"use_safetensors": True}}
        return self._load(SentenceTransformer, str(self.folder), **options, **_SAFE).eval()

    # ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _image_item(self, value: np.ndarray) -> dict[str, np.ndarray]:
        from PIL import Image as pil

        return _arrays(self._image_processor(images=pil.fromarray(value), return_tensors="np"))

    def _image(self, items: list[dict[str, np.ndarray]]) -> np.ndarray:
        return self._alike(items, self._seen)

    def _seen(self, inputs: dict[str, Any]) -> np.ndarray:
        if self.layers is None and len(self.modalities) > 1:
            return _array(self._model.get_image_features(**inputs))
        out = self._tower("image")(**inputs, output_hidden_states=self.layers is not None)
        if self.layers is None and self._has_pooler and getattr(out, "pooler_output", None) is not None:
            return out.pooler_output.flatten(1).float().cpu().numpy()
        return self._pooled(out)

    @cached_property
    def _image_processor(self) -> Any:
        from transformers import AutoImageProcessor

        return self._load(AutoImageProcessor.from_pretrained, self.folder, backend="pil", **_SAFE)

    # ── sounds ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _audio_item(self, value: Waveform) -> list[tuple[float, dict[str, np.ndarray]]]:
        """Pieces of equal length, none longer than is heard at once: (share of the window that is sound, inputs)."""
        extractor, rate = self._feature_extractor, self._feature_extractor.sampling_rate
        samples = value.resampled(rate)
        samples = np.pad(samples, (0, max(0, rate // 10 - len(samples)))).astype(np.float32)
        window = int(self._seconds * rate)
        pieces = np.array_split(samples, math.ceil(len(samples) / window))
        return [
            (len(piece) / window, _arrays(extractor(piece, sampling_rate=rate, return_tensors="np")))
            for piece in pieces
        ]

    def _audio(self, items: list[list[tuple[float, dict[str, np.ndarray]]]]) -> np.ndarray:
        shares = [share for item in items for share, _ in item]
        found = self._alike([inputs for item in items for _, inputs in item], self._heard, shares)
        ends = np.cumsum([len(item) for item in items])[:-1]
        return np.stack([part.mean(0) for part in np.split(found, ends)])

    def _heard(self, inputs: dict[str, Any], shares: list[float]) -> np.ndarray:
        import torch

        if self.layers is None and len(self.modalities) > 1:
            return _array(self._model.get_audio_features(**inputs))
        inputs = {name: array for name, array in inputs.items() if name != "attention_mask"}  # nothing is padded
        out = self._tower("audio")(**inputs, output_hidden_states=True)
        if self._settings.get("model_type") != "whisper":
            return self._pooled(out)
        frames = out.last_hidden_state.shape[1]  # always 30 s, of which the sound is a part
        inside = torch.arange(frames)[None] < torch.tensor(shares)[:, None] * frames
        return self._pooled(out, inside.to(self.device))

    @property
    def _seconds(self) -> float:
        extractor = self._feature_extractor
        if type(extractor).__name__ == "ASTFeatureExtractor":
            return extractor.max_length / 100  # frames of 10 ms
        return float(getattr(extractor, "chunk_length", None) or getattr(extractor, "max_length_s", None) or SECONDS)

    @cached_property
    def _feature_extractor(self) -> Any:
        from transformers import AutoFeatureExtractor

        return self._load(AutoFeatureExtractor.from_pretrained, self.folder, **_SAFE)

    # ── the network ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _model(self) -> Any:
        return self._network.model

    @property
    def _has_pooler(self) -> bool:
        return self._network.has_pooler

    @cached_property
    def _network(self) -> LoadedModel:
        """Loaded once in a process for all encoders of the model: of its towers, and of a space that is read."""
        key = (self.sha256, self.device)
        network = _LOADED.get(key)
        if network is None:
            network = _LOADED[key] = self._loaded()
        return network

    def _loaded(self) -> LoadedModel:
        from transformers import AutoModel

        model, loading = self._load(
            AutoModel.from_pretrained, self._network_folder, use_safetensors=True, output_loading_info=True, **_SAFE
        )
        missing = sorted(str(name) for name in loading["missing_keys"])
        lacking = [name for name in missing if not any(spare in name for spare in SPARE)]
        if lacking:
            raise StoreError(f"{self.name}: the weights lack {len(lacking)} arrays, such as {lacking[0]!r}")
        has_pooler = not any("pooler" in name for name in missing)
        if self._settings.get("is_encoder_decoder"):
            model = model.get_encoder()
        return LoadedModel(model.float().eval().requires_grad_(False).to(self.device), has_pooler)

    def _load(self, load: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """What a library makes of the folder.

        Raises:
            StoreError: it cannot, for whatever reason: damaged files, an architecture that needs code of its own.
        """
        try:
            return load(*args, **options)
        except Exception as error:  # the libraries raise of every kind
            why = " ".join(str(error).split())[:200]
            raise StoreError(
                f"{self.name}: cannot be loaded ({type(error).__name__}: {why}); expected a model that transformers "
                f"knows without code of the model's own"
            ) from None

    def _tower(self, kind: str) -> Any:
        """The part of the network that reads this kind of data."""
        if len(self.modalities) == 1:
            return self._model
        return getattr(self._model, {"text": "text_model", "image": "vision_model", "audio": "audio_model"}[kind])

    def _pooled(self, out: Any, weight: Any = None) -> np.ndarray:
        """Means of the layers asked for, side by side."""
        import torch

        states = [out.last_hidden_state] if self.layers is None else [out.hidden_states[layer] for layer in self.layers]
        return torch.cat([_mean(state, weight) for state in states], dim=1).float().cpu().numpy()

    def _alike(self, items: list[dict[str, np.ndarray]], run: Any, *each: list[Any]) -> np.ndarray:
        """Features of items, those of one shape together: padding would change what some networks hear."""
        import torch

        groups: dict[Any, list[int]] = {}
        for place, item in enumerate(items):
            groups.setdefault(tuple((name, array.shape) for name, array in sorted(item.items())), []).append(place)
        rows: dict[int, np.ndarray] = {}
        for places in groups.values():
            for start in range(0, len(places), self.batch_size):
                chosen = places[start : start + self.batch_size]
                inputs = {
                    name: torch.from_numpy(np.stack([items[place][name] for place in chosen])).to(self.device)
                    for name in items[chosen[0]]
                }
                found = run(inputs, *([extra[place] for place in chosen] for extra in each))
                rows |= dict(zip(chosen, found, strict=True))
        return np.stack([rows[place] for place in range(len(items))]).astype(np.float32)

    @cached_property
    def _settings(self) -> dict[str, Any]:
        return dict(read_json_file(self._network_folder, "config.json"))

    @property
    def _is_sentence_model(self) -> bool:
        return (self.folder / "modules.json").is_file()

    @property
    def _network_folder(self) -> Any:
        """Where the network stands: a sentence-transformers folder keeps it at its first part's path."""
        parts = read_json_file(self.folder, "modules.json")
        return self.folder / str(parts[0]["path"]) if parts else self.folder

    @cached_property
    def _widths(self) -> dict[int, int]:
        """Layer → features, found by trying."""
        trial: dict[str, Any] = {
            "text": "a",
            "image": np.zeros((64, 64, 3), np.uint8),
            "audio": Waveform(np.zeros(16000, np.float32), 16000),
        }
        layers, widths = self.layers or (), {}
        for layer in layers:
            self.layers = (layer,)
            widths[layer] = self([self.prepare(trial[str(self.modality)])]).shape[1]
        self.layers = layers
        return widths

    def _checked(self, modality: str | None) -> str | None:
        if modality not in (None, *self.modalities):
            raise KuamoError(f"{self.name}: given modality={modality!r}; this model reads {list(self.modalities)}")
        if len(self.modalities) == 1:
            return self.modalities[0]
        if self.layers is not None and modality is None:
            raise KuamoError(f"{self.name}: given layers of a model of two kinds; expected modality= {self.modalities}")
        return modality


_SAFE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def _arrays(inputs: Any) -> dict[str, np.ndarray]:
    """A processor's output for one value, without the batch."""
    return {name: np.asarray(array)[0] for name, array in inputs.items()}


def _array(out: Any) -> np.ndarray:
    """Features of a model of two kinds: a tensor, or an output that holds one."""
    features = getattr(out, "pooler_output", out)
    return features.float().cpu().numpy()


def _mean(state: Any, weight: Any = None) -> Any:
    """(n, T, D) or (n, D, H, W) → (n, D): the mean over tokens that weigh, or over places."""
    if state.ndim == 4:
        return state.mean((2, 3))
    if weight is None:
        return state.mean(1)
    weight = weight[:, :, None].to(state.dtype)
    return (state * weight).sum(1) / weight.sum(1)
