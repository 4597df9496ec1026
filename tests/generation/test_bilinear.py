"""A content in a style: ridge on their product with a learned likeness of styles, also where the two never met."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kuamo as km
from kuamo.generation.codecs.image_difference import ImageDifferencePCA
from kuamo.generation.decoders.bilinear import PENALTIES, BilinearDecoder, chosen, kernel, solve_bilinear
from kuamo.generation.registry import parse_specs


def products(
    contents: int = 40, styles: int = 5, noise: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """z, t, y = A z + s (B z) of styles that lie on a line s, and which rows are known: four fifths of them."""
    rng = np.random.default_rng(0)
    z, t = rng.normal(size=(contents, 6)), np.zeros((styles, 6))
    t[np.arange(styles), np.arange(styles)] = 1
    c, s = np.repeat(np.arange(contents), styles), np.tile(np.arange(styles), contents)
    amount = np.linspace(-1, 1, styles)[s][:, None]
    y = z[c] @ rng.normal(size=(6, 12)) + amount * (z[c] @ rng.normal(size=(6, 12)) + 2)
    return z[c], t[s], y + noise * rng.normal(size=y.shape), rng.random(len(c)) > 0.2


def explained(made: np.ndarray, y: np.ndarray) -> float:
    return float(1 - np.square(made - y).sum() / np.square(y - y.mean(0)).sum())


def test_combinations_that_never_met_are_made() -> None:
    z, t, y, known = products(noise=0.1)
    decoder = solve_bilinear(z[known], t[known], y[known], ["style"])
    made = decoder.sample(np.concatenate([z, t], axis=1))
    assert explained(made[~known], y[~known]) > 0.9
    assert decoder.error == pytest.approx(np.sqrt(1 - explained(made[~known], y[~known])), abs=0.15)


def test_what_styles_have_in_common_is_learned() -> None:
    """Negative control: with styles that are unlike each other by assumption, unseen combinations come out worse."""
    z, t, y, known = products(noise=0.1)
    rng = np.random.default_rng(1)
    strangers = rng.normal(size=(len(y), 12))
    decoder = solve_bilinear(z[known], t[known], y[known], ["style"])
    both = np.concatenate([z, t], axis=1)
    plain = dual(decoder, z[known], t[known], y[known], both, np.eye(len(decoder.mixing)), 1e-3)
    assert explained(decoder.sample(both)[~known], y[~known]) > explained(plain[~known], y[~known]) + 0.02
    nothing = solve_bilinear(z[known], t[known], strangers[known], ["style"])
    assert nothing.error > 0.9


def dual(
    decoder: BilinearDecoder, z: np.ndarray, t: np.ndarray, y: np.ndarray, new: np.ndarray, q: np.ndarray, lam: float
) -> np.ndarray:
    """Kernel ridge as the formula has it: K = k(z, z′) · ψᵀQψ′, each row's level taken off before."""
    content, style = np.split(new, 2, axis=1)
    psi, other = decoder.psi(t), decoder.psi(style)
    usual = (psi @ q * psi).sum(1).mean()
    gram = kernel(z, z, decoder.width) * (psi @ q @ psi.T) / usual
    weight = np.linalg.solve(gram + lam * np.eye(len(z)), y - psi @ decoder.level)
    return other @ decoder.level + kernel(content, z, decoder.width) * (other @ q @ psi.T) / usual @ weight


def test_it_is_kernel_ridge() -> None:
    z, t, y, known = products()
    decoder = solve_bilinear(z[known], t[known], y[known], ["style"], penalty=0.01)
    both = np.concatenate([z, t], axis=1)
    expected = dual(
        decoder, z[known], t[known], y[known], both, decoder.mixing.T @ decoder.mixing, 0.01
    )  # (1 + r)-dimensional features, or as many weights as rows: the same
    assert np.allclose(decoder.sample(both), expected, atol=1e-3)


