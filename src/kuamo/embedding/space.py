"""The space as an encoder: a tower for each column, and what their codes become together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.arguments import checks_arguments
from kuamo.core.errors import (
    ForeignWarning,
    KuamoError,
    TableError,
    TextWarning,
    TruncationWarning,
    did_you_mean,
    shorten,
    visible,
    warn_user,
)
from kuamo.core.messages import Note, kind_name
from kuamo.core.modules import is_module
from kuamo.core.old_names import old_methods
from kuamo.core.translation import listing, localized, say
from kuamo.core.types import Progress
from kuamo.data.modalities import Modality, Vector
from kuamo.data.readers.given import by_position
from kuamo.data.readers.typed_text import file_modality, looks_unlike_text, names_file
from kuamo.data.table import Table, as_table
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.parts import PartSource, RowCodes
from kuamo.encoders.feature_cache import feature_blocks, language_note, truncation_note

__all__ = ["BLOCK_ROWS", "EmbeddingSpace", "Tower", "check_columns", "fuse_codes", "run_head"]


BLOCK_ROWS = 4096
PART_ROWS = 256  # whose parts are in memory at once


@dataclass
class Tower:
    """Where one column enters and leaves the space.

    Args:
        name: the column's. modality: what its cells are.
        encoder: values → features (n, D). head: features → Embedding (n, d).
        codec: value ↔ y, or `None`: y is the features. decoder: p(y | z), or `None`.
        memory: training codes for projection, of decoders that store them; see `kuamo.generation.hopfield`.
        residual: noise that draws of numbers lack, or `None`; see `kuamo.generation.residual`.
        hubness: correction of this column's queries, or `None`; see `kuamo.embedding.hubness`.
    """

    name: str
    modality: Modality
    encoder: Any
    head: Any
    codec: Any = None
    decoder: Any = None
    memory: Any = None
    residual: Any = None
    hubness: Any = None

    def parts(self) -> dict[str, Any]:
        """Role → what plays it, without the empty ones."""
        roles = ("encoder", "head", "codec", "decoder", "memory", "residual", "hubness")
        return {role: part for role in roles if (part := getattr(self, role)) is not None}


def run_head(head: Any, entry_features: np.ndarray) -> Embedding:
    """A head's codes as numpy arrays, whether it is a closed form's or a module."""
    if not is_module(head):
        return head(entry_features)
    import torch

    training = head.training
    head.eval()
    with torch.inference_mode():
        code = head(torch.from_numpy(np.ascontiguousarray(entry_features)))
    head.train(training)
    return Embedding(code.mean.numpy(), None if code.logvar is None else code.logvar.numpy())


def fuse_codes(fusion: Any, codes: RowCodes, target: str | None = None) -> tuple[Embedding, np.ndarray]:
    """Fuse (B, M, d) codes over what is present (B, M); a row with one cell is that cell's code.

    Args:
        target: the column that the code is to find, for fusions that ask for one.
    """
    mean, logvar, present = codes
    anything = present.any(axis=1)
    if fusion is None:
        weights = present / np.maximum(present.sum(1, keepdims=True), 1)
        weights = weights.astype(np.float32)
        joint = np.einsum("bm,bmd->bd", weights, mean)
        spread = None if logvar is None else np.einsum("bm,bmd->bd", weights, logvar)
        return Embedding(joint, spread, anything, columns=weights), weights
    import torch

    wanted: dict[str, Any] = {}
    at_once = PART_ROWS if getattr(fusion, "reads_parts", False) else max(len(mean), 1)
    found: list[tuple[Embedding, Any]] = []
    for start in range(0, max(len(mean), 1), at_once):
        some = codes[start : start + at_once]
        if target is not None and getattr(fusion, "targets", False):
            wanted = {"target": torch.full((len(some),), fusion.place(target))}
        with torch.inference_mode():
            found.append(fusion(torch_codes(fusion, some), torch.from_numpy(some.present), **wanted))
    spreads = [code.logvar.numpy() for code, _ in found if code.logvar is not None]
    joint = np.concatenate([code.mean.numpy() for code, _ in found])
    weights = np.concatenate([weight.numpy() for _, weight in found])
    return Embedding(joint, np.concatenate(spreads) if spreads else None, anything, columns=weights), weights


def torch_codes(fusion: Any, codes: RowCodes) -> Embedding:
    """Codes (B, M, d) as tensors, with what the fusion reads."""
    import torch

    parts = codes.parts.read() if codes.parts is not None and getattr(fusion, "reads_parts", False) else None
    logvar = None if codes.logvar is None else torch.from_numpy(codes.logvar)
    return Embedding(torch.from_numpy(codes.mean), logvar, parts=parts)


def check_columns(ports: Sequence[Tower], table: Table) -> None:
    """Refuse a table that lacks all of the space's columns but at most one."""
    shared = [port.name for port in ports if port.name in table.columns]
    if len(shared) < 2:
        raise TableError(
            f"given columns {list(table.columns)}; expected at least two of {[port.name for port in ports]}"
        )


