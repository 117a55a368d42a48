"""The rows of the scope table: which files' edits are live together, what is asked, and what is hoped for."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from memory_editor.edits import Edit
from memory_editor.evaluation.published import Case, Published
from memory_editor.evaluation.rows import Probe, ProbeSet, Row, RowName
from memory_editor.text import fingerprint

QUALIFIED: Final = Path(__file__).with_name("qualified.json")
"""The prompts written by hand: what negation, time, place or supposition makes of an edit's own prompt."""

_QUESTIONS: Final = ("webquestions", "nq_open", "squad2")


def read_row(name: RowName, data: Published) -> Row:
    """Return a row with its edits and all that is asked; raises `DataError`."""
    row = _ROWS[name](data)
    return row.sampled(data.limit) if data.limit else row


def _counterfact(data: Published) -> Row:
    return _counterfact_row(data, RowName.COUNTERFACT, [], ("100 %", "≥ 98 %", "≥ 99 %"))


def _counterfact_train(data: Published) -> Row:
    goal = "at most 1 point below counterfact"
    return _counterfact_row(data, RowName.COUNTERFACT_TRAIN, data.requests("counterfact/train.json"), (goal,) * 3)


def _counterfact_row(data: Published, name: RowName, before: Sequence[Case], goals: tuple[str, str, str]) -> Row:
    cases = data.requests("counterfact/edit_{split}.json")
    paraphrases = [case.inside(case.text("rephrase_prompt")) for case in cases]
    locality = [case.outside(case.text("locality_prompt"), case.texts("locality_ground_truth")) for case in cases]
    return _row(
        name,
        [*before, *cases],  # what is evaluated supersedes what was there before
        _own(cases, goals[0]),
        _set("paraphrase", paraphrases, goals[1]),
        _set("locality prompt", locality, goals[2]),
    )


def _counterfact_hard(data: Published) -> Row:
    cases = data.requests("counterfact_hard/{split}.json")
    unrelated = [case.part("unrelated") for case in cases]
    return _row(
        RowName.COUNTERFACT_HARD,
        cases,
        _set("in scope", [case.inside(asked) for case in cases for asked in case.firsts("edit_scope")], "≥ 97 %"),
        _set("other subject", _outside(unrelated, "neighbor_subj"), "≥ 99 %"),
        _set("same subject, other relation", _outside(unrelated, "same_subj"), "≥ 97 %"),
    )


def _zsre(data: Published) -> Row:
    train, cases = data.records("zsre/train.json"), data.requests("knowedit/zsre_{split}.json")
    return _row(
        RowName.ZSRE,
        [*train, *cases],
        _own(cases),
        _set("rephrase", [case.inside(case.text("rephrase_prompt")) for case in cases], "≥ 98 %"),
        _set(
            "unrelated question", [Probe(case.text("loc"), truths=case.texts("loc_ans")) for case in train], "≥ 99.8 %"
        ),
        *_knowedit(cases, "≥ 96 %"),
    )


def _wiki_recent(data: Published) -> Row:
    return _wiki(RowName.WIKI_RECENT, data.requests("knowedit/wiki_recent_{split}.json"))


def _wiki_counterfact(data: Published) -> Row:
    return _wiki(RowName.WIKI_COUNTERFACT, data.requests("knowedit/wiki_counterfact_{split}.json"))


def _wiki(name: RowName, cases: Sequence[Case]) -> Row:
    return _row(name, cases, _own(cases, "100 %"), *_knowedit(cases, "≥ 95 %"))


