"""The convolutional GAN: pixels there and back, networks of any canvas, the recipe and its training."""

from pathlib import Path

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.generation.codecs.image_pixels import ImagePixels
from kuamo.generation.decoder_training import by_training
from kuamo.generation.decoders.conv_generator import ConvGenerator
from kuamo.generation.registry import parse_specs
from kuamo.objectives.conv_critic import ConvCritic
from kuamo.objectives.gan import logits_of
from kuamo.training.run import Run

SHORT = km.Training(steps=4, batch_size=16)
GAN = km.GAN(game="minimax", network="conv", features=4, noise=3)


class Small:
    fingerprint = "small/1"

    def prepare(self, value: np.ndarray) -> np.ndarray:
        return value[::2, ::2].astype(np.float32).reshape(-1) / 255

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(batch, np.float32)


@pytest.fixture(scope="module")
def shapes() -> km.Table:
    return km.datasets.shapes(rows=60, size=8)


@pytest.fixture(scope="module")
def start(shapes: km.Table) -> km.Space:
    encoders = {"image": Small(), "text": km.encoders.BagOfWords.of(shapes.labels)}
    return km.fit(shapes, km.CCA(dim=4, kernels=("linear",)), encoders=encoders)


def test_pixels_come_back_as_they_were(shapes: km.Table) -> None:
    codec = ImagePixels.of(shapes, "image")
    pictures = list(shapes.values("image"))
    y = codec.encode(pictures)
    assert y.shape == (60, 192) and y.min() >= -1 and y.max() <= 1
    assert np.array_equal(np.stack(codec.decode(y)), np.stack(pictures))
    assert codec.decode(y + 9)[0].max() == 255  # and no wrap around
    assert ImagePixels.of(shapes, "image", size=(10, 15)) == ImagePixels(8, 16)
    grey = km.Table({"text": ["a", "b"], "image": [np.repeat(p[..., :1], 3, 2) for p in pictures[:2]]})
    one = ImagePixels.of(grey, "image")
    assert one == ImagePixels(8, 8, 1) and one.out == 64
    assert np.array_equal(one.decode(one.encode(list(grey.values("image"))))[1], grey[1]["image"])
    with pytest.raises(km.KuamoError, match="given a canvas of 30 × 32; expected multiples of 4"):
        ImagePixels(30, 32)


@pytest.mark.parametrize("size", [(4, 4), (8, 12), (28, 28), (32, 32), (48, 64), (20, 36)])
def test_networks_fit_any_canvas_and_every_parameter_learns(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    generator = ConvGenerator(5, *size, noise=3, features=4, channels=1)
    critic = generator.critic(5)
    z = torch.randn(6, 5)
    made = generator.generate(z, torch.randn(6, 3))
    assert made.shape == (6, size[0] * size[1]) and made.abs().max() <= 1
    critic(made, z).sum().backward()
    for module in (generator, critic):
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())


def test_upsampling_is_torchs_bilinear() -> None:
    generator = ConvGenerator(2, 12, 20)
    h = torch.randn(2, 3, 6, 10)
    expected = torch.nn.functional.interpolate(h, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(generator.rows @ (h @ generator.columns.T), expected, atol=1e-6)


def test_several_codes_of_one_picture_are_judged_as_one_after_the_other() -> None:
    torch.manual_seed(0)
    critic = ConvCritic(8, 8, 4, features=4)
    y, z, other = torch.randn(5, 192), torch.randn(5, 4), torch.randn(5, 4)
    for found, code in zip(logits_of(critic, y, [z, other]), (z, other)):
        assert torch.allclose(found, critic(y, code))
    alone = ConvCritic(8, 8, 0, features=4)
    assert alone(y).shape == (5,)


@pytest.mark.parametrize("game", ["minimax", "r3", "nonsaturating"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", None])
def test_pictures_are_made_kept_and_made_again(
    shapes: km.Table, start: km.Space, tmp_path: Path, game: str, optimizer: str | None
) -> None:
    recipe = km.GAN(game=game, network="conv", features=4, noise=3, optimizer=optimizer)
    space = km.fit(shapes, init=start, decoders={"image": recipe}, training=SHORT)
    assert np.array_equal(np.asarray(space.encode(shapes)), np.asarray(start.encode(shapes)))
    one, again, other = (space.translate("a red circle", to="image", samples=2, seed=seed)[0] for seed in (1, 1, 2))
    assert one[0].shape == (8, 8, 3) and np.array_equal(one, again) and not np.array_equal(one, other)
    space.save(tmp_path / "space")
    loaded = km.Space.load(tmp_path / "space", custom={"image": (None, Small())})
    assert np.array_equal(loaded.translate("a red circle", to="image", samples=2, seed=1)[0], one)


def test_the_space_player_has_nothing_to_do_where_the_generator_is_one(shapes: km.Table, start: km.Space) -> None:
    first = km.fit(shapes, init=start, decoders={"image": GAN}, training=SHORT).port("image").decoder
    longer = km.Training(steps=4, batch_size=16, lr=1.0, optimizer="sgd")  # of the space: it plays no part
    second = km.fit(shapes, init=start, decoders={"image": GAN}, training=longer).port("image").decoder
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values()))


def test_each_recipe_has_the_training_that_suits_it(shapes: km.Table) -> None:
    recipes = {"image": GAN, "audio": km.Flow(), "pose": km.Gaussian()}
    found = by_training(dict.fromkeys(recipes, None), recipes, Run(), 5000)
    assert [(training.batch_size, sorted(names)) for training, names in found.items()] == [
        (32, ["image"]), (256, ["audio", "pose"])
    ]  # fmt: skip
    assert list(by_training(dict.fromkeys(recipes, None), recipes, Run(training=SHORT), 5000)) == [SHORT]


def test_the_command_line_names_game_network_and_optimizer() -> None:
    found = parse_specs(["image=gan:minimax:conv:sgd", "a=gan:conv", "b=gan"])
    assert found == {
        "image": km.GAN(game="minimax", network="conv", optimizer="sgd"), "a": km.GAN(network="conv"), "b": km.GAN()
    }  # fmt: skip
    with pytest.raises(km.KuamoError, match="given gan:cnn; expected some of"):
        parse_specs(["image=gan:cnn"])


def test_what_is_no_picture_is_refused(shapes: km.Table, start: km.Space) -> None:
    with pytest.raises(
        km.TableError, match="column 'text': given network='conv' for Text; expected a column of images"
    ):
        km.fit(shapes, init=start, decoders={"text": GAN}, training=SHORT)
    codec = km.ImagePCA.of(shapes, "image", components=4)
    with pytest.raises(km.KuamoError, match="given network='conv' and ImagePCA; expected the codec ImagePixels"):
        km.fit(shapes, init=start, decoders={"image": GAN}, codecs={"image": codec}, training=SHORT)
    with pytest.raises(km.KuamoError, match=r"given network='cnn'; expected one of \('perceptron', 'conv'\)"):
        km.GAN(network="cnn")
    with pytest.raises(km.KuamoError, match="given optimizer='lbfgs'; expected one of"):
        km.GAN(optimizer="lbfgs")
    for wrong in ({"penalty": -1.0}, {"lr": 0.0}, {"ema": 1.0}, {"every": 0}, {"given": "b", "to": "b"}):
        with pytest.raises(km.KuamoError, match="expected two columns, lr > 0"):
            km.Minimax(**wrong)
