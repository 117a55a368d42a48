"""What each form of data set asks about its edits; knows no files.

Each loader has a version, which goes into every result: counted up whenever it would ask something else.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from memory_editor.datasets.forms import Form
from memory_editor.edits import Edit
from memory_editor.errors import DataError
from memory_editor.evaluation.comparison.cases import Asked, Kind
from memory_editor.evaluation.published import Case

CLAIM: Final = "Is the following claim true? {}"
VERDICTS: Final = {"yes": ("yes", "true"), "no": ("no", "false")}


class Loader(NamedTuple):
    """What a form's records ask, and the version of how that is read."""

    version: int
    asks: Callable[[Case, Sequence[Edit]], Iterator[Asked]]


def loader_of(form: Form) -> Loader:
    """Return the loader of a form; raises `DataError` for one of which nothing can be asked."""
    if form not in LOADERS:
        raise DataError(f"{form} files ask nothing that can be compared; use {', '.join(LOADERS)}")
    return LOADERS[form]


def _plain(record: Case, edits: Sequence[Edit]) -> Iterator[Asked]:
    yield from _own(edits)
    for item in record.items("asked"):
        name = item.text("kind")
        if name not in [*Kind]:
            raise DataError(f"kind {name!r} is unknown; it is one of {', '.join(Kind)}")
        yield Asked(Kind(name), item.text("prompt"), item.texts("answers"))


def _counterfact(record: Case, edits: Sequence[Edit]) -> Iterator[Asked]:
    """CounterFact as published, Meng et al. 2022, or flat, with one paraphrase and one near miss."""
    yield from _own(edits)
    (edit,) = edits
    if "requested_rewrite" in record.fields:
        paraphrases, near = record.texts("paraphrase_prompts"), record.texts("neighborhood_prompts")
        true = tuple(filter(None, [edit.target_true]))
    else:
        paraphrases, near = record.texts("rephrase_prompt"), record.texts("locality_prompt")
        true = record.texts("locality_ground_truth")
    yield from (Asked(Kind.GENERALITY, prompt, _target(edit)) for prompt in paraphrases)
    yield from (Asked(Kind.NEAR_MISS, prompt, true) for prompt in near)


def _zsre(record: Case, edits: Sequence[Edit]) -> Iterator[Asked]:
    """zsRE as MEND has it, Mitchell et al. 2022; its locality prompts are questions about anything."""
    yield from _own(edits)
    for edit in edits:
        yield from (Asked(Kind.GENERALITY, prompt, _target(edit)) for prompt in record.texts("rephrase"))
    yield from (Asked(Kind.UNRELATED, prompt, record.texts("loc_ans")) for prompt in record.texts("loc"))


def _knowedit(record: Case, edits: Sequence[Edit]) -> Iterator[Asked]:
    """KnowEdit, Zhang et al. 2024."""
    yield from _own(edits)
    (edit,) = edits
    yield from (Asked(Kind.GENERALITY, prompt, _target(edit)) for prompt in record.texts("rephrase_prompt"))
    for part, kinds in _KNOWEDIT.items():
        if isinstance(record.fields.get(part), dict):
            for name, kind in kinds.items():
                for item in record.part(part).items(name):
                    answers = tuple(text for text in item.texts("ground_truth") if text.strip())
                    if answers or not kind.in_scope:
                        yield Asked(kind, item.text("prompt"), answers)


def _eren(record: Case, edits: Sequence[Edit]) -> Iterator[Asked]:
    """FEVER and CounterFact with hard negatives as EREN has them: edits are statements."""
    del edits
    claims = "unrelated" not in record.fields
    kinds = iter((Kind.RELIABILITY,))
    asked: dict[str, list[str]] = {}
    for question, answer in _pairs(record):
        asked.setdefault(question, []).append(answer)
    for question, answers in asked.items():
        right = VERDICTS.get(answers[0], tuple(answers)) if claims else tuple(answers)
        yield Asked(next(kinds, Kind.GENERALITY), CLAIM.format(question) if claims else question, right)
    if not claims:
        unrelated = record.part("unrelated")
        yield from (Asked(Kind.NEAR_MISS, prompt) for prompt in unrelated.texts("neighbor_subj"))
        yield from (Asked(Kind.SAME_SUBJECT, prompt) for prompt in unrelated.texts("same_subj"))


def _mquake(record: Case, edits: Sequence[Edit]) -> Iterator[Asked]:
    """MQuAKE, Zhong et al. 2023."""
    yield from _own(edits)
    for edit, rewrite in zip(edits, record.items("requested_rewrite"), strict=True):
        yield from (Asked(Kind.GENERALITY, prompt, _target(edit)) for prompt in rewrite.texts("question"))
    answers = (*record.texts("new_answer"), *record.texts("new_answer_alias"))
    yield from (Asked(Kind.MULTI_HOP, prompt, answers) for prompt in record.texts("questions"))


LOADERS: Final[dict[Form, Loader]] = {
    Form.JSONL: Loader(1, _plain),
    Form.COUNTERFACT: Loader(1, _counterfact),
    Form.ZSRE: Loader(1, _zsre),
    Form.KNOWEDIT: Loader(2, _knowedit),
    Form.EREN: Loader(1, _eren),
    Form.MQUAKE: Loader(1, _mquake),
}

_KNOWEDIT: Final = {
    "portability": {
        "Reasoning": Kind.REASONING,
        "Logical_Generalization": Kind.REASONING,
        "Subject_Aliasing": Kind.ALIAS,
    },
    "locality": {"Relation_Specificity": Kind.SAME_SUBJECT, "Forgetfulness": Kind.FORGETFULNESS},
}


def _own(edits: Sequence[Edit]) -> Iterator[Asked]:
    return (Asked(Kind.RELIABILITY, edit.prompt, _target(edit)) for edit in edits if edit.target_new)


def _target(edit: Edit) -> tuple[str, ...]:
    return (edit.target_new,) if edit.target_new else ()


def _pairs(record: Case) -> Iterator[tuple[str, str]]:
    scope = record.fields.get("edit_scope")
    if not isinstance(scope, list):
        raise DataError(f"edit_scope must be a list, got {type(scope).__name__}")
    for item in scope:
        match item:
            case [str(question), str(answer)]:
                yield question, answer
            case _:
                raise DataError(f"edit_scope must hold pairs of a question and its answer, got {item!r}")
