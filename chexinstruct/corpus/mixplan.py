"""How many rows of train each task and source gives to a mixture of corpora, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from chexinstruct.build.mixture import PairKey, divide
from chexinstruct.config import load_yaml
from chexinstruct.errors import CallError
from chexinstruct.schema import Split
from chexinstruct.schema.lock import MixedShare

Count = Annotated[int, Field(ge=1)]


class MixPlan(BaseModel):
    """What is asked of a mixture. Names are ``task`` or ``task/source``, the narrower one holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    """Which rows are taken."""
    weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    """Shares of train, relative to one another; 0 leaves a task or pair out."""
    total: Count | None = None
    """Rows of train; None: as many as the weights allow without one running short."""
    rows: dict[str, Annotated[int, Field(ge=0)]] = {}
    """Rows of train, in place of weights."""
    repeats: dict[str, Count] = {}
    """How often a row may stand there at most; 1 where nothing is said."""
    splits: tuple[Split, ...] = ("validation", "test")
    """Kept whole besides train."""

    @model_validator(mode="after")
    def _one_way(self) -> MixPlan:
        if bool(self.weights) == bool(self.rows):
            raise ValueError("give weights or rows, and not both")
        if self.rows and self.total is not None:
            raise ValueError("rows add up to the total; leave the total out")
        return self


def read_plan(path: str | Path) -> MixPlan:
    """The plan in a YAML file.

    Raises:
        CallError: no such file.
        ConfigError: it does not fit; the lines are named.
    """
    if not Path(path).is_file():
        raise CallError(f"no plan at {path}")
    return load_yaml(Path(path), MixPlan)


def make_plan(**entries: object) -> MixPlan:
    """A plan from values; None leaves an entry as it is.

    Raises:
        CallError: a value does not fit.
    """
    try:
        return MixPlan.model_validate({k: v for k, v in entries.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise CallError(f"{place}: {first['msg']}" if place else first["msg"]) from None


def quotas(
    plan: MixPlan, available: Mapping[PairKey, int]
) -> tuple[dict[PairKey, int], list[MixedShare]]:
    """The rows that each pair gives, repetitions included, and the account of it.

    Pairs under the name of their task share what it gets in proportion to what they have.

    Args:
        plan: what is asked.
        available: rows of train of each pair.

    Raises:
        CallError: a name that the corpora do not have, a pair of which nothing is said, or more
            rows than there are with the repeats that are allowed.
    """
    asked = plan.weights or plan.rows
    members = _members(asked, available)
    _check_names(plan, available)
    held = {name: sum(pairs.values()) for name, pairs in members.items()}
    most = {
        name: {pair: n * _repeats(plan, pair) for pair, n in pairs.items()}
        for name, pairs in members.items()
    }
    caps = {name: sum(pairs.values()) for name, pairs in most.items()}
    largest = 0
    if plan.rows:
        chosen = dict(plan.rows)
    else:
        weights = {name: plan.weights[name] for name in members}
        largest = _largest(weights, caps)
        total = plan.total or largest
        chosen = divide(total, weights, dict.fromkeys(weights, total))  # shares hold, or it fails
    for name, wanted in chosen.items():
        if wanted > caps[name]:
            times = -(-wanted // max(held[name], 1))
            raise CallError(
                f"{name} has {held[name]:,} rows of train, {wanted:,} are asked for; allow its "
                f"rows to be repeated ({times} times), or ask for less"
                + ("" if plan.rows else f", in all {largest:,} rows of train at most")
            )
    total = sum(chosen.values())
    if not total:
        raise CallError("the plan takes no row of train")
    given: dict[PairKey, int] = {}
    shares = []
    for name, pairs in members.items():
        parts = divide(chosen[name], {p: float(n) for p, n in pairs.items()}, most[name])
        for pair, rows in parts.items():
            task, _, source = pair.partition("/")
            given[task, source] = rows
        shares.append(
            MixedShare(
                name=name,
                weight=plan.weights.get(name),
                available=held[name],
                rows=chosen[name],
                repeated=sum(max(0, rows - pairs[pair]) for pair, rows in parts.items()),
                share=chosen[name] / total,
            )
        )
    return given, shares


def _members(
    asked: Mapping[str, object], available: Mapping[PairKey, int]
) -> dict[str, dict[str, int]]:
    """Name -> its pairs and their rows."""
    members: dict[str, dict[str, int]] = {}
    missing = []
    for (task, source), count in sorted(available.items()):
        pair = f"{task}/{source}"
        name = pair if pair in asked else task
        if name in asked:
            members.setdefault(name, {})[pair] = count
        else:
            missing.append(pair)
    if missing:
        raise CallError(
            f"nothing is said of {', '.join(missing[:5])}{', ...' if missing[5:] else ''}; name "
            "every pair or its task, with 0 for what is to stay out of train"
        )
    unused = sorted(asked.keys() - members.keys())
    if unused:
        held = ", ".join("/".join(pair) for pair in sorted(available))
        raise CallError(f"no rows of train of {', '.join(unused)}; there are {held}")
    return members


def _check_names(plan: MixPlan, available: Mapping[PairKey, int]) -> None:
    known = {task for task, _ in available} | {"/".join(pair) for pair in available}
    if unknown := sorted(plan.repeats.keys() - known):
        raise CallError(f"repeats: no rows of train of {', '.join(unknown)}")


def _repeats(plan: MixPlan, pair: str) -> int:
    return plan.repeats.get(pair) or plan.repeats.get(pair.partition("/")[0], 1)


def _largest(weights: Mapping[str, float], caps: Mapping[str, int]) -> int:
    """The most rows that the weights divide without one running short."""
    exact = {name: Fraction(weight) for name, weight in weights.items() if weight > 0}
    if not exact:
        raise CallError("all weights are 0")
    whole = sum(exact.values())
    return min(int(caps[name] * whole / weight) for name, weight in exact.items())
