"""compare: the same table, splits and seeds for several methods.

table → for each seed one split → for each method: fit on one side, evaluate on the other → Benchmark
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kuamo.core.errors import KuamoError, StoreError, TableError, visible
from kuamo.core.files import local_path, reporting_io_errors
from kuamo.core.messages import Note
from kuamo.core.modules import is_trainable
from kuamo.core.profiling import Cost, measure_cost
from kuamo.core.types import Progress
from kuamo.core.version import __version__
from kuamo.data.datasets import toy
from kuamo.data.identity import Unknown, identity
from kuamo.data.table import Table, as_table
from kuamo.data.table_identity import of_table
from kuamo.encoders.feature_cache import features
from kuamo.evaluation.leaderboard import Benchmark, Trial, from_trials
from kuamo.evaluation.report import Report
from kuamo.evaluation.retrieval import evaluate
from kuamo.fitting.checks import check_table
from kuamo.fitting.pipeline import fit
from kuamo.fitting.towers import open_ports
from kuamo.objectives import Objective, Reconstruct
from kuamo.objectives.registry import objective_named
from kuamo.training.config import Training
from kuamo.training.objective import terms_of

__all__ = ["compare"]

Methods = Mapping[str, Objective | None]
USUAL = ("default", "CCA", "InfoNCE", "SigLIP", "MoPoE", "MMVM", "Reconstruct")


@dataclass(frozen=True)
class Setting:
    """What all trials share."""

    table: Table
    test: float | int
    by: str
    positives: str
    encoders: Mapping[str, Any]
    training: Training | None
    out: Path | None


def compare(
    table: Table,
    methods: Methods | Sequence[str] | None = None,
    *,
    test: float | int = 0.2,
    by: str = "group",
    seeds: Sequence[int] = (0, 1, 2),
    positives: str = "row",
    metric: str | None = None,
    encoders: Mapping[str, Any] | None = None,
    training: Training | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> Benchmark:
    """Fit several methods on the same rows; report figures, costs, and which differences are significant.

    For each seed the table is split once; every method is fitted on one side and asked on the other. Tests are paired,
    on the same queries, over all directions and seeds at once; rows of a group are flipped together, however often they
    were asked, and p is corrected (Holm) for all pairs of methods. Intervals cover what other rows would give, not what
    other seeds would.

    Args:
        table: rows, with pairs. methods: names such as `"CCA"` or `"InfoNCE + 0.5 * Reconstruct"`, or name → objective;
            `"default"`, or `None` as an objective, is `fit` as it stands. If not given, a usual set, without those that
            this table has not the rows for.
        test, by: see `Table.split`. seeds: of splits and fits. positives: see `evaluate`.
        metric: by which methods are ordered and tested; R@10, or mAP where a query has several right answers.
        encoders, training: see `fit`; the same for all methods.
        out: a folder for what is done, trial by trial: started again after a kill, a comparison goes on where it stood,
            and with more methods or seeds it does only what is new.
        progress: called with (what, done, of).

    Returns:
        Benchmark: prints as a table, saves as JSON and as a page.

    Raises:
        TableError: an unknown method, or one that this table has not the rows or labels for, before anything is fitted.
        StoreError: `out` holds trials of the same names with other settings or data.

    Example:
        >>> import kuamo as km
        >>> contest = compare(km.datasets.toy(120), ["CCA", "Reconstruct"], seeds=[0], training=km.Training(steps=5))
        >>> contest.methods, contest.outperforms("CCA")
        (['CCA', 'Reconstruct'], ['Reconstruct'])
    """
    table = as_table(table)
    setting = Setting(
        table, test, by, positives, encoders or {}, training, local_path(out, "a comparison") if out else None
    )
    if not seeds:
        raise TableError("no seed; expected at least one in seeds=")
    wanted, left_out = runnable(setting, named_methods(methods, table, positives), seeds, strict=methods is not None)
    shared, used = encode_once(setting, progress)
    common = content_of(setting, used) if setting.out else ""
    trials: list[Trial] = []
    groups = dict(zip(table.ids, map(str, table.groups), strict=True))
    plan = [(seed, name) for seed in seeds for name in wanted]
    for number, (seed, name) in enumerate(plan):
        if progress:
            progress(f"{name}, seed {seed}", number, len(plan))
        if name in left_out:
            continue
        key = common and key_of_trial(common, wanted[name], seed)
        try:
            report = trial(setting, name, wanted[name], seed, key)
        except KuamoError as error:
            if isinstance(error, StoreError):
                raise
            left_out[name] = f"seed {seed}: {visible(error.args[0])}"
            continue
        trials.append(Trial(name, seed, report, Cost(**report.facts["trial"]["cost"]), groups))
    trials = [one for one in trials if one.method not in left_out]
    if not trials:
        raise TableError("no method has a result: " + "; ".join(f"{name}: {why}" for name, why in left_out.items()))
    metric = metric or ("R@10" if positives == "row" else "mAP")
    return from_trials(title(setting, seeds), trials, metric, notes=remarks(trials, wanted, shared), left_out=left_out)


# ── methods ──────────────────────────────────────────────────────────────────────────────────────────────────────


def named_methods(methods: Methods | Sequence[str] | None, table: Table, positives: str) -> dict[str, Objective | None]:
    """Name → objective."""
    if isinstance(methods, str):
        raise TableError(f"given methods={methods!r}; expected a list of names")
    if isinstance(methods, Mapping):
        found = dict(methods)
    else:
        names = default_methods(table, positives) if methods is None else list(methods)
        if len(set(names)) < len(names):
            raise TableError(f"given methods {names}; expected each name once")
        found = {name: None if name == "default" else objective_named(name, ["default"]) for name in names}
    if not found:
        raise TableError("no method; expected at least one in methods=")
    return found


def default_methods(table: Table, positives: str) -> list[str]:
    """The names that are tried if none are given."""
    present = table.present()
    holes = not present.all()
    more = ["LabelTriplet"] if positives == "label" else []
    return [*USUAL[:-1], *more, *(["InfoNCE + 0.3 * Sinkhorn"] if holes else []), USUAL[-1]]


def runnable(
    setting: Setting, methods: dict[str, Objective | None], seeds: Sequence[int], strict: bool
) -> tuple[dict[str, Objective | None], dict[str, str]]:
    """The methods that this table has the rows for, and why the others are left out."""
    from kuamo.objectives import CCA

    good, left_out = dict(methods), dict[str, str]()
    for seed in seeds:
        train, _ = setting.table.split(setting.test, by=setting.by, seed=seed)
        for name, objective in methods.items():
            try:
                check_table(train, CCA() if objective is None else objective)
            except TableError as error:
                if strict:
                    raise TableError(f"method {name!r}: {error}") from None
                left_out[name] = visible(error.args[0])
                good.pop(name, None)
    if not good:
        raise TableError(f"no method can be fitted: {next(iter(left_out.values()))}")
    return good, left_out


# ── trials ───────────────────────────────────────────────────────────────────────────────────────────────────────


def trial(setting: Setting, name: str, objective: Objective | None, seed: int, key: str | None) -> Report:
    """The report of one method with one seed, from `out` if it is there."""
    path = None
    if setting.out:
        with reporting_io_errors(setting.out):
            (setting.out / "trials").mkdir(parents=True, exist_ok=True)
        path = setting.out / "trials" / f"{slug(name)}-{seed}.json"
        if path.exists():
            known = Report.load(path)
            kept = known.facts.get("trial")
            if key is None or not isinstance(kept, dict) or kept.get("key") != key:
                raise StoreError(
                    f"{path}: holds a trial of other data or settings, or of another version of kuamo; expected the "
                    f"same, or another folder"
                )
            return checked_cost(known, path)
    train, held_out = setting.table.split(setting.test, by=setting.by, seed=seed)
    with measure_cost() as cost:
        space = fit(train, objective, encoders=deepcopy(dict(setting.encoders)), training=setting.training, seed=seed)
    report = evaluate(space, held_out, positives=setting.positives, examples=0, seed=seed)
    report.facts["trial"] = {"method": name, "seed": seed, "key": key, "cost": asdict(cost)}
    if path:
        report.save(path)
    return report


def checked_cost(known: Report, path: Path) -> Report:
    """A kept trial, whose cost can be read."""
    try:
        Cost(**known.facts["trial"]["cost"])
    except (KeyError, TypeError):
        raise StoreError(f"{path}: does not describe a trial; expected its cost: remove it to start anew") from None
    return known


def content_of(setting: Setting, encoders: Mapping[str, Any]) -> str | None:
    """The hash of what all trials depend on: version, rows with what their files hold, split, settings and encoders;
    `None` where that is unknown."""
    shared = (setting.test, setting.by, setting.positives, setting.training, encoders)
    try:
        return identity([__version__, of_table(setting.table), *shared])
    except Unknown:
        return None


def key_of_trial(common: str, objective: Objective | None, seed: int) -> str | None:
    """The hash of what one trial depends on, or `None`."""
    try:
        return identity([common, objective, seed])
    except Unknown:
        return None


def encode_once(setting: Setting, progress: Progress | None) -> tuple[Cost, dict[str, Any]]:
    """Features of all frozen columns into the cache, so that no method pays for them; what that costs, and the
    encoders."""
    from kuamo.fitting import pipeline as fitting
    from kuamo.objectives import InfoNCE

    fitting.fit(toy(40), InfoNCE(), dim=2, training=Training(steps=1))  # loads torch and what it loads: nobody's cost
    ports, _ = open_ports(setting.table, deepcopy(dict(setting.encoders)), {})
    with measure_cost() as cost:
        for port in ports:
            if not is_trainable(port.encoder):
                features(setting.table, port.name, port.encoder, progress=progress)
    return cost, {port.name: port.encoder for port in ports}


def slug(name: str) -> str:
    """A file's name for a method's.

    Example:
        >>> slug("InfoNCE + 0.5 * Reconstruct")
        'InfoNCE+0.5_Reconstruct-67ba13'
    """
    plain = re.sub(r"[^\w.+-]+", "_", name.replace(" ", "").replace("*", "_"))[:60]
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def title(setting: Setting, seeds: Sequence[int]) -> Note:
    """What was asked, of what."""
    part = isinstance(setting.test, float) and setting.test < 1
    return Note(
        "contest",
        rows=len(setting.table),
        source=setting.table.source,
        test=f"{setting.test:.0%}" if part else str(setting.test),
        by=setting.by,
        seeds=", ".join(map(str, seeds)),
        right="" if setting.positives == "row" else Note("contest_right", positives=setting.positives),
    )


def remarks(trials: list[Trial], methods: Mapping[str, Objective | None], shared: Cost) -> list[str]:
    """What the numbers hold, and what the control is."""
    kept = {trial.method for trial in trials}
    alone = [
        name
        for name, objective in methods.items()
        if name in kept and objective and all(isinstance(term, Reconstruct) for _, term in terms_of(objective))
    ]
    return [
        *(Note("contest_control", method=name) for name in alone),
        Note("contest_shared", seconds=shared.cpu),
        Note("contest_memory"),
        Note("contest_groups"),
    ]
