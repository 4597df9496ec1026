"""Laws of models by name or folder, on tiny random ones made here: named by content, no pickle, whole in a space."""

from __future__ import annotations

import json
import shutil
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", reason="models by name need the extra [hub]")
if find_spec("sentence_transformers") is None:  # which takes seconds to import, so only where it is needed
    pytest.skip("models by name need the extra [hub]", allow_module_level=True)

import torch
import transformers as tf

import kuamo as km
from kuamo.data.modalities.audio import Waveform
from kuamo.encoders import hub
from kuamo.encoders.base import encode_items
from tiny_models import SIZES, WORDS, clap, clip, siglip, tokenizer

rng = np.random.default_rng(0)
TEXTS = [" ".join(rng.choice(WORDS, int(n))) for n in rng.integers(1, 9, 40)]
PICTURES = [rng.integers(0, 256, (20 + i, 30, 3), dtype=np.uint8) for i in range(5)]
SOUNDS = [Waveform(rng.normal(size=n).astype(np.float32), r) for n, r in ((4000, 8000), (9000, 16000), (9000, 22050))]


def bert(folder: Path) -> None:
    torch.manual_seed(0)
    tf.BertModel(tf.BertConfig(vocab_size=32, max_position_embeddings=16, **SIZES)).save_pretrained(folder)
    tokenizer().save_pretrained(folder)


def sentences(folder: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    bert(folder.with_name("inner"))
    words = Transformer(str(folder.with_name("inner")))
    SentenceTransformer(modules=[words, Pooling(16, pooling_mode="mean")], device="cpu").save(str(folder))


def vit(folder: Path) -> None:
    torch.manual_seed(0)
    tf.ViTModel(tf.ViTConfig(image_size=16, patch_size=8, **SIZES)).save_pretrained(folder)
    tf.ViTImageProcessorPil(size={"height": 16, "width": 16}).save_pretrained(folder)


def convnext(folder: Path) -> None:
    torch.manual_seed(0)
    config = tf.ConvNextConfig(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1])
    tf.ConvNextModel(config).save_pretrained(folder)
    tf.ConvNextImageProcessorPil(size={"shortest_edge": 64}).save_pretrained(folder)


def wav2vec2(folder: Path) -> None:
    torch.manual_seed(0)
    config = tf.Wav2Vec2Config(
        conv_dim=(8, 8), conv_stride=(20, 16), conv_kernel=(40, 16), num_feat_extract_layers=2,
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, **SIZES,
    )  # fmt: skip
    tf.Wav2Vec2Model(config).save_pretrained(folder)
    tf.Wav2Vec2FeatureExtractor(sampling_rate=16000).save_pretrained(folder)


