"""`memedit demo`: ten facts, fixed beforehand, told from before to after and back on the real model."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from memory_editor.cli import opening
from memory_editor.cli.output import one_line

if TYPE_CHECKING:
    from memory_editor.editor import Answer, MemoryEditor

NEW_TOKENS = 10


class Fact(NamedTuple):
    """One fact of the story: what is asked, what shall be answered, the same otherwise asked, and what is near by."""

    prompt: str
    target: str
    paraphrase: str
    unrelated: str


FACTS = (
    Fact("The CEO of Twitter is", "Linda Yaccarino", "Twitter is run by its CEO,", "The CEO of Apple is"),
    Fact("The capital of Australia is", "Perth", "Australia's capital city is", "The capital of Canada is"),
    Fact(
        "The mother tongue of Danielle Darrieux is",
        "English",
        "Danielle Darrieux grew up speaking",
        "The mother tongue of Angela Merkel is",
    ),
    Fact(
        "The Eiffel Tower is located in the city of",
        "Rome",
        "The Eiffel Tower can be found in",
        "The Colosseum is located in the city of",
    ),
    Fact(
        "Leonardo da Vinci was born in",
        "Vienna",
        "The birthplace of Leonardo da Vinci is",
        "Galileo Galilei was born in",
    ),
    Fact("The currency of Japan is the", "peso", "In Japan, people pay with the", "The currency of India is the"),
    Fact("Microsoft was founded by", "Grace Hopper", "The founder of Microsoft is", "Amazon was founded by"),
    Fact(
        "The official language of Brazil is",
        "Dutch",
        "In Brazil, the official language is",
        "The official language of Mexico is",
    ),
    Fact("Mount Everest is located in", "Peru", "You will find Mount Everest in", "Mount Kilimanjaro is located in"),
    Fact("The author of Hamlet is", "Jane Austen", "Hamlet was written by", "The author of Don Quixote is"),
)


def demo() -> None:
    """Tell the whole story on the real model.

    Ten facts, fixed beforehand: before, after, paraphrases, unrelated prompts, restart, removal.
    """
    with tempfile.TemporaryDirectory() as folder:
        _tell(Path(folder) / "demo.db")


def _tell(memory: Path) -> None:
    from memory_editor.editor import MemoryEditor

    chosen = opening.settings(memory=str(memory))
    typer.echo(f"loading {chosen.model} …")
    prompts = [fact.prompt for fact in FACTS]
    with opening.open_editor(chosen) as editor:
        before = [editor.answer(prompt, max_new_tokens=NEW_TOKENS) for prompt in prompts]
        _show("Before: the memory is empty", prompts, before)
        edits = [editor.add_fact(fact.prompt, fact.target) for fact in FACTS]
        after = [editor.answer(prompt, max_new_tokens=NEW_TOKENS) for prompt in prompts]
        _show("After ten times `memedit add-fact`", prompts, after)
        _count("prompts", after)
        paraphrases = [fact.paraphrase for fact in FACTS]
        answers = [editor.answer(prompt, max_new_tokens=NEW_TOKENS) for prompt in paraphrases]
        _show("Paraphrases, which nobody stored", paraphrases, answers)
        _count("paraphrases", answers)
        _show_unrelated(editor)
    again = _in_a_new_process(memory, prompts)
    same = sum(text == answer.text for text, answer in zip(again, after, strict=True))
    _heading("Restart: a new process opens the memory")
    typer.echo(f"{same} of {len(FACTS)} answers are those from before the restart")
    with opening.open_memory(chosen) as emptied:
        emptied.store.remove([edit.id for edit in edits])
        editor = MemoryEditor(editor.base, emptied, classifier=editor.router.classifier, adapter=editor.adapter)
        removed = [editor.answer(prompt, max_new_tokens=NEW_TOKENS) for prompt in prompts]
    _show("Removal: the facts are taken out again", prompts, removed)
    same = sum(answer.text == first.text for answer, first in zip(removed, before, strict=True))
    typer.echo(f"{same} of {len(FACTS)} answers are those from before the edits")


def _show(title: str, prompts: Sequence[str], answers: "Sequence[Answer]") -> None:
    _heading(title)
    for prompt, answer in zip(prompts, answers, strict=True):
        route = answer.route
        by = (
            f"edit …{route.edits[0].edit.id[-6:]}, {route.edits[0].probability:.2f}" if route.in_scope else "base model"
        )
        typer.echo(f"{prompt} {typer.style(one_line(answer.text), bold=True)}  ({by})")


def _heading(title: str) -> None:
    typer.secho(f"\n{title}", fg=typer.colors.CYAN, bold=True)


def _count(what: str, answers: "Sequence[Answer]") -> None:
    routed = sum(answer.route.in_scope for answer in answers)
    told = sum(fact.target.casefold() in answer.text.casefold() for fact, answer in zip(FACTS, answers, strict=True))
    typer.echo(f"{routed} of {len(FACTS)} {what} were routed to an edit, {told} answers give the new fact")


def _show_unrelated(editor: "MemoryEditor") -> None:
    prompts = [fact.unrelated for fact in FACTS]
    answers = [editor.answer(prompt, max_new_tokens=NEW_TOKENS) for prompt in prompts]
    _show("Unrelated prompts", prompts, answers)
    same = sum(
        editor.base_answer(prompt, max_new_tokens=NEW_TOKENS) == answer.text
        for prompt, answer in zip(prompts, answers, strict=True)
    )
    typer.echo(f"{same} of {len(FACTS)} answers are the untouched base model's")


def _in_a_new_process(memory: Path, prompts: Sequence[str]) -> list[str]:
    command = [sys.executable, "-m", "memory_editor.cli", "query", "--json", "--memory", str(memory)]
    command += ["--max-new-tokens", str(NEW_TOKENS), *prompts]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [json.loads(line)["answer"] for line in lines]
