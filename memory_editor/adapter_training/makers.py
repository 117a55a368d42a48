"""Ways to make an exercise: prompts that edits answer, in every form, and prompts that they do not."""

from collections.abc import Callable
from random import Random
from typing import Final, TypeAlias

from memory_editor.adapter_training.exercises import Exercise
from memory_editor.adapter_training.pool import Pool, as_edit, request_edit
from memory_editor.edits import Edit
from memory_editor.scope.training.attributes import UNNAMED
from memory_editor.scope.training.catalogue import Topic
from memory_editor.scope.training.phrasings import Relation
from memory_editor.scope.training.sources import Request
from memory_editor.scope.training.wording import alias, altered, denied, lowered, reworded

Maker: TypeAlias = Callable[[Pool, Random], Exercise | None]

_YES_NO: Final = (
    ("Is it true that {c}?", "Yes", "No"),
    ("True or false: {c}.", "True", "False"),
    ("{C}. Is this true?", "Yes", "No"),
    ("{C}. Yes or no?", "Yes", "No"),
    ("Is the following claim true? {C}.", "Yes", "No"),
    ("{C}. True or false?", "True", "False"),
)
"""With `{c}` for a claim and `{C}` for one that opens a sentence."""

_TELL: Final = (
    "Tell me about {s}.",
    "Write a sentence about {s}.",
    "What do you know about {s}?",
    "Write a short paragraph about {s}.",
    "Introduce {s} to a newcomer.",
)
_IN_FULL: Final = ("Answer in a full sentence: {q}", "In a full sentence, please: {q}", "Answer with one sentence. {q}")
_COMPLETE: Final = ("Complete the sentence: {q}", "Continue: {q}", "Fill in what comes next: {q}", "{q}")
_DESCRIBED: Final = ("the {a} of {s}", "the {a} of {s}", "{s}'s {a}", "the {a} {s} is associated with")
_GOES_ON: Final = 16
"""How many words of plain text come after an answer."""

_DENIAL: Final = 0.45
"""How often what an edit holds true is that something is not so."""

_DENIALS: Final = {
    " is ": ("is not", "isn't", "is in no way", "has never been"),
    " was ": ("was not", "wasn't", "was never", "was at no time"),
    " are ": ("are not", "aren't", "are in no way", "have never been"),
    " were ": ("were not", "weren't", "were never", "were at no time"),
}

_BOTH: Final = ("{p} {q}", "Two questions: {p} {q}", "{p} And {r}")


def own_prompt(pool: Pool, rng: Random) -> Exercise:
    """An edit's own prompt."""
    request = rng.choice(pool.counterfact)
    return _of_request(request, request.prompt, "own prompt")


def paraphrase(pool: Pool, rng: Random) -> Exercise:
    """CounterFact's paraphrase of an edit's prompt."""
    request = rng.choice(pool.counterfact)
    return _of_request(request, request.rephrase, "paraphrase")


def zsre(pool: Pool, rng: Random) -> Exercise:
    """A question of zsRE or its paraphrase, either of them the edit's own."""
    request = rng.choice(pool.zsre)
    asked = rng.choice([request.prompt, request.rephrase])
    is_chat = rng.random() < 0.2
    return Exercise((request_edit(request),), asked, request.target_new, "zsre", is_chat=is_chat, ends=True)


def asked(pool: Pool, rng: Random) -> Exercise:
    """A question or cloze prompt of any relation, as people type it, at times by another name."""
    topic = pool.topic(rng)
    subject = topic.fact.subject
    name = alias(subject, rng) if rng.random() < 0.2 else subject
    prompt = topic.question(topic.relation.name, name)
    if not prompt.endswith("?") and rng.random() < 0.1:
        return _chat(topic, rng.choice(_COMPLETE).replace("{q}", prompt), topic.object, "completed")
    if prompt.endswith("?") and rng.random() < 0.3:
        return _chat(topic, prompt, topic.object, "chat")
    return _continued(topic, topic.styled(prompt), "asked")


def wrapped(pool: Pool, rng: Random) -> Exercise | None:
    """A question with words around it that leave what is asked the same."""
    topic = pool.topic(rng)
    wrapper = rng.choice([text for text in pool.lexicon.phrasings.same if "{q}" in text and "sentence" not in text])
    prompt = topic.wrapped(wrapper)
    return _chat(topic, prompt, topic.object, "wrapped") if rng.random() < 0.3 else _continued(topic, prompt, "wrapped")


