"""What is asked of the answering model, from the published data sets: edits, and questions with their answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from memory_editor.edits import Edit
from memory_editor.evaluation.answering import Question
from memory_editor.evaluation.published import Case, Published

CLAIM = "Is the following claim true? {}"
YES_NO = {"yes": ("yes", "true"), "no": ("no", "false")}


@dataclass
class Asked:
    """Questions by what figure they make; `edit` of each is the one that a forced route gives, where it is forced."""

    questions: list[Question] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)

    def add(self, case: Case, prompt: str, wanted: Iterable[str], unwanted: Iterable[str] = ()) -> None:
        """Add a question about a record's edit."""
        assert case.edit is not None
        self.questions.append(Question(prompt, tuple(wanted), tuple(unwanted)))
        self.edits.append(case.edit)

    def sampled(self, count: int) -> "Asked":
        """Return at most `count` questions, evenly spaced."""
        step = max(1, -(-len(self.questions) // count))
        return Asked(self.questions[::step], self.edits[::step])


@dataclass(frozen=True)
class Row:
    """Edits that are live together, and what is asked meanwhile."""

    edits: Sequence[Edit]
    asked: Mapping[str, Asked]


def counterfact(data: Published) -> Row:
    """CounterFact's own prompts and paraphrases."""
    cases = data.requests("counterfact/edit_{split}.json")
    own, paraphrase = Asked(), Asked()
    for case, edit, target in _targeted(cases):
        old = [edit.target_true] if edit.target_true else []
        own.add(case, edit.prompt, [target], old)
        paraphrase.add(case, case.text("rephrase_prompt"), [target], old)
    return _row(cases, reliability=own, generality=paraphrase)


def counterfact_hard(data: Published) -> Row:
    """CounterFact as questions, and the two kinds of hard negatives."""
    cases = data.requests("counterfact_hard/{split}.json")
    inside, other_subject, other_relation = Asked(), Asked(), Asked()
    for case in cases:
        pairs = case.fields["edit_scope"]
        for prompt in dict.fromkeys(prompt for prompt, _ in pairs):
            inside.add(case, prompt, [answer for asked, answer in pairs if asked == prompt])
        target = [answer for _, answer in pairs[:1]]  # a few records ask nothing in scope
        for kind, asked in (("neighbor_subj", other_subject), ("same_subj", other_relation)):
            for prompt in case.part("unrelated").texts(kind):
                asked.add(case, prompt, [], target)
    return _row(cases, reliability=inside, other_subject=other_subject, other_relation=other_relation)


def zsre(data: Published) -> Row:
    """KnowEdit's zsRE with the training edits live as well."""
    cases = data.requests("knowedit/zsre_{split}.json")
    own, paraphrase = Asked(), Asked()
    for case, edit, target in _targeted(cases):
        own.add(case, edit.prompt, [target])
        paraphrase.add(case, case.text("rephrase_prompt"), [target])
    row = _row(cases, reliability=own, generality=paraphrase, **_portability(cases))
    return Row([*(case.edit for case in data.requests("zsre/train.json") if case.edit), *row.edits], row.asked)


def wiki_recent(data: Published) -> Row:
    """KnowEdit's recent facts."""
    return _wiki(data.requests("knowedit/wiki_recent_{split}.json"))


def wiki_counterfact(data: Published) -> Row:
    """KnowEdit's counterfacts."""
    return _wiki(data.requests("knowedit/wiki_counterfact_{split}.json"))


def fever(data: Published) -> Row:
    """FEVER's claims, asked whether they are true."""
    cases = data.requests("fever/edits_{split}.json")
    claims = Asked()
    for case in cases:
        for claim, verdict in case.fields["edit_scope"]:
            claims.add(case, CLAIM.format(claim), YES_NO[verdict], YES_NO["no" if verdict == "yes" else "yes"])
    return _row(cases, verdict=claims)


ROWS: Mapping[str, Callable[[Published], Row]] = {
    "counterfact": counterfact,
    "counterfact-hard": counterfact_hard,
    "zsre": zsre,
    "wiki-recent": wiki_recent,
    "wiki-counterfact": wiki_counterfact,
    "fever": fever,
}


def _wiki(cases: Sequence[Case]) -> Row:
    own = Asked()
    for case, edit, target in _targeted(cases):
        own.add(case, edit.prompt, [target])
    return _row(cases, reliability=own, **_portability(cases))


def _portability(cases: Sequence[Case]) -> dict[str, Asked]:
    found = {"reasoning": Asked(), "alias": Asked()}
    names = {"Reasoning": "reasoning", "Logical_Generalization": "reasoning", "Subject_Aliasing": "alias"}
    for case in cases:
        for kind, name in names.items():
            for item in case.part("portability").items(kind):
                if answers := [text for text in item.texts("ground_truth") if text.strip()]:
                    found[name].add(case, item.text("prompt"), answers)
    return {name: asked for name, asked in found.items() if asked.questions}


def _row(cases: Sequence[Case], **asked: Asked) -> Row:
    return Row([case.edit for case in cases if case.edit], asked)


def _targeted(cases: Sequence[Case]) -> Iterator[tuple[Case, Edit, str]]:
    for case in cases:
        if case.edit and case.edit.target_new:
            yield case, case.edit, case.edit.target_new
