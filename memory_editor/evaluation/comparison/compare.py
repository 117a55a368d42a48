"""What of one set of runs is worse or better in another, beyond the intervals; measures nothing itself."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeAlias

from memory_editor.errors import DataError
from memory_editor.evaluation.comparison.runs import Values, value_at

SLOWER: Final = 2.0
"""From which ratio on a cost counts as another: machines that are shared differ by less."""

Key: TypeAlias = tuple[str, str, str, int]

_COSTS: Final = (("cost", "seconds"), ("general", "query", "edited_p50"))


@dataclass(frozen=True)
class Difference:
    """A figure that is not what it was: shares by their intervals, costs by their ratio."""

    run: str
    figure: str
    before: float
    after: float
    is_worse: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def compare(before: Sequence[Values], after: Sequence[Values]) -> list[Difference]:
    """Return what differs beyond the intervals, regressions first.

    Runs are matched by data set, model, method and number of edits; single runs are compared whatever they are. Raises
    `DataError` where nothing matches.
    """
    if len(before) == len(after) == 1:
        pairs = [(before[0], after[0])]
    else:
        others = {_key(run): run for run in after}
        pairs = [(run, others[_key(run)]) for run in before if _key(run) in others]
    if not pairs:
        raise DataError("no run of the one has the data set, model, method and number of edits of one of the other")
    found = [difference for pair in pairs for difference in (*_shares(*pair), *_costs(*pair))]
    return sorted(found, key=lambda difference: not difference.is_worse)


def _shares(before: Values, after: Values) -> Iterator[Difference]:
    for name, columns in before["measures"].items():
        if name == "collisions":  # an edit's answer may be the right one there
            continue
        for column, old in columns.items():
            new = after["measures"].get(name, {}).get(column)
            if (
                isinstance(old, dict)
                and isinstance(new, dict)
                and (new["high"] < old["low"] or new["low"] > old["high"])
            ):
                is_worse = new["value"] < old["value"]
                yield Difference(_told(before, after), f"{name}, {column}", old["value"], new["value"], is_worse)
    if before["undone"] and not after["undone"]:
        yield Difference(_told(before, after), "undone bit for bit", 1, 0, is_worse=True)


def _costs(before: Values, after: Values) -> Iterator[Difference]:
    for path in _COSTS:
        old, new = (_each(run, path) for run in (before, after))
        if old and new and not 1 / SLOWER < new / old < SLOWER:
            yield Difference(_told(before, after), ", ".join(path), old, new, is_worse=new > old)


def missing(before: Sequence[Values], after: Sequence[Values]) -> list[str]:
    """Return the names of the runs of the one that the other has none of, where more than two are compared."""
    there = {_key(run) for run in after}
    return [_told(run, run) for run in before if len(before) + len(after) > 2 and _key(run) not in there]


def _each(run: Values, path: Sequence[str]) -> float | None:
    """Return a cost; that of applying all edits for one of them."""
    found: float | None = value_at(run, *path)
    return found / max(1, run["cost"]["edits"]) if found is not None and path[0] == "cost" else found


def _key(run: Values) -> Key:
    return run["data"]["name"], run["model"], run["method"], run["edits"]


def _told(before: Values, after: Values) -> str:
    names = [f"{run['data']['name']}, {run['method']}, {run['edits']:,} edits" for run in (before, after)]
    return names[0] if names[0] == names[1] else " → ".join(names)
