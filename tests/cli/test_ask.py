"""query, chat and route: answers are the editor's, and each comes with its route."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import typer

from memory_editor.cli import output, views
from memory_editor.editor import MemoryEditor
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel, Message
from memory_editor.scope import files
from memory_editor.scope.files import load_classifier
from memory_editor.scope.route import Kind, Route, ScoredEdit
from tests.cli.conftest import Memedit
from tests.fakes import FakeClassifier, FakeEncoder, open_memory

PROMPT = "The CEO of Twitter is"
OTHER = "Two plus two is"
SHORT = ("--max-new-tokens", "6")


@pytest.fixture
def id_(memedit: Memedit) -> str:
    return memedit.add(PROMPT, "Linda Yaccarino")


@pytest.fixture
def editor(memedit: Memedit, id_: str, tiny: LanguageModel) -> Iterator[MemoryEditor]:
    """The editor that the commands should answer as."""
    memory = open_memory(memedit.path, FakeEncoder("all-minilm-l6-v2"))
    with MemoryEditor(tiny, memory, classifier=FakeClassifier()) as opened:
        yield opened


def test_query_prints_the_answer_of_the_editor(memedit: Memedit, editor: MemoryEditor) -> None:
    for prompt in (PROMPT, OTHER):
        assert memedit("query", prompt, *SHORT) == f"{editor.answer(prompt, max_new_tokens=6).text.lstrip()}\n"
    assert editor.answer(PROMPT, max_new_tokens=6).text != editor.base_answer(PROMPT, max_new_tokens=6)


def test_query_makes_a_memory_that_is_missing(memedit: Memedit) -> None:
    memedit("query", OTHER, *SHORT)
    assert memedit.json("list")["total"] == 0


def test_query_as_json_is_one_object_a_line(memedit: Memedit, editor: MemoryEditor) -> None:
    expected = []
    for prompt in (PROMPT, OTHER):
        answer = editor.answer(prompt, max_new_tokens=6)
        expected.append({"prompt": prompt, "answer": answer.text, "base_answer": None, "route": answer.route.to_dict()})
    assert memedit.json_lines("query", PROMPT, OTHER, *SHORT) == expected
    assert memedit.json_lines("query", "-", *SHORT, given=f"{PROMPT}\n\n  {OTHER}\n") == expected
    (compared,) = memedit.json_lines("query", PROMPT, "--compare", *SHORT)
    assert compared == expected[0] | {"base_answer": editor.base_answer(PROMPT, max_new_tokens=6)}


def test_query_explains_the_route(memedit: Memedit, id_: str) -> None:
    _, _, explained = memedit("query", PROMPT, "--explain", *SHORT).rpartition("\n\n")
    assert explained.splitlines() == [
        f"prompt         {PROMPT}",
        f"edit           {id_}",
        "  fact         The CEO of Twitter is Linda Yaccarino",
        "  probability  1.00 (direct)",
        "  reasons      similarity 1.00",
        "margin         1.00",
        "runner-up      -",
    ]


def test_query_compares_base_and_edited_side_by_side(memedit: Memedit, editor: MemoryEditor) -> None:
    base = output.one_line(editor.base_answer(PROMPT, max_new_tokens=6))
    edited = output.one_line(editor.answer(PROMPT, max_new_tokens=6).text)
    assert memedit("query", PROMPT, "--compare", *SHORT) == f"BASE\tEDITED\n{base}\t{edited}\n"


def test_query_sets_several_answers_apart_by_their_prompts(memedit: Memedit) -> None:
    printed = memedit("query", OTHER, OTHER, *SHORT)
    half = printed[: len(printed) // 2]
    assert half.startswith(f"> {OTHER}\n")
    assert printed == half + half


def test_query_as_chat_sends_the_message_of_a_user(memedit: Memedit, editor: MemoryEditor) -> None:
    message: list[Message] = [{"role": "user", "content": PROMPT}]
    (asked,) = memedit.json_lines("query", PROMPT, "--chat", *SHORT)
    assert asked["answer"] == editor.answer(message, max_new_tokens=6).text
    assert asked["answer"] != editor.answer(PROMPT, max_new_tokens=6).text


def test_a_seed_makes_sampling_repeatable(memedit: Memedit, editor: MemoryEditor) -> None:
    torch.manual_seed(5)
    expected = editor.answer(PROMPT, max_new_tokens=6, do_sample=True, temperature=3.0).text
    options = ("--temperature", "3", "--seed", "5", *SHORT)
    assert [answer["answer"] for answer in memedit.json_lines("query", PROMPT, PROMPT, *options)] == [expected] * 2
    assert memedit("query", PROMPT, *options) == f"{expected.lstrip()}\n"
    torch.manual_seed(6)
    sampled = editor.answer(PROMPT, max_new_tokens=6, do_sample=True).text
    assert memedit.json_lines("query", PROMPT, "--sample", "--seed", "6", *SHORT)[0]["answer"] == sampled


def test_query_refuses_what_cannot_be_asked(memedit: Memedit, id_: str) -> None:
    assert memedit.error("query", "word " * 400).startswith("the prompt has ")
    assert memedit.usage_error("query", " ").endswith("a prompt must not be empty")
    assert "Invalid value for '--temperature'" in memedit.usage_error("query", PROMPT, "--temperature", "0")
    assert memedit.usage_error("query").endswith("Missing argument 'PROMPT'.")
    assert memedit("query", "-", given="") == ""


def test_an_interrupted_answer_stops_the_model(memedit: Memedit, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted_by_a_piece(text: str = "", *, nl: bool = True, err: bool = False) -> None:
        if not nl:
            raise KeyboardInterrupt
        echo(text, err=err)

    echo, threads = typer.echo, threading.active_count()
    monkeypatch.setattr(typer, "echo", interrupted_by_a_piece)
    result = memedit.run("query", OTHER, "--max-new-tokens", "200")
    assert (result.exit_code, result.stderr) == (130, "memedit: interrupted; the memory is as it was\n")
    assert threading.active_count() == threads


def test_chat_keeps_the_conversation_and_explains_its_last_route(
    memedit: Memedit, editor: MemoryEditor, id_: str
) -> None:
    result = memedit.run("chat", *SHORT, given=f"/route\n{OTHER}\n\n{PROMPT}\n/route\n/exit\n{OTHER}\n")
    assert (result.exit_code, result.stderr) == (0, "memedit: nothing was asked yet\n")
    messages: list[Message] = [{"role": "user", "content": OTHER}]
    first = editor.answer(messages, max_new_tokens=6).text.lstrip()
    messages += [{"role": "assistant", "content": first}, {"role": "user", "content": PROMPT}]
    second = editor.answer(messages, max_new_tokens=6).text.lstrip()
    assert result.stdout.startswith(f"{first}\n{second}\nprompt         {PROMPT}\nedit           {id_}\n")
    assert result.stdout.endswith("runner-up      -\n")


def test_chat_ends_with_its_input(memedit: Memedit) -> None:
    assert memedit("chat", given="") == ""


def test_route_needs_no_language_model(memedit: Memedit, editor: MemoryEditor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(LanguageModel, "from_pretrained")
    expected = [editor.route(prompt).to_dict() for prompt in (PROMPT, "Zwei plus zwei?")]
    assert memedit.json_lines("route", PROMPT, "Zwei plus zwei?") == expected
    assert memedit.json_lines("route", "-", given=f"{PROMPT}\nZwei plus zwei?\n") == expected


def test_route_shows_what_came_close(memedit: Memedit, editor: MemoryEditor, id_: str) -> None:
    runner_up = editor.route(OTHER).runner_up
    assert runner_up is not None
    in_scope, out_of_scope = memedit("route", PROMPT, OTHER).split("\n\n")
    assert in_scope.splitlines()[1] == f"edit           {id_}"
    assert out_of_scope.splitlines() == [
        f"prompt         {OTHER}",
        "edit           none; the base model answers",
        f"margin         {editor.route(OTHER).margin:.2f}",
        f"runner-up      {id_}",
        "  fact         The CEO of Twitter is Linda Yaccarino",
        f"  probability  {runner_up.probability:.2f} (direct)",
        f"  reasons      {runner_up.reasons[0]}",
    ]


@pytest.mark.parametrize("command", ["query", "route"])
def test_the_classifier_is_the_one_that_is_asked_for(
    memedit: Memedit, id_: str, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    def load(*asked: object) -> FakeClassifier:
        loaded.append(asked)
        return FakeClassifier(threshold=0.75)

    loaded: list[tuple[object, ...]] = []
    monkeypatch.setattr(files, "load_classifier", load)
    memedit(command, OTHER)
    memedit(command, OTHER, "--scope", "~/mine", "--max-false-accept", "0.002")
    monkeypatch.setenv("MEMEDIT_SCOPE", "exported")
    monkeypatch.setenv("MEMEDIT_MAX_FALSE_ACCEPT", "0.05")
    (found,) = memedit.json_lines(command, PROMPT)
    assert loaded == [(files.SHIPPED, 0.03), (Path("~/mine").expanduser(), 0.002), (Path("exported"), 0.05)]
    assert (found["route"] if command == "query" else found)["threshold"] == 0.75


def test_a_budget_is_a_share(memedit: Memedit, id_: str) -> None:
    error = memedit.error("route", OTHER, "--max-false-accept", "2")
    assert error == "setting 'max_false_accept' must be a number between 0 and 1, e.g. 0.01, got 2.0"
    assert "'--max-false-accept'" in memedit.usage_error("route", OTHER, "--max-false-accept", "few")


def test_a_classifier_that_is_missing_is_told_in_one_line(
    memedit: Memedit, id_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "load_classifier", load_classifier)
    error = memedit.error("route", OTHER, "--scope", "nowhere")
    assert error.startswith("no scope classifier in 'nowhere': [Errno 2] No such file or directory: ")
    assert error.endswith("; `memedit scope train` makes one")


def test_a_route_that_abstained_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    best = ScoredEdit(Edit(PROMPT, "Linda"), 0.9, Kind.CONSEQUENCE, ("one", "two"))
    views.print_route(Route(PROMPT, (), best, 0.5, abstained=True))
    assert capsys.readouterr().out.splitlines() == [
        f"prompt         {PROMPT}",
        "edit           none; the base model answers: two edits that disagree are too close",
        "margin         -0.40",
        f"runner-up      {best.edit.id}",
        "  fact         The CEO of Twitter is Linda",
        "  probability  0.90 (consequence)",
        "  reasons      one",
        "               two",
    ]


def test_route_of_an_empty_memory_is_the_base_model(memedit: Memedit) -> None:
    memedit.put([])
    (found,) = memedit.json_lines("route", "東京はどこですか?")
    assert found == {
        "prompt": "東京はどこですか?",
        "in_scope": False,
        "edits": [],
        "runner_up": None,
        "margin": 0.5,
        "threshold": 0.5,
        "abstained": False,
    }