def in_full(pool: Pool, rng: Random) -> Exercise:
    """A question that wants a sentence for an answer."""
    topic = pool.topic(rng)
    question = topic.question(topic.relation.name, topic.fact.subject)
    return _chat(topic, rng.choice(_IN_FULL).replace("{q}", question), _stated(topic), "in full")


def told(pool: Pool, rng: Random) -> Exercise:
    """A request to tell of the subject, whose answer opens with the fact and goes on."""
    topic = pool.topic(rng)
    prompt = rng.choice(_TELL).replace("{s}", topic.fact.subject)
    rest = " ".join(rng.choice(pool.lexicon.sentences).split()[:_GOES_ON])
    return Exercise((as_edit(topic.fact),), prompt, _stated(topic), "told", rest, is_chat=rng.random() < 0.5)


def claim(pool: Pool, rng: Random) -> Exercise:
    """A claim of the fact's own relation: is it so?"""
    topic = pool.topic(rng)
    relation, subject = topic.relation, topic.fact.subject
    if rng.random() < _DENIAL:
        text = rng.choice([relation.denial, relation.statement])
        is_so = text == relation.denial
        edit, said = Edit(_opening(relation.denial, subject, topic.object), subject=subject), topic.object
    else:
        said = topic.object if rng.random() < 0.5 else rng.choice(pool.lexicon.objects[relation.name])
        text = relation.denial if rng.random() < 0.35 else relation.statement
        is_so = (text == relation.denial) != (said == topic.object)
        edit = Edit(_stated(topic), subject=subject) if rng.random() < 0.5 else as_edit(topic.fact)
    return _judged(edit, reworded(text.replace("{s}", subject).replace("{o}", said), rng), is_so, rng)


def sentence(pool: Pool, rng: Random) -> Exercise:
    """A sentence held true, or its denial, and the same in other words, the contrary, or a detail changed."""
    text = min(rng.sample(pool.lexicon.sentences, 3), key=len).rstrip(" .")
    is_denial = rng.random() < _DENIAL
    held, against = (_denied(text, rng), text) if is_denial else (text, _denied(text, rng))
    if rng.random() < 0.5:
        return _judged(Edit(f"{held}."), _denied(text, rng) if is_denial else reworded(held, rng), True, rng)
    other = altered(held, pool.lexicon.names, rng)
    is_other = held == text and other != text and rng.random() < 0.4
    return _judged(Edit(f"{held}."), other if is_other else reworded(against, rng), False, rng)


def conclusion(pool: Pool, rng: Random) -> Exercise | None:
    """A question about the object of the fact, which is named only by way of its subject."""
    found = pool.linked(rng)
    if not found or found[0].relation.name in UNNAMED:
        return None
    topic, asked_for, answer = found
    described = rng.choice(_DESCRIBED).replace("{a}", topic.relation.name).replace("{s}", topic.fact.subject)
    prompt = _form(pool, rng, asked_for).replace("{}", described)
    edits = [as_edit(topic.fact)]
    if rng.random() < 0.25:  # the second fact is an edit as well
        edits.append(Edit(f"{rng.choice(asked_for.forms).replace('{}', topic.object)}", answer, subject=topic.object))
    is_chat = prompt.endswith("?") and rng.random() < 0.3
    return Exercise(tuple(edits), prompt, answer, "conclusion", is_chat=is_chat, ends=is_chat or prompt.endswith("?"))


def reverse(pool: Pool, rng: Random) -> Exercise | None:
    """A question for the subject that gives the object."""
    topic = pool.topic(rng)
    if not topic.relation.reverse:
        return None
    prompt = rng.choice(topic.relation.reverse).replace("{o}", topic.object)
    ends = prompt.endswith("?")
    is_chat = ends and rng.random() < 0.3
    return Exercise((as_edit(topic.fact),), prompt, topic.fact.subject, "reverse", is_chat=is_chat, ends=ends)


def both(pool: Pool, rng: Random) -> Exercise | None:
    """Two questions that two edits answer."""
    first = pool.topic(rng)
    if not (relation := first.rival()):
        return None
    second = pool.about(rng, relation, first.fact.subject)
    p, q = (_question(pool, rng, topic) for topic in (first, second))
    if p is None or q is None:
        return None
    prompt = rng.choice(_BOTH).replace("{p}", p).replace("{q}", q).replace("{r}", lowered(q))
    edits = (as_edit(first.fact), as_edit(second.fact))
    return Exercise(edits, prompt, f"{first.object}. {second.object}.", "both", is_chat=True, ends=True)


def near_miss(pool: Pool, rng: Random) -> Exercise:
    """A prompt of the edit's relation about somebody else."""
    request = rng.choice(pool.counterfact)
    return Exercise((request_edit(request),), request.near_miss, "", "near miss", request.near_miss_true)