def whisper(folder: Path) -> None:
    torch.manual_seed(0)
    config = tf.WhisperConfig(
        d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=16, decoder_ffn_dim=16, vocab_size=32, num_mel_bins=16, max_source_positions=100,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    tf.WhisperModel(config).save_pretrained(folder)
    tf.WhisperFeatureExtractor(feature_size=16, chunk_length=2).save_pretrained(folder)


def gpt2(folder: Path) -> None:
    torch.manual_seed(0)
    config = tf.GPT2Config(vocab_size=32, n_positions=16, n_embd=16, n_layer=2, n_head=2, eos_token_id=3)
    tf.GPT2Model(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)


def t5(folder: Path) -> None:
    torch.manual_seed(0)
    config = tf.T5Config(vocab_size=32, d_model=16, d_kv=8, d_ff=16, num_layers=2, num_heads=2)
    tf.T5Model(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)


MAKERS = {
    "bert": bert, "sentences": sentences, "vit": vit, "convnext": convnext, "wav2vec2": wav2vec2, "whisper": whisper,
    "clip": clip, "clap": clap, "siglip": siglip, "gpt2": gpt2, "t5": t5,
}  # fmt: skip
VALUES: dict[str, list[list[Any]]] = {
    "bert": [TEXTS], "sentences": [TEXTS], "vit": [PICTURES], "convnext": [PICTURES], "wav2vec2": [SOUNDS],
    "whisper": [SOUNDS], "clip": [TEXTS, PICTURES],
    "clap": [TEXTS, SOUNDS], "siglip": [TEXTS, PICTURES], "gpt2": [TEXTS], "t5": [TEXTS],
}  # fmt: skip
EVERY = pytest.mark.parametrize("kind", MAKERS)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for kind, make in MAKERS.items():
        made[kind] = tmp_path_factory.mktemp("models") / kind
        make(made[kind])
    return made


def encoded(encoder: Any, values: list[Any]) -> np.ndarray:
    return encode_items(encoder, [encoder.prepare(value) for value in values], "c")


@EVERY
def test_what_else_is_in_the_batch_changes_only_rounding(kind: str, folders: dict[str, Path]) -> None:
    encoder = hub(str(folders[kind]), batch_size=2)
    for values in VALUES[kind]:
        together = encoded(encoder, values)
        assert np.isfinite(together).all()
        assert together.std(0).max() > 1e-3
        np.testing.assert_allclose(together, np.concatenate([encoded(encoder, [v]) for v in values]), atol=1e-5)


@EVERY
def test_layers_are_blocks(kind: str, folders: dict[str, Path]) -> None:
    modality = {"clip": "image", "siglip": "text", "clap": "audio"}.get(kind)
    encoder = hub(str(folders[kind]), layers=(-1, 1), modality=modality)
    values = VALUES[kind][0 if modality == "text" else -1][:2]
    both = encoded(encoder, values)
    parts = [encoded(hub(str(folders[kind]), layers=(layer,), modality=modality), values) for layer in (-1, 1)]
    assert encoder.blocks == tuple(part.shape[1] for part in parts)
    np.testing.assert_allclose(both, np.concatenate(parts, axis=1), atol=1e-6)
    assert encoder.fingerprint != hub(str(folders[kind]), layers=(-1,), modality=modality).fingerprint


def test_text_is_the_mean_of_the_last_layer_over_its_tokens(folders: dict[str, Path]) -> None:
    """Parity with transformers itself, and with sentence-transformers over the same network."""
    model, words = tf.BertModel.from_pretrained(folders["bert"]), tokenizer()
    with torch.inference_mode():
        expected = [model(**words(text, return_tensors="pt")).last_hidden_state[0].mean(0).numpy() for text in TEXTS]
    np.testing.assert_allclose(encoded(hub(str(folders["bert"])), TEXTS), expected, atol=1e-5)
    np.testing.assert_allclose(encoded(hub(str(folders["sentences"])), TEXTS), expected, atol=1e-5)


def test_clip_gives_what_it_compares(folders: dict[str, Path]) -> None:
    encoder, model = hub(str(folders["clip"])), tf.CLIPModel.from_pretrained(folders["clip"])
    with torch.inference_mode():
        tokens = tokenizer()(TEXTS, padding=True, return_tensors="pt")
        expected = model.text_projection(model.text_model(**tokens).pooler_output).numpy()
    np.testing.assert_allclose(encoded(encoder, TEXTS), expected, atol=1e-5)
    assert encoded(encoder, PICTURES).shape == (5, 12)


def test_a_long_sound_is_heard_in_pieces(folders: dict[str, Path]) -> None:
    """Whisper here hears two seconds at once: of four equal seconds the mean of both halves."""
    samples = rng.normal(size=64000).astype(np.float32)
    encoder = hub(str(folders["whisper"]))
    whole, first, second = encoded(encoder, [Waveform(part, 16000) for part in (samples, *np.split(samples, 2))])
    np.testing.assert_allclose(whole, (first + second) / 2, atol=1e-5)


def test_other_weights_have_another_name(folders: dict[str, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(folders["bert"], tmp_path / "copy")
    before = hub(str(copy))
    assert before.fingerprint == hub(str(folders["bert"])).fingerprint
    torch.manual_seed(1)
    tf.BertModel(tf.BertConfig(vocab_size=32, max_position_embeddings=16, **SIZES)).save_pretrained(copy)
    assert hub(str(copy)).fingerprint != before.fingerprint


def test_a_space_with_it_is_stored_by_name_and_content(folders: dict[str, Path], tmp_path: Path) -> None:
    """Fit, save, load, search; then the folder is changed, gone, and given anew."""
    place = shutil.copytree(folders["sentences"], tmp_path / "model")
    pictures = [rng.integers(0, 256, (16, 16, 3), dtype=np.uint8) for _ in TEXTS]
    table = km.Table({"words": TEXTS, "picture": pictures, "seen": pictures}).take(np.arange(40))
    encoders = {
        "words": hub(str(place)),
        "picture": hub(str(folders["vit"]), layers=(-1, 1)),
        "seen": hub(str(folders["clip"])),
    }
    space = km.fit(table, km.CCA(dim=4), encoders=encoders, seed=0)
    assert any(str(place) in note for note in space.notes)
    space.save(tmp_path / "s")
    loaded = km.Space.load(tmp_path / "s")
    assert np.array_equal(np.asarray(space.encode(table)), np.asarray(loaded.encode(table)))
    hits = loaded.index(table).search({"words": TEXTS[0]}, to="picture", k=3)
    assert len(hits) == 3
    moved = tmp_path / "moved"
    place.rename(moved)
    with pytest.raises(km.StoreError, match=r"column 'words': given .*model', which is no folder; expected"):
        km.Space.load(tmp_path / "s")
    again = km.Space.load(tmp_path / "s", custom={"words": (None, hub(str(moved)))})
    assert np.array_equal(np.asarray(space.encode(table)), np.asarray(again.encode(table)))
    bert_folder = shutil.copytree(folders["bert"], place)
    with pytest.raises(km.StoreError, match=r"column 'words': .*given a model of sha256 .*; expected"):
        km.Space.load(tmp_path / "s")
    with pytest.raises(km.StoreError, match=r"column 'words': given a model of sha256 .*; expected"):
        km.Space.load(tmp_path / "s", custom={"words": (None, hub(str(bert_folder)))})


@pytest.mark.parametrize("kind", ["bert", "sentences", "clip"])
def test_what_is_cut_is_said(kind: str, folders: dict[str, Path]) -> None:
    texts = [*TEXTS[:30], "a cat " * 20, "the dog " * 30]
    encoder = hub(str(folders[kind]))
    assert [encoder.truncates(text) for text in texts] == [False] * 30 + [True, True]
    np.testing.assert_allclose(*encoded(encoder, ["a cat " * 20, "a cat " * 40]), atol=1e-6)
    table = km.Table({"words": texts, "vector": rng.normal(size=(32, 3))})
    space = km.fit(table, km.CCA(dim=2), encoders={"words": encoder}, seed=0)
    assert any("words: 2 of 32 values are longer than the" in note for note in space.notes)
    with pytest.warns(km.TruncationWarning, match="words: 1 of 1 values are longer"):
        space.encode({"words": "a cat " * 20})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        space.encode({"words": "a cat"})


def test_what_could_run_code_or_is_not_whole_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    pickled = shutil.copytree(folders["bert"], tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(km.StoreError, match=r"pickled weights 'pytorch_model.bin'.*expected .safetensors"):
        hub(str(pickled))
    (pickled / "pytorch_model.bin").unlink()
    with pytest.raises(km.StoreError, match=r"without weights; expected .safetensors"):
        hub(str(pickled))
    (tmp_path / "empty").mkdir()
    with pytest.raises(km.StoreError, match=r"expected a saved model's folder, with config.json or modules.json"):
        hub(str(tmp_path / "empty"))
    foreign = shutil.copytree(folders["sentences"], tmp_path / "foreign")
    parts = json.loads((foreign / "modules.json").read_text())
    parts[1]["type"] = "subprocess.Popen"
    (foreign / "modules.json").write_text(json.dumps(parts))
    with pytest.raises(km.StoreError, match=r"given the part 'subprocess.Popen'"):
        hub(str(foreign))
    partial = shutil.copytree(folders["bert"], tmp_path / "partial")
    from safetensors.torch import load_file, save_file

    weights = load_file(partial / "model.safetensors")
    save_file({k: v for k, v in weights.items() if "layer.1" not in k}, partial / "model.safetensors", {"format": "pt"})
    encoder = hub(str(partial))
    with pytest.raises(km.StoreError, match=r"the weights lack \d+ arrays, such as 'encoder.layer.1"):
        encoded(encoder, ["a cat"])


def test_code_in_a_folder_is_not_run_and_damage_is_said(folders: dict[str, Path], tmp_path: Path) -> None:
    coded = shutil.copytree(folders["bert"], tmp_path / "coded")
    config = json.loads((coded / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModel": "mine.Model"}}
    (coded / "config.json").write_text(json.dumps(config))
    (coded / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    with pytest.raises(km.StoreError, match=r"cannot be loaded .*; expected a model that transformers knows"):
        encoded(hub(str(coded)), ["a cat"])
    assert not (tmp_path / "ran").exists()
    damaged = shutil.copytree(folders["bert"], tmp_path / "damaged")
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:200])
    with pytest.raises(km.StoreError, match="cannot be loaded"):
        encoded(hub(str(damaged)), ["a cat"])


def test_another_kind_of_data_is_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(km.KuamoError, match=r"given modality='audio'; this model reads \['image'\]"):
        hub(str(folders["vit"]), modality="audio")
    with pytest.raises(km.KuamoError, match="given a text; this model reads a picture"):
        hub(str(folders["vit"])).prepare("a cat")
    with pytest.raises(km.KuamoError, match="given layers of a model of two kinds; expected modality="):
        hub(str(folders["clip"]), layers=(1,))
