"""Features mixed with noise in training, so that a fusion learns what a bad cell looks like."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kuamo.training.batch import ColumnBatch
from kuamo.training.distributed import gather_rows

if TYPE_CHECKING:
    from kuamo.training.step import Step

__all__ = ["GOLDEN", "corrupt_batch", "hash_uniform", "mix_noise", "noise", "spread_of", "targets_by_row"]


GOLDEN = (
    2654435761  # a number's multiples by it lie all over 2³²: which groups are held out follows from the group alone
)


def hash_uniform(group: Any) -> Any:
    """A number in [0, 1) for each group's number (n,), which follows from that alone.

    Example:
        >>> hash_uniform(np.arange(4)).round(2).tolist()
        [0.0, 0.62, 0.24, 0.85]
    """
    return (group * GOLDEN) % 2**32 / 2**32


def targets_by_row(step: Step, name: str) -> Any:
    """y (R, L) of a column's entries by row; zero where the row has none."""
    y, place = step.target(name), step.place(name)
    if place is None:
        return y
    return y.new_zeros(len(step.batch.row), y.shape[1]).index_copy(0, place, y)


def corrupt_batch(step: Step, to: str, share: float) -> Any:
    """The batch with some cells of columns other than `to` mixed with noise, to any degree; how far, λ (R, M).

    x′ = (1 − λ) x + λ n,   λ ~ U(0, 1) in one cell of that share of the rows, else 0;   n one of three, for each cell:

    white noise about any level, of a spread that varies eightfold; ±3 standard deviations at random;
    its own numbers in a disorder that is the same for all cells
    """
    import torch

    names, row = step.names, step.batch.row
    u = step.uniform("noised", row, 1 + len(names))
    others = step.present() & torch.tensor([name != to for name in names])
    one = torch.where(others, u[:, 1:], -1.0).argmax(1)
    hit = (u[:, :1] < share) & others & (torch.arange(len(names)) == one[:, None])
    cells, level = dict(step.cells), torch.zeros(hit.shape)
    for number, name in enumerate(names):
        if name != to and share:
            x, far = mix_noise(step, name, step.at_entries(name, hit[:, number]))
            cells[name] = ColumnBatch(x, step.cells[name].row, step.cells[name].y)
            place = step.place(name)
            level[slice(None) if place is None else place, number] = far
    return replace(step.batch, cells=cells), level


def mix_noise(step: Step, name: str, hit: Any) -> Any:
    """x of a column's cells, those that are hit (n,) in part noise, and how far (n,); texts as tokens, and
    batches in chunks, stay as they are.
    """
    import torch

    cells = step.cells[name]
    x = cells.x[0] if isinstance(cells.x, tuple) else cells.x
    able = isinstance(x, torch.Tensor) and (x.is_floating_point() or x.dtype == torch.uint8)
    grey = able and x.ndim == 4 and bool((x == x[:, :1]).all())  # else noise would be told by its colours
    flat = (x[:, :1] if grey else x).flatten(1).float() if able else torch.zeros(0, 1)
    if step.frozen[name]:  # features, each of its own size
        head = step.space.port(name).head
        shift, spread, low, high = head.shift, 1 / head.gain, -torch.inf, torch.inf
    else:
        shift, spread, low, high = spread_of(flat)
    if not able or not len(flat):
        return cells.x, torch.zeros(len(cells))
    u = step.uniform(f"noise/{name}", cells.row, 4)
    level = u[:, 0] * hit
    spoiled = step.space.fusion.spoiled.get(name) if step.frozen[name] else None
    known = torch.full(hit.shape, -1)
    if spoiled is not None:
        known = spoiled.place[torch.tensor(step.batch.table_rows)[cells.row]]
    before = hit & (known >= 0)
    flat = flat.clone() if flat.data_ptr() == x.data_ptr() else flat
    at = (hit & ~before).nonzero()[:, 0]
    if len(at):
        epsilon = step.noise(f"noise/{name}", cells.row[at], flat.shape[1])
        order = step.disorder(f"noise/{name}", flat.shape[1])
        share, some = level[at, None], flat[at]
        n = shift + spread * noise((some - shift) / spread, epsilon, u[at, 1:], order)
        flat[at] = (1 - share) * some + share * n.clamp(low, high)  # a spectrum knows nothing below 0
    if spoiled is not None:
        flat[before], level[before] = spoiled.x[known[before]], spoiled.level[known[before]]
    made = flat.reshape(len(x), -1, *x.shape[2:]).expand_as(x) if grey else flat.reshape(x.shape)
    made = made.round().to(x.dtype) if x.dtype == torch.uint8 else made
    return ((made, *cells.x[1:]) if isinstance(cells.x, tuple) else made), level


def spread_of(flat: Any) -> tuple[Any, Any, float, float]:
    """Mean, standard deviation, least and largest of all numbers of all processes' cells (n, D)."""
    import torch

    flat = flat.double().reshape(-1)
    ends = (flat.min(), flat.max()) if len(flat) else (torch.inf, -torch.inf)
    own = torch.tensor([[len(flat), flat.sum(), flat.square().sum(), *ends]], dtype=torch.float64)
    count, total, square, low, high = gather_rows(own).T
    mean = total.sum() / count.sum().clamp(min=1)
    variance = square.sum() / count.sum().clamp(min=1) - mean.square()
    return mean.float(), variance.clamp(min=1e-12).sqrt().float(), float(low.min()), float(high.max())


def noise(x: Any, epsilon: Any, u: Any, order: Any) -> Any:
    """n (n, D) of cells x (n, D) in standard units; see `corrupt_batch`.

    Args:
        epsilon: (n, D), standard normal. u: (n, 3), uniform: which of the three, about where, and how wide.
        order: (D,), a permutation.
    """
    import torch

    from kuamo.objectives.prediction.corruption import END

    white = END * (2 * u[:, 1:2] - 1) + epsilon * 2 ** (3 * u[:, 2:] - 1.5)
    extreme = END * epsilon.sign()
    kind = (3 * u[:, :1]).floor()
    return torch.where(kind == 0, white.clamp(-END, END), torch.where(kind == 1, extreme, x[:, order]))
