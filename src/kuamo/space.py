"""Space: the fitted thing. For each column a port (modality, encoder, head, decoder) around one shared space.

    encode:  value → features h_m → Code z_m → fused over what is present → z (B, d)

A port is found by its column's name, which may be any string; it never becomes a parameter's name.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kuamo.checks import names_of
from kuamo.codes import Code
from kuamo.encoders.base import is_module
from kuamo.errors import CutWarning, ForeignWarning, KuamoError, TableError, shorten, visible
from kuamo.features import feature_blocks, language_note, length_note
from kuamo.files import local, place
from kuamo.modalities import Modality, Vector
from kuamo.table import Table, as_table

if TYPE_CHECKING:
    from kuamo.density import GaussianMixture
    from kuamo.imputing import Imputed
    from kuamo.index import Index
    from kuamo.predicting import Prediction

__all__ = ["Port", "Space"]

BLOCK_ROWS = 4096
Progress = Callable[[str, int, int], None]


@dataclass
class Port:
    """Where one column enters and leaves the space.

    Args:
        name: the column's. modality: what its cells are.
        encoder: values → features (n, D). head: features → Code (n, d).
        codec: value ↔ y, or `None`: y is the features. decoder: p(y | z), or `None`.
        memory: where codes settle, of decoders that have learned from them; see `kuamo.settling`.
    """

    name: str
    modality: Modality
    encoder: Any
    head: Any
    codec: Any = None
    decoder: Any = None
    memory: Any = None

    def parts(self) -> dict[str, Any]:
        """Role → what plays it, without the empty ones."""
        roles = {role: getattr(self, role) for role in ("encoder", "head", "codec", "decoder", "memory")}
        return {role: part for role, part in roles.items() if part is not None}


@dataclass
class Space:
    """One shared space, and a port for each column.

    Args:
        ports: in the table's column order.
        score: `"dot"` or `"cosine"`, how codes are compared.
        fusion: codes of several cells → one code; `None` is the mean of what is present.
        notes: what `fit` chose, and why.
        info: plain data about the fit, saved with the space.

    Example:
        >>> import kuamo as km
        >>> space = km.fit(km.datasets.toy(rows=300, seed=0), seed=0)
        >>> space.encode([{"a": np.zeros(256)}, None]).present.tolist()
        [True, False]
    """

    ports: list[Port]
    score: str = "dot"
    fusion: Any = None
    notes: list[str] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        columns = ", ".join(f"{port.name}: {type(port.modality).__name__}" for port in self.ports)
        said = [f"Space of {self.dim} dimensions; {columns}", *(f"  {note}" for note in self.notes)]
        return visible("\n".join(said))

    @property
    def dim(self) -> int:
        """d, the size of a code."""
        return int(self.ports[0].head.dim)

    @property
    def modalities(self) -> dict[str, Modality]:
        """Column name → modality."""
        return {port.name: port.modality for port in self.ports}

    def port(self, name: str) -> Port:
        """The port of a column.

        Raises:
            TableError: the space has no such column.
        """
        for port in self.ports:
            if port.name == name:
                return port
        raise TableError(f"given column {name!r}; the space knows {[port.name for port in self.ports]}")

    def modules(self) -> list[Any]:
        """Every `torch.nn.Module` in it: what training moves."""
        parts = [part for port in self.ports for part in port.parts().values()] + [self.fusion]
        return [part for part in parts if is_module(part)]

    # ── encode ───────────────────────────────────────────────────────────────────────────────────────────────────

    def encode(self, inputs: Any, *, modality: str | None = None, progress: Progress | None = None) -> Code:
        """Codes (B, d) of a table, or of a list of inputs; several cells of a row are fused.

        Args:
            inputs: a `Table`, one input, or a list of inputs. An input is a dict `{"image": "cat.png"}` (several keys
                make one joint input), a raw object, or `None`.
            modality: the column that raw objects belong to; guessed where only one column accepts them.
            progress: called with (column, done, of) while features are computed.

        Returns:
            Code; `present` is false for rows with nothing in them, and their code is 0.

        Raises:
            TableError: an unknown column, or an object whose kind cannot be told.
            CellError: naming column and row of a cell that cannot be read.
        """
        return self._fused(inputs, modality, progress)[0]

    def fuse(self, inputs: Any, *, modality: str | None = None) -> tuple[Code, np.ndarray]:
        """Joint codes, and the weight (B, M) that each column got; weights sum to 1 over what is present."""
        return self._fused(inputs, modality, None)

    def similarity(self, a: Any, b: Any) -> np.ndarray:
        """Scores (n, m) between two sets of codes, by the space's own score.

        Raises:
            KuamoError: not codes (n, d) of finite numbers, such as `encode` gives.
        """
        return self.comparable(self.check_codes(a)) @ self.comparable(self.check_codes(b)).T

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
            told = f"{codes.dtype} of shape {codes.shape}" if codes.ndim else shorten(given)
            raise KuamoError(f"given {told}; expected (n, {self.dim}) codes of finite numbers, as encode() gives them")
        return codes

    def comparable(self, codes: Any) -> np.ndarray:
        """Codes whose dot product is the space's score."""
        codes = np.asarray(codes)
        if self.score == "dot":
            return codes
        return codes / np.maximum(np.linalg.norm(codes, axis=1, keepdims=True), np.finfo(codes.dtype).tiny)

    def column_codes(
        self, table: Table, name: str, *, cache: bool = True, progress: Progress | None = None
    ) -> tuple[Code, np.ndarray]:
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
            return Code(np.zeros((0, self.dim), np.float32)), rows
        spreads = [one.logvar for one in codes if one.logvar is not None]
        code = Code(np.concatenate([one.mean for one in codes]), np.concatenate(spreads) if spreads else None)
        if len(rows) == len(column.row):
            return code, rows
        total = np.add.reduceat(code.mean, first, axis=0) / count[:, None]
        spread = None if code.logvar is None else np.add.reduceat(code.logvar, first, axis=0) / count[:, None]
        return Code(total.astype(np.float32), spread), rows

    def _fused(self, inputs: Any, modality: str | None, progress: Progress | None) -> tuple[Code, np.ndarray]:
        return fuse_present(self.fusion, *self.stacked(inputs, modality, progress))

    def stacked(
        self, inputs: Any, modality: str | None = None, progress: Progress | None = None
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """Mean and log-variance (B, M, d) of each column's code, and what is present (B, M)."""
        table = inputs if isinstance(inputs, Table) else self.as_table(inputs, modality)
        known = [port.name for port in self.ports if port.name in table.columns]
        if not known:
            raise TableError(
                f"given columns {list(table.columns)}; the space knows {[port.name for port in self.ports]}"
            )
        present = np.zeros((len(table), len(self.ports)), dtype=bool)
        mean = np.zeros((len(table), len(self.ports), self.dim), dtype=np.float32)
        logvar: np.ndarray | None = None
        for number, port in enumerate(self.ports):
            if port.name not in known:
                continue
            said = None if isinstance(inputs, Table) else length_note(table, port.name, port.encoder)
            if said:
                warnings.warn(visible(said), CutWarning, stacklevel=3)
            if not isinstance(inputs, Table) and (said := language_note(table, port.name, port.encoder)):
                warnings.warn(said, ForeignWarning, stacklevel=3)
            code, rows = self.column_codes(table, port.name, cache=isinstance(inputs, Table), progress=progress)
            present[rows, number] = True
            mean[rows, number] = code.mean
            if code.logvar is not None:
                logvar = np.zeros_like(mean) if logvar is None else logvar
                logvar[rows, number] = code.logvar
        return mean, logvar, present

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
            from kuamo.tables.given import by_position

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
        if len(takers) == 1:
            return {takers[0]: item}
        accepted = f"accepted by {takers}" if takers else f"accepted by none of {list(self.modalities)}"
        raise TableError(
            f"row {number}: given {type(item).__name__} {shorten(item)}, {accepted}; "
            f"expected a dict {{column: value}}, or modality="
        )

    # ── decode ───────────────────────────────────────────────────────────────────────────────────────────────────

    def translate(
        self,
        inputs: Any,
        to: str | Sequence[str],
        *,
        modality: str | None = None,
        n: int | None = None,
        draw: bool = False,
        agree: bool = False,
        settle: bool = False,
        seed: int = 0,
        guidance: float | None = None,
        steps: int | None = None,
    ) -> Any:
        """What column `to` would hold, given other columns: decoder(encode(inputs)).

        A list of values (pictures, sounds) if the column has a codec, as `fit(..., decoders={"image": km.Flow()})`
        gives it; y (B, L) otherwise, which is its features, or a vector column's values themselves.

        Args:
            inputs: as in `encode`; several cells of a row, such as `{"text": …, "audio": …}`, are one joint input.
            to: a column, or several: a dict then, all of them from the same codes.
            n: so many draws of each row: lists of n values, or (B, n, L); one of each, without that axis, if not given.
            draw: one draw of each row's q(z | inputs), rather than its mean. seed: of all that is drawn.
            agree: of several targets, make each one of what was given and of those made before it, in `to`'s order:
                where what was given could mean two things, all of them then mean the same.
            settle: bring codes to where codes of the training rows are: for inputs unlike those, such as a voice that
                was never heard; not for combinations that were never seen. See `kuamo.settling`.
            guidance, steps: of a flow, see `FlowDecoder.sample`.

        Raises:
            KuamoError: the target has no decoder, a row has nothing present, or an option is out of range, or unknown
                to the targets' decoders.
        """
        from kuamo.generation import check_options, decode_in_turn, memory_of, translate_columns

        given = {"guidance": guidance, "steps": steps}
        options = {name: value for name, value in given.items() if value is not None}
        check_options(self, names_of(to), n, options)  # before anything is encoded
        for name in names_of(to):
            if settle:
                memory_of(self.port(name))
        stacked = self.stacked(inputs, modality, None)
        rows = inputs if isinstance(inputs, Table) else self.as_table(inputs, modality)
        if agree and not isinstance(to, str):
            return decode_in_turn(self, stacked, rows, to, seed, n, draw, options, settle)
        return translate_columns(self, stacked, rows, to, seed, n, draw, options, settle)

    def predict(self, inputs: Any, to: str, *, modality: str | None = None) -> Prediction:
        """What class or number rows are, from whatever else they have: `translate` for columns of labels.

        Args:
            inputs: as in `encode`; a cell of the column itself is not looked at. to: a `Category()` or `Number()`.

        Returns:
            Prediction: values, probabilities of classes, how much each column weighed, and in `notes` if the space was
            fitted to predict another column, or none: what comes is translated then.

        Raises:
            TableError: another kind of column, or a row with nothing else.

        Example:
            >>> import kuamo as km
            >>> rows = {"pose": np.repeat(np.eye(2), 20, axis=0), "kind": ["a"] * 20 + ["b"] * 20}
            >>> table = km.Table(rows, modalities={"pose": km.Vector(), "kind": km.Category()})
            >>> space = km.fit(table, km.Predict("kind"), dim=4, training=km.Training(steps=50, lr=1e-2))
            >>> space.predict([{"pose": [0.0, 1.0]}], "kind").values
            ['b']
        """
        from kuamo.predicting import predict_rows

        return predict_rows(self, inputs if isinstance(inputs, Table) else self.as_table(inputs, modality), to)

    def decode(
        self,
        z: Any,
        to: str | Sequence[str],
        *,
        n: int | None = None,
        seed: int = 0,
        guidance: float | None = None,
        steps: int | None = None,
    ) -> Any:
        """What column `to` would hold at codes z (n, d), or column → that of several; see `translate`.

        Raises:
            KuamoError: a column without a decoder, codes of another size, or an option out of range.
        """
        from kuamo.generation import decode_columns

        given = {"guidance": guidance, "steps": steps}
        options = {name: value for name, value in given.items() if value is not None}
        return decode_columns(self, z, to, seed, n, **options)

    def impute(
        self,
        table: Table,
        columns: Sequence[str] | None = None,
        *,
        draws: int = 8,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Imputed:
        """Fill the empty cells of a table from what their rows have; what is there stays, and so do empty rows.

        Args:
            columns: whose cells; of all columns that have a decoder, if not given.
            draws: of each cell, of which it gets the most typical. seed: of them.

        Returns:
            `table`, filled, and `uncertainty`: column → (N,), 0 is sure, 1 is as unsure as without the row, NaN where
            nothing was made.

        Raises:
            KuamoError: a column without a decoder, or fewer than two draws.

        Example:
            >>> import kuamo as km
            >>> table = km.datasets.toy(rows=300, holes=0.2, seed=0)
            >>> filled, unsure = km.fit(table, km.CCA(dim=8)).impute(table)
            >>> bool(filled.present().all()), bool((np.isfinite(unsure["a"]) == ~table.present()[:, 0]).all())
            (True, True)
        """
        from kuamo.imputing import impute

        return impute(self, table, columns, draws, seed, progress)

    def density(self, table: Table, *, components: int = 30, seed: int = 0) -> GaussianMixture:
        """A Gaussian mixture fitted on the joint codes of a table's rows: a prior to `sample` from."""
        from kuamo.density import GaussianMixture

        code = self.encode(table)
        codes = np.asarray(code) if code.present is None else np.asarray(code)[code.present]
        return GaussianMixture.fit(codes, components=components, seed=seed)

    def sample(self, n: int, to: str | Sequence[str], *, prior: GaussianMixture | None = None, seed: int = 0) -> Any:
        """New rows: n codes from N(0, I), or from a mixture of `density`, decoded; as `decode` gives them.

        Raises:
            KuamoError: a column without a decoder, or codes that are points and no `prior`.
        """
        from kuamo.generation import decode_columns, draw_codes

        return decode_columns(self, draw_codes(self, n, prior, seed), to, seed)

    # ── find and keep ────────────────────────────────────────────────────────────────────────────────────────────

    def index(
        self,
        table: Table,
        path: str | Path | None = None,
        *,
        payload: Sequence[str] = ("text",),
        storage_options: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> Index:
        """The codes of a table's cells, ready for search.

        Args:
            table: whose cells; its label and meta columns are kept for filters.
            path: a folder for an index on disk in the Lance format (extra `index`), which lasts and grows, or a URI in
                an object store, such as "s3://bucket/pets.lance"; one that is there is replaced. `None` keeps it in
                memory.
            payload: what hits show: some of `"text"` and `"thumbnail"`, a small JPEG of each picture.
            storage_options: for a URI, what Lance shall know of the store, such as its endpoint and keys; without
                them it goes by the environment (`AWS_REGION`, …).
            progress: called with (column, done, of).

        Raises:
            TableError: a table without any of the space's columns, or with a meta column that cannot be kept.
            StoreError: `path` is something else than an index, or a store that does not answer.
        """
        table = as_table(table, self.modalities)
        if path is None:
            from kuamo.index.memory import MemoryIndex

            return MemoryIndex.build(self, table, payload=payload, progress=progress)
        from kuamo.index.lance import LanceIndex

        return LanceIndex.build(
            self, table, place(path), payload=payload, storage_options=storage_options, progress=progress
        )

    def save(self, path: str | Path) -> None:
        """Write the space as a folder: config.json, model.safetensors and a README.md. Never half of it."""
        from kuamo.store import save_space

        save_space(self, local(path, "a space"))

    @classmethod
    def load(
        cls, path: str | Path, *, custom: Mapping[str, tuple[Any, ...]] | None = None, download: bool = False
    ) -> Space:
        """Read a saved space; runs no code from the folder, and asks no network unless told to.

        Args:
            path: the folder.
            custom: column → (modality, encoder), or with (…, codec, decoder) behind them, for parts that are the user's
                own; `None` for those that are not.
            download: may a pretrained model that the space names be fetched from the hub, where it is not on this
                machine? What comes must have the sha256 that the space says.

        Raises:
            StoreError: not a space, tampered with, from a newer version, or a custom part is missing.
        """
        from kuamo.store import load_space

        return load_space(local(path, "a space"), custom or {}, download)


def run_head(head: Any, entry_features: np.ndarray) -> Code:
    """A head's codes as numpy arrays, whether it is a closed form's or a module."""
    if not is_module(head):
        return head(entry_features)
    import torch

    training = head.training
    head.eval()
    with torch.inference_mode():
        code = head(torch.from_numpy(np.ascontiguousarray(entry_features)))
    head.train(training)
    return Code(code.mean.numpy(), None if code.logvar is None else code.logvar.numpy())


def fuse_present(
    fusion: Any, mean: np.ndarray, logvar: np.ndarray | None, present: np.ndarray
) -> tuple[Code, np.ndarray]:
    """Fuse (B, M, d) codes over what is present (B, M); a row with one cell is that cell's code."""
    anything = present.any(axis=1)
    if fusion is None:
        weights = present / np.maximum(present.sum(1, keepdims=True), 1)
        weights = weights.astype(np.float32)
        joint = np.einsum("bm,bmd->bd", weights, mean)
        spread = None if logvar is None else np.einsum("bm,bmd->bd", weights, logvar)
        return Code(joint, spread, anything), weights
    import torch

    stacked = Code(torch.from_numpy(mean), None if logvar is None else torch.from_numpy(logvar))
    with torch.inference_mode():
        code, weight = fusion(stacked, torch.from_numpy(present))
    fused_logvar = None if code.logvar is None else code.logvar.numpy()
    return Code(code.mean.numpy(), fused_logvar, anything), weight.numpy()


def check_columns(ports: Sequence[Port], table: Table) -> None:
    """Refuse a table that lacks all of the space's columns but at most one.

    Raises:
        TableError: naming what is there and what was expected.
    """
    shared = [port.name for port in ports if port.name in table.columns]
    if len(shared) < 2:
        raise TableError(
            f"given columns {list(table.columns)}; expected at least two of {[port.name for port in ports]}"
        )
