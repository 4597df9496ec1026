"""Sounds that are moved in training: what moves, what does not, and when."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import kuamo as km

pytest.importorskip("librosa", reason="mel filters need librosa")
from kuamo.encoders.audio_augmentation import SpectrogramAugment
from kuamo.encoders.audio_cnn import AudioCNN

STILL = {"warp": 0.0, "speed": 0.0, "shift": 0.0, "tilt": 0.0, "noise": 0.0, "mask": 0.0}
HERTZ = torch.linspace(100, 4000, 16)


def energy() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    frames = torch.tensor([20, 12])
    return torch.randn(2, 16, 20) * (torch.arange(20) < frames[:, None, None]), frames


def encoder(**options: object) -> AudioCNN:
    torch.manual_seed(0)
    small = {"dim": 8, "width": 8, "rate": 8000, "mels": 16, "n_fft": 128, "hop": 80}
    return AudioCNN(**small, **options)  # type: ignore[arg-type]


def batch(net: AudioCNN) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    sounds = [km.modalities.Waveform(rng.normal(size=n).astype(np.float32), 8000) for n in (4000, 1600, 900)]
    return net.collate([net.prepare(sound) for sound in sounds])


def test_nothing_moves_where_nothing_is_asked_for() -> None:
    before, frames = energy()
    after, now = SpectrogramAugment(**STILL).energies(before, frames, HERTZ)
    assert torch.equal(now, frames)
    for one, other, count in zip(before, after, frames.tolist(), strict=True):
        assert torch.allclose(one[:, :count], other[:, :count], atol=1e-5)


def test_a_lower_voice_is_lower_and_a_faster_one_shorter() -> None:
    _, frames = energy()
    tone = torch.zeros(2, 16, 20)
    tone[:, 8] = 1.0
    torch.manual_seed(3)
    moved, now = SpectrogramAugment(**STILL | {"warp": 0.4, "speed": 0.4}).energies(tone, frames, HERTZ)
    peak = moved[..., : int(now.min())].mean(-1).argmax(1)
    assert set(peak.tolist()) != {8} and not torch.equal(now, frames)
    for one, count in zip(now.tolist(), frames.tolist(), strict=True):
        assert 0.66 * count - 1 <= one <= 1.5 * count + 1


@pytest.mark.parametrize("frames", [0, 16])
def test_runs_repeat_and_only_training_moves(frames: int) -> None:
    net = encoder(augment={}, frames=frames)
    x = batch(net)
    torch.manual_seed(5)
    first = net(x)
    torch.manual_seed(5)
    assert torch.equal(first, net(x))
    assert not torch.equal(first, net(x))
    assert torch.isfinite(first).all()
    still = encoder(frames=frames).eval()
    assert torch.equal(net.eval()(x), still(x))


@pytest.mark.parametrize("frames", [0, 16])
def test_features_do_not_depend_on_what_else_is_in_the_batch(frames: int) -> None:
    net = encoder(frames=frames, trim=40.0).eval()
    power, count = batch(net)
    together = net((power, count))
    for i, n in enumerate(count.tolist()):
        assert torch.allclose(net((power[i : i + 1, :, :n], count[i : i + 1])), together[i : i + 1], atol=1e-5)


@pytest.mark.parametrize("frames", [0, 16])
def test_a_sound_of_one_moment_survives_training(frames: int) -> None:
    net = encoder(augment={"shift": 0.4, "mask": 0.4}, frames=frames)
    item = net.prepare(km.modalities.Waveform(np.zeros(0, np.float32), 8000))
    assert torch.isfinite(net(net.collate([item, item]))).all()


def test_a_word_spoken_slowly_is_the_same_word() -> None:
    net = encoder(frames=16).eval()
    sweep = {n: np.sin(600 * np.linspace(0, 1, n) ** 2).astype(np.float32) for n in (4000, 4400)}
    fast, slow = (net.prepare(km.modalities.Waveform(x, 8000)) for x in sweep.values())
    assert fast.shape == slow.shape == (16, 16)
    assert np.corrcoef(np.log(fast + 1e-4).ravel(), np.log(slow + 1e-4).ravel())[0, 1] > 0.9


def test_noise_on_spectra_is_that_of_white_noise() -> None:
    net = encoder()
    samples = np.random.default_rng(0).normal(size=80000).astype(np.float32)
    heard = torch.from_numpy(net.prepare(km.modalities.Waveform(samples, 8000)))[:, 2:-2].mean(1)
    torch.manual_seed(0)
    white = net.filters.sum(1) * net.window.square().sum()
    drawn = SpectrogramAugment(noise=0.3).power(torch.zeros(4000, 16, 8), white).mean((0, 2))
    assert torch.allclose(heard / heard.mean(), drawn / drawn.mean(), rtol=0.15)
    assert torch.allclose(white, heard, rtol=0.15)
    assert torch.equal(SpectrogramAugment(noise=0.0).power(torch.ones(2, 16, 3), white), torch.ones(2, 16, 3))


def test_silence_at_the_ends_is_cut() -> None:
    net = encoder(trim=40.0)
    sound = np.concatenate([np.zeros(800), np.ones(1600), np.zeros(2400)]).astype(np.float32)
    assert net.prepare(km.modalities.Waveform(sound, 8000)).shape[1] == 1 + 1600 // 80
    assert net.prepare(km.modalities.Waveform(np.zeros(800, np.float32), 8000)).shape[1] == 1 + 800 // 80


def test_it_is_stored_and_bad_numbers_are_refused() -> None:
    net = encoder(augment={"warp": 0.2}, frames=16, trim=30.0, dropout=0.1)
    again = AudioCNN(**net.config())
    again.load_state_dict(net.state_dict())
    assert again.augment == SpectrogramAugment(warp=0.2) and again.config() == net.config()
    for wrong in ({"mask": 0.6}, {"warp": -0.1}):
        with pytest.raises(km.KuamoError, match=next(iter(wrong))):
            SpectrogramAugment(**wrong)
    with pytest.raises(km.KuamoError, match="frames"):
        encoder(frames=12)