def _knowedit(cases: Sequence[Case], goal: str) -> Iterator[ProbeSet]:
    """Yield what is asked in all files of KnowEdit."""
    locality = [case.part("locality") for case in cases]
    portability = [case.part("portability") for case in cases]
    same_subject = (item for part in locality for item in part.items("Relation_Specificity"))
    truthful = [item.outside(item.text("prompt"), item.texts("ground_truth")) for item in same_subject]
    negated = [item.outside(item.text("prompt")) for part in locality for item in part.items("Forgetfulness")]
    yield _set("same-subject locality", truthful, goal)
    # What is true of these is always what was true of the edit: no sign of a collision.
    yield _set("forgetfulness", negated, is_pooled=False)
    yield _set("subject alias", _asked_inside(portability, "Subject_Aliasing"), is_pooled=False)
    consequences = _asked_inside(portability, "Reasoning", "Logical_Generalization")
    yield _set("portability", consequences, is_pooled=False, among=True)


def _fever(data: Published) -> Row:
    cases, others = data.requests("fever/edits_{split}.json"), data.records("fever/out_of_scope_{split}.json")
    # Each scope holds the edit's own claim as well, which is counted by itself.
    inside = [case.inside(claim) for case in cases for claim in case.firsts("edit_scope") if not _is_own(claim, case)]
    outside = [Probe(claim) for case in others for claim in case.firsts("edit_scope")]
    return _row(
        RowName.FEVER,
        cases,
        _own(cases),
        _set("in-scope claim", inside, "≥ 97 %"),
        _set("out-of-scope claim", outside, "≥ 99 %"),
    )


def _everyday(data: Published) -> Row:
    questions = [
        Probe(case.text("question"), truths=case.texts("answers") + case.texts("answer"), kind=name)
        for name in _QUESTIONS
        for case in data.records(f"questions/{name}.json")
    ]
    edits = [*data.requests("counterfact/train.json"), *data.requests("counterfact/edit_{split}.json")]
    return _row(RowName.EVERYDAY, edits, _set("everyday question", questions, "≥ 99.8 %"))


def _qualified(_: Published) -> Row:
    raw = json.loads(QUALIFIED.read_text(encoding="utf-8"))
    edits = {one["id"]: Edit(one["prompt"], one.get("target_new"), subject=one.get("subject")) for one in raw["edits"]}
    probes = [
        Probe(one["prompt"], one["edit"] and edits[one["edit"]].id, in_scope=bool(one["edit"]), kind=one["kind"])
        for one in raw["prompts"]
    ]
    return Row(RowName.QUALIFIED, tuple(edits.values()), (_set("as a careful reader would", probes, "≥ 95 %"),))


_ROWS: Final[Mapping[RowName, Callable[[Published], Row]]] = {
    RowName.COUNTERFACT: _counterfact,
    RowName.COUNTERFACT_TRAIN: _counterfact_train,
    RowName.COUNTERFACT_HARD: _counterfact_hard,
    RowName.ZSRE: _zsre,
    RowName.WIKI_RECENT: _wiki_recent,
    RowName.WIKI_COUNTERFACT: _wiki_counterfact,
    RowName.FEVER: _fever,
    RowName.EVERYDAY: _everyday,
    RowName.QUALIFIED: _qualified,
}


def _row(name: RowName, cases: Iterable[Case], *sets: ProbeSet) -> Row:
    return Row(name, tuple(case.edit for case in cases if case.edit), sets)


def _set(
    name: str, probes: Iterable[Probe], goal: str = "", *, is_pooled: bool = True, among: bool = False
) -> ProbeSet:
    return ProbeSet(name, tuple(probes), goal, is_pooled, among)


def _own(cases: Iterable[Case], goal: str = "") -> ProbeSet:
    return _set("edit prompt", [case.inside(case.edit.prompt) for case in cases if case.edit], goal)


def _is_own(prompt: str, case: Case) -> bool:
    return case.edit is not None and fingerprint(prompt) == fingerprint(case.edit.prompt)


def _outside(cases: Iterable[Case], name: str) -> Iterator[Probe]:
    return (case.outside(prompt) for case in cases for prompt in case.texts(name))


def _asked_inside(cases: Iterable[Case], *kinds: str) -> Iterator[Probe]:
    return (item.inside(item.text("prompt"), kind) for case in cases for kind in kinds for item in case.items(kind))
