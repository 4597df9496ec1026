"""Space: what users hold: encode, search, translate, predict, impute, keep.

    encode:  value → features h_m → Embedding z_m → fused over what is present → z (B, d)

A port is found by its column's name, which may be any string; it never becomes a parameter's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kuamo.core.arguments import checks_arguments
from kuamo.core.files import local_path, place
from kuamo.core.old_names import old_arguments, old_methods
from kuamo.core.types import Progress
from kuamo.core.validation import names_of
from kuamo.data.table import Table, as_table
from kuamo.embedding.space import EmbeddingSpace
from kuamo.embedding.storage import load_space, save_space
from kuamo.generation import recipes  # noqa: F401  its decoders may be loaded
from kuamo.generation.gaussian_mixture import GaussianMixture
from kuamo.generation.translation import (
    Sampling,
    check_options,
    decode_chained,
    decode_columns,
    memory_of,
    sample_prior,
    translate_columns,
    warn_of_features,
)
from kuamo.index import Index

if TYPE_CHECKING:
    from kuamo.generation.imputation import Imputed
    from kuamo.generation.prediction import Prediction

__all__ = ["Space"]


@checks_arguments
@old_methods(density="fit_prior")
class Space(EmbeddingSpace):
    """One shared space, and a port for each column.

    Args:
        ports: in the table's column order.
        score: `"dot"` or `"cosine"`, how codes are compared.
        fusion: codes of several cells → one code; `None` is the mean of what is present.
        notes: what `fit` chose, and why.
        info: plain data about the fit, saved with the space.

    Example:
        >>> import kuamo as km
        >>> space = km.fit(km.datasets.toy(rows=100, seed=0), seed=0)
        >>> space.encode([{"a": np.zeros(256)}, None]).present.tolist()
        [True, False]
    """

    # ── decode ───────────────────────────────────────────────────────────────────────────────────────────────────

    @old_arguments(n="samples", draw="sample_posterior", agree="chained", settle="project")
    def translate(
        self,
        inputs: Any,
        to: str | Sequence[str],
        *,
        modality: str | None = None,
        samples: int | None = None,
        sample_posterior: bool = False,
        chained: bool = False,
        project: bool = False,
        seed: int = 0,
        guidance: float | None = None,
        steps: int | None = None,
    ) -> Any:
        """What column `to` would hold, given other columns: decoder(encode(inputs)).

        A list of values (pictures, sounds) if the column has a codec, as `fit(..., decoders={"image": km.Flow()})`
        gives it; y (B, L) otherwise, which is a vector column's values themselves, and of others their features, with a
        `FeatureWarning`.

        Args:
            inputs: as in `encode`; several cells of a row, such as `{"text": …, "audio": …}`, are one joint input.
            to: a column, or several: a dict then, all of them from the same codes.
            samples: so many draws of each row: lists of n values, or (B, n, L); one, without that axis, if not given.
            sample_posterior: draws from p(y | inputs) rather than what the mean code gives: each of its own z ~
                q(z | inputs) where codes are Gaussian, and numbers with the noise that a decoder's draws lack
                (`kuamo.generation.residual`). seed: of all that is drawn.
            chained: of several targets, make each one of what was given and of those made before it, in `to`'s order:
                where what was given could mean two things, all of them then mean the same.
            project: bring codes to where codes of the training rows are: for inputs unlike those, such as a voice that
                was never heard; not for combinations that were never seen. See `kuamo.generation.hopfield`.
            guidance, steps: of a flow, see `FlowDecoder.sample`.

        Raises:
            KuamoError: the target has no decoder, a row has nothing present, or an option is out of range, or unknown
                to the targets' decoders.
        """
        options = _given(guidance=guidance, steps=steps)
        how = Sampling(seed, samples, sample_posterior, project, options)
        check_options(self, names_of(to), how)  # before anything is encoded
        for name in names_of(to):
            if project:
                memory_of(self.port(name))
        warn_of_features(self, to)
        stacked = self.encode_columns(inputs, modality, None)
        rows = inputs if isinstance(inputs, Table) else self.as_table(inputs, modality)
        if chained and not isinstance(to, str):
            return decode_chained(self, stacked, rows, to, how)
        return translate_columns(self, stacked, rows, to, how)

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
        from kuamo.generation.prediction import predict_rows

        return predict_rows(self, inputs if isinstance(inputs, Table) else self.as_table(inputs, modality), to)

    def with_classes(
        self,
        name: str,
        classes: Sequence[str],
        *,
        by: str,
        templates: Sequence[str] = ("{}",),
        temperature: float | None = None,
    ) -> Space:
        """This space with one more column, of classes that are known by texts alone: zero-shot prediction.

        c_k = unit(mean over templates of the texts' codes), p(k | z) = softmax_k(τ z · c_k). Not calibrated: no label
        has been seen.

        Args:
            name: of the new `Category()` column. classes: their names.
            by: the text column whose encoder reads them.
            templates: texts with the class's name in place of `{}`, of which the codes are averaged.
            temperature: τ; what the model was trained with if it says so, else 100.

        Raises:
            ArgumentError: a name that is taken, no classes, or a template without `{}`.

        Example:
            >>> import kuamo as km
            >>> encoder = km.encoders.MultilingualE5()
            >>> space = km.pretrained({"en": encoder, "zh": encoder})
            >>> kinds = space.with_classes("kind", ["animal", "tool"], by="en", templates=["a {}", "kinds of {}s"])
            >>> kinds.predict([{"zh": "一只小狗"}, {"zh": "锤子"}], "kind").values
            ['animal', 'tool']
        """
        from kuamo.generation.zero_shot import with_classes

        return with_classes(self, name, classes, by, templates, temperature)

    @old_arguments(n="samples")
    def decode(
        self,
        z: Any,
        to: str | Sequence[str],
        *,
        samples: int | None = None,
        seed: int = 0,
        guidance: float | None = None,
        steps: int | None = None,
    ) -> Any:
        """What column `to` would hold at codes z (n, d), or column → that of several; see `translate`.

        Raises:
            KuamoError: a column without a decoder, codes of another size, or an option out of range.
        """
        made = decode_columns(self, z, to, Sampling(seed, samples, options=_given(guidance=guidance, steps=steps)))
        warn_of_features(self, to)
        return made

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
            >>> table = km.datasets.toy(rows=100, holes=0.2, seed=0)
            >>> filled, unsure = km.fit(table, km.CCA(dim=8)).impute(table)
            >>> bool(filled.present().all()), bool((np.isfinite(unsure["a"]) == ~table.present()[:, 0]).all())
            (True, True)
        """
        from kuamo.generation.imputation import impute

        return impute(self, table, columns, draws, seed, progress)

    def fit_prior(self, table: Table, *, components: int = 30, seed: int = 0) -> GaussianMixture:
        """A Gaussian mixture fitted on the joint codes of a table's rows: a prior to `sample` from."""
        code = self.encode(table)
        codes = np.asarray(code) if code.present is None else np.asarray(code)[code.present]
        return GaussianMixture.fit(codes, components=components, seed=seed)

    def sample(self, n: int, to: str | Sequence[str], *, prior: GaussianMixture | None = None, seed: int = 0) -> Any:
        """New rows: n codes from N(0, I), or from a mixture of `fit_prior`, decoded; as `decode` gives them.

        Raises:
            KuamoError: a column without a decoder, or codes that are points and no `prior`.
        """
        made = decode_columns(self, sample_prior(self, n, prior, seed), to, Sampling(seed))
        warn_of_features(self, to)
        return made

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

        where = None if path is None else place(path)
        return Index.backend(where).build(
            self, table, where, payload=payload, storage_options=storage_options, progress=progress
        )

    def save(self, path: str | Path) -> None:
        """Write the space as a folder: config.json, model.safetensors and a README.md. Never half of it."""
        save_space(self, local_path(path, "a space"))

    @classmethod
    def load(
        cls, path: str | Path, *, custom: Mapping[str, tuple[Any, ...]] | None = None, download: bool = False
    ) -> Space:
        """Read a saved space; runs no code from the folder, and uses no network unless asked to.

        Args:
            path: the folder.
            custom: column → (modality, encoder), or with (…, codec, decoder) behind them, for parts that are the user's
                own; `None` for those that are not.
            download: may a pretrained model that the space names be fetched from the hub, where it is not on this
                machine? What comes must have the sha256 that the space says.

        Raises:
            StoreError: not a space, tampered with, from a newer version, or a custom part is missing.
        """
        return load_space(local_path(path, "a space"), custom or {}, download, cls)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
