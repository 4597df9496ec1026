"""Record the bounds, gradients and likelihoods of MultiVae, so that the parity tests do not need it.

    python -m pip install --target FOLDER multivae      (its torchvision is looked for, and not used here)
    PYTHONPATH=FOLDER python tests/objectives/record_multivae.py

Writes `fixtures/multivae.json`. Weights, data and noise are remade from a seed by `fixture_arrays`; what the models
draw is replaced by that noise. Likelihoods: a normal, b Bernoulli, c categorical.
"""

from __future__ import annotations

import json
import sys
import types
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np

FIXTURE = Path(__file__).parents[1] / "fixtures" / "parity" / "multivae.json"
COLUMNS = {"a": 5, "b": 6, "c": 3}
DIM, PRIVATE, HIDDEN, ROWS = 4, 2, 3, 7
SAMPLES = 16
WEIGHTS = {"a": 1.0, "b": 2.0, "c": 3.0}
BETA, ALPHA = 1.5, 0.7


def fixture_arrays() -> dict[str, Any]:
    """Weights, data and noise, from legacy RandomState, whose numbers never change between NumPy versions."""
    rng = np.random.RandomState(5)

    def normal(*shape: int) -> np.ndarray:
        return (0.5 * rng.standard_normal(shape)).astype(np.float32)

    found: dict[str, Any] = {}
    for name, size in COLUMNS.items():
        found[name] = {
            "linear.weight": normal(DIM, size), "linear.bias": normal(DIM),
            "spread.weight": normal(DIM, size), "spread.bias": normal(DIM),
            "net.weight": normal(size, DIM), "net.bias": normal(size),
            "private.weight": normal(size, DIM + PRIVATE), "private.bias": normal(size),
            "infer.0.weight": normal(HIDDEN, size), "infer.0.bias": normal(HIDDEN),
            "infer.2.weight": normal(2 * PRIVATE, HIDDEN), "infer.2.bias": normal(2 * PRIVATE),
            "prior_logvar": normal(PRIVATE),
        }  # fmt: skip
    data = {"a": normal(ROWS, 5), "b": (normal(ROWS, 6) > 0).astype(np.float32)}
    data["c"] = np.eye(3, dtype=np.float32)[rng.randint(0, 3, ROWS)]
    noise = {f"z/{name}": normal(ROWS, DIM) * 2 for name in ("joint", *COLUMNS)}
    noise |= {f"w/{source}/{made}": normal(ROWS, PRIVATE) * 2 for source in COLUMNS for made in COLUMNS}
    noise["samples"] = normal(SAMPLES, ROWS, DIM) * 2
    return {"columns": found, "data": data, "noise": noise}


def models(arrays: dict[str, Any]) -> dict[str, tuple[Any, list[str]]]:
    """Name → model of MultiVae with these weights, and the noise that it will ask for, in its order."""
    import torch
    from multivae import models as mv
    from multivae.models.base import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from torch import nn

    def linear(weights: dict[str, np.ndarray], key: str) -> nn.Linear:
        weight = weights[f"{key}.weight"]
        layer = nn.Linear(weight.shape[1], weight.shape[0])
        layer.load_state_dict({p: torch.from_numpy(weights[f"{key}.{p}"]) for p in ("weight", "bias")})
        return layer

    class Encoder(BaseEncoder):
        def __init__(self, weights: dict[str, np.ndarray], private: bool) -> None:
            super().__init__()
            self.linear, self.spread = linear(weights, "linear"), linear(weights, "spread")
            self.latent_dim = DIM
            if private:
                self.infer = nn.Sequential(linear(weights, "infer.0"), nn.GELU(), linear(weights, "infer.2"))

        def forward(self, x: Any) -> Any:
            out = ModelOutput(embedding=self.linear(x), log_covariance=self.spread(x))
            if hasattr(self, "infer"):
                out["style_embedding"], out["style_log_covariance"] = self.infer(x).chunk(2, -1)
            return out

    class Decoder(BaseDecoder):
        def __init__(self, weights: dict[str, np.ndarray], key: str) -> None:
            super().__init__()
            self.net, self.latent_dim = linear(weights, key), DIM

        def forward(self, z: Any) -> Any:
            return ModelOutput(reconstruction=self.net(z))

    def make(kind: str, **options: Any) -> Any:
        private = kind == "MMVAEPlus"
        config = getattr(mv, f"{kind}Config")(
            n_modalities=3, latent_dim=DIM, input_dims={name: (size,) for name, size in COLUMNS.items()},
            uses_likelihood_rescaling=True, rescale_factors=dict(WEIGHTS),
            decoders_dist={"a": "normal", "b": "bernoulli", "c": "categorical"}, **options,
        )  # fmt: skip
        each = arrays["columns"]
        encoders = {name: Encoder(each[name], private) for name in COLUMNS}
        decoders = {name: Decoder(each[name], "private" if private else "net") for name in COLUMNS}
        model = getattr(mv, kind)(config, encoders, decoders)
        if private:
            for name in COLUMNS:
                model.logvars_priors[name].data.copy_(torch.from_numpy(each[name]["prior_logvar"])[None])
        return model

    normal = {"K": 1, "prior_and_posterior_dist": "normal", "loss": "iwae_looser"}
    alone = [f"z/{name}" for name in COLUMNS]
    plus = []
    for source in COLUMNS:
        plus += [f"z/{source}", f"w/{source}/{source}"]
        plus += [f"w/{source}/{made}" for made in COLUMNS if made != source]
    return {
        "MVAE": (make("MVAE", beta=BETA, warmup=0, use_subsampling=False), ["z/joint"]),
        "MVAE sub-sampled": (make("MVAE", beta=BETA, warmup=0, use_subsampling=True, k=0), ["z/joint", *alone]),
        "MMVAE": (make("MMVAE", learn_prior=False, **normal), alone),
        "MoPoE": (make("MoPoE", beta=BETA), ["z/joint"]),
        "MVTCAE": (make("MVTCAE", beta=BETA, alpha=ALPHA), ["z/joint"]),
        "MMVAE+": (make("MMVAEPlus", beta=BETA, modalities_specific_dim=PRIVATE, **normal), plus),
    }