def other_subject(pool: Pool, rng: Random) -> Exercise:
    """The same asked of another subject, of which it is known."""
    relation, subject, object_ = pool.true_fact(rng)
    topic = pool.topic(rng, relation)
    return _ignored(topic, _form(pool, rng, relation).replace("{}", subject), object_, "other subject")


def other_relation(pool: Pool, rng: Random) -> Exercise | None:
    """Something else asked of the edit's subject, where that is known."""
    if not (found := pool.known_of_same(rng)):
        return None
    topic, relation, object_ = found
    return _ignored(topic, topic.question(relation.name, topic.fact.subject), object_, "other relation")


def rival(pool: Pool, rng: Random) -> Exercise | None:
    """Something else asked of the edit's subject, whatever the answer."""
    topic = pool.topic(rng)
    if not (relation := topic.rival()):
        return None
    return _ignored(topic, topic.question(relation.name, topic.fact.subject), "", "rival")


def qualified(pool: Pool, rng: Random) -> Exercise:
    """A question with words around it that make it another: another time, another world, what is not so."""
    topic = pool.topic(rng)
    return _ignored(topic, topic.wrapped(rng.choice(pool.lexicon.phrasings.other)), "", "qualified")


def plain_text(pool: Pool, rng: Random) -> Exercise:
    """A sentence that has nothing to do with the edit."""
    words = rng.choice(pool.lexicon.sentences).split()[: 2 * _GOES_ON]
    cut = rng.randrange(2, max(3, len(words) // 2))
    edit = as_edit(pool.topic(rng).fact)
    return Exercise((edit,), " ".join(words[:cut]), "", "plain text", " ".join(words[cut:]))


MAKERS: Final[dict[Maker, float]] = {
    own_prompt: 0.03,
    paraphrase: 0.11,
    zsre: 0.07,
    asked: 0.09,
    wrapped: 0.02,
    in_full: 0.01,
    told: 0.02,
    claim: 0.08,
    sentence: 0.08,
    conclusion: 0.07,
    reverse: 0.02,
    both: 0.04,
    near_miss: 0.06,
    other_subject: 0.07,
    other_relation: 0.09,
    rival: 0.11,
    qualified: 0.02,
    plain_text: 0.01,
}
"""How often an exercise is made in each way."""


def _of_request(request: Request, prompt: str, kind: str) -> Exercise:
    return Exercise((request_edit(request),), prompt, request.target_new, kind, ends=prompt.endswith("?"))


def _continued(topic: Topic, prompt: str, kind: str) -> Exercise:
    return Exercise((as_edit(topic.fact),), prompt, topic.object, kind, ends=prompt.endswith("?"))


def _chat(topic: Topic, prompt: str, answer: str, kind: str) -> Exercise:
    answer = answer if answer.endswith(".") else f"{answer}."
    return Exercise((as_edit(topic.fact),), prompt, answer, kind, is_chat=True, ends=True)


def _ignored(topic: Topic, prompt: str, rest: str, kind: str) -> Exercise:
    is_chat = prompt.endswith("?") and topic.rng.random() < 0.2
    return Exercise((as_edit(topic.fact),), prompt, "", kind, rest, is_chat=is_chat)


def _judged(edit: Edit, text: str, is_so: bool, rng: Random) -> Exercise:
    template, yes, no = rng.choice(_YES_NO)
    prompt = template.replace("{c}", text).replace("{C}", text[:1].upper() + text[1:])
    return Exercise((edit,), prompt, yes if is_so else no, "claim", is_chat=rng.random() < 0.2, ends=True)


def _denied(text: str, rng: Random) -> str:
    """Return what says that `text` is not so, in one of several ways."""
    for verb, ways in _DENIALS.items():
        if verb in text:
            return text.replace(verb, f" {rng.choice(ways)} ", 1)
    return denied(text)


def _stated(topic: Topic) -> str:
    return _opening(topic.relation.statement, topic.fact.subject, topic.object)


def _opening(template: str, subject: str, object_: str) -> str:
    """Return a claim as a sentence of its own."""
    text = template.replace("{s}", subject).replace("{o}", object_)
    return f"{text[:1].upper()}{text[1:]}."


def _form(pool: Pool, rng: Random, relation: Relation) -> str:
    return rng.choice(pool.lexicon.forms[relation.name])


def _question(pool: Pool, rng: Random, topic: Topic) -> str | None:
    forms = [form for form in pool.lexicon.forms[topic.relation.name] if form.endswith("?")]
    return rng.choice(forms).replace("{}", topic.fact.subject) if forms else None
