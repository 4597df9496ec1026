"""Tiny random models with two towers and the words that they read, saved where a test asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers as tf

WORDS = "a cat dog bird sleeping barking sings on the mat in rain red green blue".split()  # noqa: SIM905
SIZES: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16
}  # fmt: skip


def tokenizer(length: int = 16) -> Any:
    """Words, and what BERT puts around them."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tf.PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="[PAD]", unk_token="[UNK]", eos_token="[SEP]", model_max_length=length
    )


def clip(folder: Path) -> None:
    torch.manual_seed(0)
    text = tf.CLIPTextConfig(vocab_size=32, max_position_embeddings=16, eos_token_id=3, **SIZES)
    vision = tf.CLIPVisionConfig(image_size=16, patch_size=8, **SIZES)
    config = tf.CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=12)
    tf.CLIPModel(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    size = {"height": 16, "width": 16}
    tf.CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=size).save_pretrained(folder)


def clap(folder: Path) -> None:
    torch.manual_seed(0)
    text = tf.ClapTextConfig(vocab_size=32, max_position_embeddings=18, pad_token_id=0, projection_dim=12, **SIZES)
    audio = tf.ClapAudioConfig(
        spec_size=64, num_mel_bins=16, patch_embeds_hidden_size=8, depths=[1, 1], num_attention_heads=[2, 2],
        window_size=4, hidden_size=16, projection_dim=12,
    )  # fmt: skip
    config = tf.ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=12)
    tf.ClapModel(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    extractor = tf.ClapFeatureExtractor(
        feature_size=16, sampling_rate=16000, hop_length=160, max_length_s=2, truncation="rand_trunc"
    )
    extractor.save_pretrained(folder)


def siglip(folder: Path) -> None:
    torch.manual_seed(0)
    text = tf.SiglipTextConfig(vocab_size=32, max_position_embeddings=16, projection_size=16, **SIZES)
    vision = tf.SiglipVisionConfig(image_size=16, patch_size=8, **SIZES)
    tf.SiglipModel(tf.SiglipConfig(text_config=text.to_dict(), vision_config=vision.to_dict())).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    tf.SiglipImageProcessorPil(size={"height": 16, "width": 16}).save_pretrained(folder)