def replay(model: Any, noise: list[np.ndarray]) -> None:
    """Let a model draw this noise, one array after the other."""
    import torch
    from torch import distributions

    left = [torch.from_numpy(one) for one in noise]
    module = import_module(type(model).__module__)

    def rsample_from_gaussian(mean: Any, logvar: Any, *_: Any, **__: Any) -> Any:
        return mean + (0.5 * logvar).exp() * left.pop(0)

    class Recomputed(distributions.Normal):
        def rsample(self, shape: Any = ()) -> Any:
            return (self.loc + self.scale * left.pop(0))[None]

    module.rsample_from_gaussian = rsample_from_gaussian
    if hasattr(model, "post_dist"):
        model.post_dist = model.prior_dist = Recomputed


def likelihood(model: Any, data: Any, noise: np.ndarray) -> float:
    """log p of all columns, the mean over rows, by importance sampling from the joint code of a row."""
    import torch
    from torch import distributions

    class Recomputed(distributions.Normal):
        def rsample(self, shape: Any = ()) -> Any:
            return self.loc + self.scale * torch.from_numpy(noise)

    import_module(type(model).__module__).dist = types.SimpleNamespace(Normal=Recomputed)  # type: ignore[attr-defined]
    return -float(model.compute_joint_nll(data, K=SAMPLES, batch_size_K=SAMPLES)) / ROWS


def main() -> None:
    """Run every model on the same rows and write its loss per row, and gradients of encoders and decoders."""
    import torch
    from multivae.data.datasets import MultimodalBaseDataset

    arrays = fixture_arrays()
    data = MultimodalBaseDataset(data={name: torch.from_numpy(x) for name, x in arrays["data"].items()})
    found: dict[str, Any] = {"multivae": metadata.version("multivae"), "torch": torch.__version__, "models": {}}
    for name, (model, order) in models(arrays).items():
        replay(model, [arrays["noise"][key] for key in order])
        loss = model(data).loss / (ROWS if name in ("MMVAE", "MMVAE+") else 1)  # these give the batch's sum
        loss.backward()
        gradients = {}
        for column in COLUMNS:
            encoder, decoder = model.encoders[column], model.decoders[column]
            gradients[f"{column}.linear"] = encoder.linear.weight.grad.tolist()
            gradients[f"{column}.spread"] = encoder.spread.weight.grad.tolist()
            gradients[f"{column}.net"] = decoder.net.weight.grad.tolist()
        found["models"][name] = {"loss": float(loss.detach()), "gradients": gradients}
        if name in ("MVAE", "MVTCAE"):
            found["models"][name]["log p"] = likelihood(model, data, arrays["noise"]["samples"])
        print(name, float(loss.detach()))
    FIXTURE.write_text(json.dumps(found) + "\n")


def without_torchvision() -> None:
    """Stand-ins for what MultiVae imports and the bounds never call."""

    def stand_in(what: str) -> Any:
        if what.startswith("__"):
            raise AttributeError(what)
        return type(what, (), {})

    names = ["torchvision", *(f"torchvision.{part}" for part in ("utils", "transforms", "datasets", "models", "io"))]
    names += ["torchvision.datasets.utils", "torchvision.transforms.functional", "torchvision.models.inception"]
    for name in names:
        module = types.ModuleType(name)
        module.__path__ = []  # type: ignore[attr-defined]
        module.__file__ = f"<{name}>"
        module.__getattr__ = stand_in  # type: ignore[method-assign]
        sys.modules[name] = module


if __name__ == "__main__":
    without_torchvision()
    main()