@checks_arguments
@old_methods(comparable="normalized", column_codes="encode_column", stacked="encode_columns")
@dataclass
class EmbeddingSpace:
    """The space as an encoder: one shared space, and a port for each column. What users hold is `kuamo.Space`.

    Args:
        ports: in the table's column order.
        score: `"dot"` or `"cosine"`, how codes are compared.
        fusion: codes of several cells → one code; `None` is the mean of what is present.
        notes: what `fit` chose, and why.
        info: plain data about the fit, saved with the space.
    """

    ports: list[Tower]
    score: str = "dot"
    fusion: Any = None
    notes: list[str] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        kinds = {port.name: kind_name(type(port.modality).__name__) for port in self.ports}
        columns = listing(say("{name}: {value}", name=name, value=kind) for name, kind in kinds.items())
        head = say("Space of {dim} dimensions; {columns}", dim=self.dim, columns=columns)
        said = [head, *(f"  {localized(note)}" for note in self.notes)]
        return visible("\n".join(said))

    @property
    def dim(self) -> int:
        """d, the size of a code."""
        return int(self.ports[0].head.dim)

    @property
    def modalities(self) -> dict[str, Modality]:
        """Column name → modality."""
        return {port.name: port.modality for port in self.ports}

    def port(self, name: str) -> Tower:
        """The port of a column.

        Raises:
            TableError: the space has no such column.
        """
        for port in self.ports:
            if port.name == name:
                return port
        names = [port.name for port in self.ports]
        raise TableError(f"no column {name!r}{did_you_mean(name, names)}; the space's columns are {names}")

    def modules(self) -> list[Any]:
        """Every `torch.nn.Module` in it: what training moves."""
        parts = [part for port in self.ports for part in port.parts().values()] + [self.fusion]
        return [part for part in parts if is_module(part)]

    # ── encode ───────────────────────────────────────────────────────────────────────────────────────────────────

    def encode(
        self, inputs: Any, *, modality: str | None = None, target: str | None = None, progress: Progress | None = None
    ) -> Embedding:
        """Codes (B, d) of a table, or of a list of inputs; several cells of a row are fused.

        Args:
            inputs: a `Table`, one input, or a list of inputs. An input is a dict `{"image": "cat.png"}` (several keys
                make one joint input), a raw object, or `None`.
            modality: the column that raw objects belong to; guessed where only one column accepts them.
            target: the column that is looked for, by which a trained fusion weighs cells; others give the same code.
            progress: called with (column, done, of) while features are computed.

        Returns:
            Embedding; `present` is false for rows with nothing in them, and their code is 0.

        Raises:
            TableError: an unknown column, or an object whose kind is unknown.
            CellError: naming column and row of a cell that cannot be read.
        """
        return self._fused(inputs, modality, target, progress)[0]

    def fuse(
        self, inputs: Any, *, modality: str | None = None, target: str | None = None
    ) -> tuple[Embedding, np.ndarray]:
        """Joint codes, and the weight (B, M) that each column got; weights sum to 1 over what is present."""
        return self._fused(inputs, modality, target, None)

    def similarity(self, a: Any, b: Any) -> np.ndarray:
        """Scores (n, m) of answers b to queries a, by the space's own score, as a search gives them.

        Where the space corrects a column's queries for hubness, `a` must be what `encode` gave, which knows of what
        columns it was made; bare arrays are compared without the correction.

        Raises:
            KuamoError: not codes (n, d) of finite numbers, such as `encode` gives.
        """
        queries = self.as_queries(self.check_codes(a), getattr(a, "columns", None))
        return queries @ self.as_answers(self.check_codes(b)).T

    def check_codes(self, given: Any) -> np.ndarray:
        """Codes (n, d) as an array.

        Raises:
            KuamoError: of another shape, or not of finite numbers.
        """
        try:
            codes = np.asarray(given)
        except ValueError:
            codes = np.empty(0, object)  # lists of different lengths
        if (
            codes.ndim != 2
            or codes.shape[1] != self.dim
            or codes.dtype.kind not in "fiu"
            or not np.isfinite(codes).all()
        ):
            described = f"{codes.dtype} of shape {codes.shape}" if codes.ndim else shorten(given)
            raise KuamoError(
                f"given {described}; expected (n, {self.dim}) codes of finite numbers, as encode() gives them"
            )
        return codes

    def normalized(self, codes: Any) -> np.ndarray:
        """Codes whose dot product is the space's score."""
        codes = np.asarray(codes)
        if self.score == "dot":
            return codes
        return codes / np.maximum(np.linalg.norm(codes, axis=1, keepdims=True), np.finfo(codes.dtype).tiny)

    @property
    def corrected(self) -> list[int]:
        """Numbers of the columns whose queries are corrected for hubness."""
        return [number for number, port in enumerate(self.ports) if port.hubness is not None]

    @property
    def width(self) -> int:
        """Numbers of a code that is ready to be compared: d, and one for each column that is corrected."""
        return self.dim + len(self.corrected)

    def as_answers(self, codes: Any) -> np.ndarray:
        """Codes (n, d) → (n, d + C), whose dot product with `as_queries` is the score."""
        normalized = self.normalized(codes)
        hubs = [self.ports[number].hubness(normalized) for number in self.corrected]
        return np.column_stack([normalized, *(-hub.astype(normalized.dtype) for hub in hubs)]) if hubs else normalized

    def as_queries(self, codes: Any, columns: str | np.ndarray | None = None) -> np.ndarray:
        """Codes (n, d) → (n, d + C).

        Args:
            columns: of what they are made: a column, the weights (n, M) of several, or `None`, which nobody knows.
        """
        normalized, chosen = self.normalized(codes), self.corrected
        if not chosen:
            return normalized
        shares = np.zeros((len(normalized), len(self.ports)), normalized.dtype)
        if isinstance(columns, str):
            shares[:, [port.name for port in self.ports].index(columns)] = 1
        elif columns is not None:
            shares[:] = columns
        return np.column_stack([normalized, shares[:, chosen]])

    def encode_column(
        self, table: Table, name: str, *, cache: bool = True, progress: Progress | None = None
    ) -> tuple[Embedding, np.ndarray]:
        """Codes (n, d) of one column's present rows, and their row numbers (n,); several captions are averaged.

        Args:
            table, name: whose column. cache: keep frozen features on disk.
        """
        port, column = self.port(name), table.column(name)
        codes = [
            run_head(port.head, block)
            for block in feature_blocks(table, name, port.encoder, cache=cache, progress=progress)
        ]
        rows, first, count = np.unique(column.row, return_index=True, return_counts=True)
        if len(rows) == 0:
            return Embedding(np.zeros((0, self.dim), np.float32)), rows
        spreads = [one.logvar for one in codes if one.logvar is not None]
        code = Embedding(np.concatenate([one.mean for one in codes]), np.concatenate(spreads) if spreads else None)
        if len(rows) == len(column.row):
            return code, rows
        total = np.add.reduceat(code.mean, first, axis=0) / count[:, None]
        spread = None if code.logvar is None else np.add.reduceat(code.logvar, first, axis=0) / count[:, None]
        return Embedding(total.astype(np.float32), spread), rows

    def _fused(
        self, inputs: Any, modality: str | None, target: str | None, progress: Progress | None
    ) -> tuple[Embedding, np.ndarray]:
        if target is not None:
            self.port(target)
        return fuse_codes(self.fusion, self.encode_columns(inputs, modality, progress), target)

    def encode_columns(self, inputs: Any, modality: str | None = None, progress: Progress | None = None) -> RowCodes:
        """Mean and log-variance (B, M, d) of each column's code, and what is present (B, M), as one or taken apart."""
        table = inputs if isinstance(inputs, Table) else self.as_table(inputs, modality)
        known = [port.name for port in self.ports if port.name in table.columns]
        if not known:
            raise TableError(
                f"given columns {list(table.columns)}; the space's columns are {[port.name for port in self.ports]}"
            )
        present = np.zeros((len(table), len(self.ports)), dtype=bool)
        mean = np.zeros((len(table), len(self.ports), self.dim), dtype=np.float32)
        logvar: np.ndarray | None = None
        for number, port in enumerate(self.ports):
            if port.name not in known:
                continue
            said = None if isinstance(inputs, Table) else truncation_note(table, port.name, port.encoder)
            if said:
                warn_user(said, TruncationWarning)
            if not isinstance(inputs, Table) and (said := language_note(table, port.name, port.encoder)):
                warn_user(said, ForeignWarning)
            code, rows = self.encode_column(table, port.name, cache=isinstance(inputs, Table), progress=progress)
            present[rows, number] = True
            mean[rows, number] = code.mean
            if code.logvar is not None:
                logvar = np.zeros_like(mean) if logvar is None else logvar
                logvar[rows, number] = code.logvar
        source = PartSource(table, self.ports, np.arange(len(table)), cache=isinstance(inputs, Table))
        return RowCodes(mean, logvar, present, source if getattr(self.fusion, "reads_parts", False) else None)

    def as_table(self, inputs: Any, modality: str | None = None) -> Table:
        """Any list of inputs as a table with the space's columns."""
        if hasattr(inputs, "columns") or hasattr(inputs, "column_names"):  # a data frame
            return as_table(inputs, self.modalities)
        items = self._items(inputs, modality)
        rows = [self._as_row(item, modality, number) for number, item in enumerate(items)]
        names = [port.name for port in self.ports]
        return Table(
            {name: [row.get(name) for row in rows] for name in names},
            modalities=self.modalities,
            source="query",
        )

    def _items(self, inputs: Any, modality: str | None) -> Sequence[Any]:
        """A list of inputs as it is, and so what comes one after another: a series, an iterator, vectors (n, D)."""
        if isinstance(inputs, list | tuple):
            return inputs
        rows = getattr(inputs, "ndim", 0) == 2 and (
            modality is None or isinstance(self.modalities.get(modality), Vector)
        )
        words = isinstance(inputs, np.ndarray) and inputs.ndim == 1 and inputs.dtype.kind in "UO"
        if rows or words or isinstance(inputs, Iterator) or hasattr(inputs, "isna") or hasattr(inputs, "to_list"):
            return list(by_position(inputs, modality or "inputs"))
        return [inputs]

    def _as_row(self, item: Any, modality: str | None, number: int) -> Mapping[str, Any]:
        if item is None:
            return {}
        if isinstance(item, Mapping):
            for name in item:
                self.port(str(name))
            return item
        if modality is not None:
            return {self.port(modality).name: item}
        takers = [port.name for port in self.ports if port.modality.accepts(item)]
        # A picture's file name is a text too: the more particular kind wins.
        particular = [name for name in takers if type(self.port(name).modality).__name__ != "Text"]
        takers = particular if particular and isinstance(item, str | Path) else takers
        if isinstance(item, str) and not particular:
            takers = self._takers_of_words(item, takers, number)
        if len(takers) == 1:
            return {takers[0]: item}
        accepted = f"accepted by {takers}" if takers else f"accepted by none of {list(self.modalities)}"
        raise TableError(
            f"row {number}: given {type(item).__name__} {shorten(item)}, {accepted}; "
            f"expected a dict {{column: value}}, or modality="
        )

    def _takers_of_words(self, item: str, takers: list[str], number: int) -> list[str]:
        """Columns that take a text which no ending gives away: those of the file that it names, if it names one."""
        kind = file_modality(item)
        fitting = [port.name for port in self.ports if kind is not None and type(port.modality) is type(kind)]
        if not takers or (fitting and names_file(item)):
            return fitting or takers
        if kind is not None or (names_file(item) and Path(item).suffix):
            what = type(kind).__name__ if kind is not None else Path(item).suffix
            kinds = {port.name: type(port.modality).__name__ for port in self.ports}
            raise TableError(
                f"row {number}: given {shorten(item)}, the name of a file ({what}), but the space's columns are "
                f"{kinds}; expected something else, or {{{takers[0]!r}: …}} to take it as a text"
            )
        if names_file(item) or looks_unlike_text(item):
            warn_user(Note("query_text", value=shorten(item), column=takers[0]), TextWarning)
        return takers
