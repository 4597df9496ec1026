"""Every objective, ready to be fitted on `toy()`; the law tests run over all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

import kuamo as km
from kuamo.embedding.fusion import MixtureOfExperts, ProductOfExperts
from kuamo.encoders.token_mean import TokenMean, train_tokenizer
from kuamo.generation.decoders.flow import FlowDecoder
from kuamo.generation.decoders.generator import Generator
from kuamo.generation.decoders.likelihood import Likelihood
from kuamo.objectives.conditional_likelihood import Decode

TRAINED: dict[str, Callable[[], dict[str, Any]]] = {
    "InfoNCE": lambda: {"objective": km.InfoNCE()},
    "InfoNCE by label": lambda: {"objective": km.InfoNCE(positives="label")},
    "DCL": lambda: {"objective": km.DCL()},
    "Triplet": lambda: {"objective": km.Triplet()},
    "Triplet hardest": lambda: {"objective": km.Triplet(semi_hard=False)},
    "Triplet semi-hard by label": lambda: {"objective": km.Triplet(positives="label", semi_hard=True)},
    "SigLIP": lambda: {"objective": km.SigLIP()},
    "SigLIP by label": lambda: {"objective": km.SigLIP(positives="label")},
    "Sinkhorn": lambda: {"objective": km.Sinkhorn(eps=0.1)},
    "KLOT": lambda: {"objective": km.KLOT(eps=0.1, sharp=0.05)},
    "InfoNCE + Sinkhorn": lambda: {"objective": km.InfoNCE() + km.Sinkhorn()},
    "Reconstruct": lambda: {"objective": km.Reconstruct(), "dim": 16},
    "CrossReconstruct": lambda: {"objective": km.CrossReconstruct(), "dim": 16},
    "CycleConsistency": lambda: {"objective": km.Reconstruct() + km.CycleConsistency(), "dim": 16},
    "Elbo subsets": lambda: {"objective": km.Elbo(beta=0.5), "dim": 16},
    "Elbo product": lambda: {"objective": km.Elbo(ProductOfExperts()), "dim": 16},
    "Elbo mixture": lambda: {"objective": km.Elbo(MixtureOfExperts()), "dim": 16},
    "MVAE sub-sampled": lambda: {"objective": km.MVAE(subsample=1, warmup=0.3), "dim": 16},
    "MMVAE": lambda: {"objective": km.MMVAE(), "dim": 16},
    "Elbo attention": lambda: {
        "objective": km.Elbo(beta=0.5),
        "fusion": km.Attention("additive", query="b"),
        "dim": 16,
    },
    "Elbo gating": lambda: {"objective": km.Elbo(km.Gating(experts=3)), "dim": 16},
    "MVTCAE tensor fusion": lambda: {"objective": km.MVTCAE(beta=1), "fusion": km.TensorFusion(rank=8), "dim": 16},
    "MVTCAE": lambda: {"objective": km.MVTCAE(beta=1), "dim": 16},
    "MMVM": lambda: {"objective": km.MMVM(beta=5), "dim": 16},
    "MMVAE+": lambda: {"objective": km.MMVAEPlus(beta=1, private=4), "dim": 16},
    "Minimax": lambda: {"objective": km.Minimax("a", "b"), "dim": 16, "decoders": {"b": Generator(16, 24, noise=4)}},
    "Minimax mismatched": lambda: {
        "objective": km.Minimax("a", "b", mismatched=True),
        "dim": 16,
        "decoders": {"b": Generator(16, 24, noise=4)},
    },
    "R3": lambda: {"objective": km.R3("a", "b", ema=0.9), "dim": 16, "decoders": {"b": Generator(16, 24, noise=4)}},
    "R3 of any column": lambda: {
        "objective": km.R3(None, "b", hard=True, every=3, self_conditioning=0.2),
        "dim": 16,
        "decoders": {"b": Generator(16, 24, noise=4, linear=True)},
    },
    "Minimax of any column": lambda: {
        "objective": km.Minimax(None, "b", mismatched=True),
        "dim": 16,
        "decoders": {"b": Generator(16, 24, noise=4, layers=2)},
    },
    "Minimax by SGD": lambda: {
        "objective": km.Minimax(
            None, "b", optimizer="sgd", mismatched=True, penalty=1.0, instance_noise=0.1, mode_seeking=0.03
        ),
        "dim": 16,
        "decoders": {"b": Generator(16, 24, noise=4)},
    },
    "LSGAN": lambda: {
        "objective": km.LSGAN("a", "b", ema=0.9),
        "dim": 16,
        "decoders": {"b": Generator(16, 24, noise=4, linear=True)},
    },
    "LSGAN of any column": lambda: {
        "objective": km.LSGAN(None, "b", paired=0.0, self_conditioning=0.2),
        "dim": 16,
        "decoders": {"b": Generator(16, 24, noise=0, layers=2)},
    },
    "Decode": lambda: {
        "objective": Decode(("a", "b"), self_conditioning=0.2),
        "dim": 16,
        "decoders": {"a": Likelihood(16, 30), "b": FlowDecoder(16, 24, width=16, layers=1)},
    },
    "ModalityDiscriminator": lambda: {"objective": km.ModalityDiscriminator()},
    "InfoNCE + ModalityDiscriminator": lambda: {"objective": km.InfoNCE() + 0.1 * km.ModalityDiscriminator()},
    "ACMR": lambda: {"objective": km.ACMR(classes=3)},
    "InfoNCE + Reconstruct": lambda: {"objective": km.InfoNCE() + 0.5 * km.Reconstruct(), "dim": 16},
    "UncertaintyWeighted": lambda: {
        "objective": km.UncertaintyWeighted(km.InfoNCE() + 0.5 * km.Reconstruct()),
        "dim": 16,
    },
}
NAMES = ["red", "green", "blue", "circle", "square", "一只猫", "圆形"]
CLOSED: dict[str, Callable[[], dict[str, Any]]] = {"CCA": lambda: {"objective": km.CCA()}}
# Learn from unpaired rows: the table of each law has some.
UNPAIRED = ("Sinkhorn", "KLOT", "InfoNCE + Sinkhorn")
# Move decoders alone: the space stays where it is.
DECODING = ("R3 of any column", "Minimax of any column", "Minimax by SGD", "LSGAN", "LSGAN of any column", "Decode")
# Labels of `small_toy` say nothing of its rows: who learns by label is judged in test_supervised_learning.py.
NOT_ROWS = (
    "Reconstruct",
    "InfoNCE by label",
    "SigLIP by label",
    "Triplet semi-hard by label",
    "ACMR",
    "ModalityDiscriminator",
    "CycleConsistency",
    *UNPAIRED,
    *DECODING,
)
ALIGNING = {**CLOSED, **{name: make for name, make in TRAINED.items() if name not in NOT_ROWS}}


def small_toy(rows: int = 200, *, names: tuple[str, ...] = ("a", "b"), holes: float = 0.0, seed: int = 0) -> km.Table:
    """Labels are a third of the rows each; every seventh row has none."""
    table = km.datasets.toy(rows, modalities=names, dims=(30, 24), correlations=(0.95,) * 8, holes=holes, seed=seed)
    table.labels = [None if i % 7 == 0 else f"label {i % 3}" for i in range(rows)]
    return table


def words() -> TokenMean:
    """A small text encoder to train; the same weights each time."""
    torch.manual_seed(11)
    return TokenMean(train_tokenizer(NAMES), dim=8)


def raw_text_table(rows: int) -> km.Table:
    """Vectors a and texts b of the same row."""
    texts = [f"{NAMES[i % 7]} {NAMES[i % 5]}" for i in range(rows)]
    toy = small_toy(rows)
    vectors = [toy[i]["a"] for i in range(rows)]
    return km.Table({"a": vectors, "b": texts}, modalities={"a": km.Vector(), "b": km.Text()})