def test_what_is_left_out_is_left_out() -> None:
    """The error of one solution's formula is that of as many solutions as there are groups."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 8)), rng.normal(size=(30, 3))
    groups = np.repeat(np.arange(10), 3)
    for lam in PENALTIES:
        error = 0.0
        for group in range(10):
            kept = groups != group
            weight = np.linalg.solve(x[kept].T @ x[kept] + lam * np.eye(8), x[kept].T @ y[kept])
            error += np.square(y[~kept] - x[~kept] @ weight).sum()
        _, found = chosen(x, y, groups, y, [lam])
        assert found == pytest.approx(np.sqrt(error / np.square(y - y.mean(0)).sum()))


def test_the_order_of_rows_does_not_matter() -> None:
    z, t, y, _ = products(contents=12)
    order = np.random.default_rng(0).permutation(len(y))
    one, other = (solve_bilinear(z[o], t[o], y[o], ["style"]) for o in (np.arange(len(y)), order))
    assert np.allclose(one.sample(np.concatenate([z, t], 1)), other.sample(np.concatenate([z, t], 1)), atol=1e-3)


def test_many_contents_share_landmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kuamo.generation.decoders.bilinear.FEATURES", 100)
    z, t, y, known = products(contents=60)
    decoder = solve_bilinear(z[known], t[known], y[known], ["style"])
    assert len(decoder.landmarks) == 20
    assert explained(decoder.sample(np.concatenate([z, t], axis=1))[~known], y[~known]) > 0.5


def vectors() -> km.Table:
    z, t, y, _ = products(contents=30)
    style: list[object] = [str(int(row.argmax())) for row in t]
    cells: list[object] = list(y.astype(np.float32))
    cells[7] = style[3] = None
    kinds = {"content": km.Vector(), "style": km.Vector(), "made": km.Vector()}
    coded = [None if one is None else np.eye(5, dtype=np.float32)[int(str(one))] for one in style]
    return km.Table({"content": list(z.astype(np.float32)), "style": coded, "made": cells}, modalities=kinds)


@pytest.fixture(scope="module")
def space() -> km.Space:
    return km.fit(vectors(), km.CCA(dim=6), decoders={"made": km.Bilinear(style="style")})


def test_a_space_makes_what_two_columns_say(space: km.Space, tmp_path: Path) -> None:
    rows = vectors().take([5, 6, 8]).select("content", "style")
    made = space.translate(rows, to="made", samples=2)
    assert made.shape == (3, 2, 12) and np.array_equal(made[:, 0], made[:, 1])
    assert explained(made[:, 0], np.stack([vectors()[i]["made"] for i in (5, 6, 8)])) > 0.8
    space.save(tmp_path / "s.space")
    assert np.array_equal(km.Space.load(tmp_path / "s.space").translate(rows, to="made", samples=2), made)
    together = space.translate(rows, to=["made", "content"], chained=True)
    assert np.array_equal(together["made"], made[:, 0])


def test_holes_are_filled_where_both_are_there(space: km.Space) -> None:
    filled, unsure = space.impute(vectors(), ["made"])
    assert filled[7]["made"] is not None and 0 < unsure["made"][7] < 1
    holed = km.Table(
        {
            name: [None if name != "content" else column[i] for i in range(4)]
            for name, column in vectors().columns.items()
        },
        modalities=vectors().modalities,
    )
    assert np.isnan(space.impute(holed, ["made"])[1]["made"]).all()


def test_a_report_makes_it_of_the_content_in_its_style(space: km.Space) -> None:
    report = km.evaluate(space, vectors(), generated=["made"], examples=0)
    assert report.intervals["content_to_made_gen_R2"].value > 0.8
    assert "style_to_made_gen_R2" not in report.intervals


def test_what_it_cannot_be_made_of_is_refused(space: km.Space) -> None:
    with pytest.raises(km.TableError, match=r"row 1: too few cells.*a cell of 'style', and one of another column"):
        space.translate(vectors().take([0, 3]).select("content", "style"), to="made")
    with pytest.raises(km.KuamoError, match="generated from the codes of several columns"):
        space.decode(np.zeros((1, 6)), to="made")
    for wrong in ({"by": ()}, {"by": "a", "of": "a"}, {"by": "a", "penalty": 0.0}):
        with pytest.raises(km.KuamoError, match="expected style="):
            km.Bilinear(**wrong)  # type: ignore[arg-type]
    with pytest.raises(km.TableError, match="'none'"):
        km.fit(vectors(), init=space, decoders={"made": km.Bilinear(style="none")})
    with pytest.raises(km.TableError, match="expected other columns than itself"):
        km.fit(vectors(), init=space, decoders={"made": km.Bilinear(style="made")})
    with pytest.raises(km.TableError, match="a column of the content is missing"):
        km.fit(vectors(), init=space, decoders={"made": km.Bilinear(style=("style", "content"))})
    with pytest.raises(km.TableError, match="column 'made': given Vector; expected images"):
        km.fit(vectors(), init=space, decoders={"made": km.Bilinear(style="style", base="content")})


def test_the_command_line_names_its_columns() -> None:
    named = parse_specs(["image=bilinear:tone,light:base", "a=b=bilinear:tone"])
    assert named == {"image": km.Bilinear(("tone", "light"), "base"), "a=b": km.Bilinear(("tone",))}
    for wrong, why in (("image=bilinear", "expected bilinear:STYLE"), ("image=flow:x", "expected 'flow' alone")):
        with pytest.raises(km.KuamoError, match=why):
            parse_specs([wrong])


# ── pictures that change ─────────────────────────────────────────────────────────────────────────────────────────


def tinted() -> km.Table:
    """Twenty grey discs of all sizes, and the same in each of three colours; the ground stays."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16]
    bases, images, colours = [], [], []
    for _ in range(20):
        inside = (np.square(y - 8) + np.square(x - 8) < rng.uniform(4, 50))[..., None]
        ground = rng.integers(100, 255, 3)
        for colour in np.eye(3, dtype=np.float32):
            bases.append(np.where(inside, 128, ground).astype(np.uint8))
            images.append(np.where(inside, 200 * colour, ground).astype(np.uint8))
            colours.append(colour)
    return km.Table(
        {"base": bases, "colour": colours, "image": images},
        modalities={"base": km.Image(), "colour": km.Vector(), "image": km.Image()},
    )


def test_a_change_is_put_on_the_picture_that_it_changes(tmp_path: Path) -> None:
    table = tinted()
    codec = ImageDifferencePCA.of_columns(table, "image", "base")
    before, after = (list(table.values(name)) for name in ("base", "image"))
    y = codec.encode(after, before)
    back = codec.decode(y, before)
    assert y.shape == (60, codec.out) and np.abs(np.stack(back).astype(int) - np.stack(after)).mean() < 3
    assert codec.round_trip(after, before)["explained"] > 0.95
    space = km.fit(km.datasets.toy(rows=60), km.CCA(dim=2))
    space.port("a").codec = codec
    space.save(tmp_path / "s.space")
    again = km.Space.load(tmp_path / "s.space").port("a").codec
    assert all(np.array_equal(*pair) for pair in zip(again.decode(y, before), back, strict=True))
    large = [np.kron(one, np.ones((2, 2, 1), np.uint8)) for one in before]
    assert codec.decode(y, large)[0].shape == (16, 16, 3)
    with pytest.raises(km.KuamoError, match="expected \\(n, "):
        codec.decode(np.zeros((1, codec.out + 1)), before)


def test_pictures_are_changed_in_a_space() -> None:
    table = tinted()
    known = np.arange(60) % 10 != 0
    holed = km.Table(
        {"base": [table[i]["base"] if i != 4 else None for i in range(60)]}
        | {name: [table[i][name] for i in range(60)] for name in ("colour", "image")},
        modalities=table.modalities,
    )
    recipe = km.Bilinear(style="colour", base="base")
    space = km.fit(holed.take(np.flatnonzero(known)), km.CCA(dim=4), decoders={"image": recipe})
    new = table.take(np.flatnonzero(~known))
    made = np.stack(space.translate(new.select("base", "colour"), to="image")).astype(int)
    real, base = (np.stack(list(new.values(name))).astype(int) for name in ("image", "base"))
    assert np.abs(made - real).mean() < 0.5 * np.abs(base - real).mean()
    with pytest.raises(km.TableError, match=r"row 0: too few cells .* a cell of 'colour', and one of 'base'"):
        space.translate([{"colour": [1.0, 0.0, 0.0], "image": table[0]["image"]}], to="image")
    codec = space.port("image").codec
    with pytest.raises(km.TableError, match=r"expected km\.Bilinear\(style=…, base='base'\)"):
        km.fit(table, init=space, decoders={"image": km.Flow()}, codecs={"image": codec})
    report = km.evaluate(space, table, generated=["image"], examples=2, training=table)
    assert report.intervals["base_to_image_gen_R2"].value > 0.5
