"""A verdict counts what is written: every key of an edit, and targets where none belongs."""

from collections.abc import Sequence

import pytest

from memory_editor.consolidation import verifying
from memory_editor.consolidation.nothing import Nothing
from memory_editor.consolidation.verifying import Verdict, verify
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel

CEO = Edit("The CEO of Twitter is", "Linda Yaccarino", paraphrases=("Who runs Twitter?",), subject="Twitter")
CAPITAL = Edit("The capital of Japan is", "Rome", subject="Japan", exclusions=("The old capital of Japan was",))


def verdict(
    monkeypatch: pytest.MonkeyPatch, base: LanguageModel, said: dict[str, str], before: dict[str, str] | None = None
) -> Verdict:
    """Return the verdict on what is `said` with the adapter, and what was said before; "..." to all other prompts."""
    adapter = Nothing()

    def write(_: object, asked: object, prompts: Sequence[str], *__: object) -> list[str]:
        texts = said if asked is adapter else before or {}
        return [texts.get(prompt, "...") for prompt in prompts]

    monkeypatch.setattr(verifying, "write", write)
    return verify(base, adapter, [CEO, CAPITAL], ["Two plus two is"])


def test_an_edit_fails_unless_every_key_of_it_is_answered(monkeypatch: pytest.MonkeyPatch, tiny: LanguageModel) -> None:
    right = {"The CEO of Twitter is": " Linda Yaccarino.", "Who runs Twitter?": "linda yaccarino"}
    right |= {"The capital of Japan is": " the Rome"}
    assert verdict(monkeypatch, tiny, right).failed == ()
    for key, edit in {**dict.fromkeys(CEO.keys, CEO), CAPITAL.prompt: CAPITAL}.items():
        assert verdict(monkeypatch, tiny, right | {key: "Not Rome"}).failed == (edit.id,)


def test_targets_given_where_none_belongs_are_regressions(monkeypatch: pytest.MonkeyPatch, tiny: LanguageModel) -> None:
    leaking = {
        "Two plus two is": " Rome",
        "The old capital of Japan was": " Rome",
        "The capital of Riverton is": "Rome",
    }
    found = verdict(monkeypatch, tiny, leaking)
    assert (found.regressions, found.prompts) == (3, 10)
    assert found.leaks == pytest.approx(0.3)
    assert verdict(monkeypatch, tiny, leaking, before=leaking).regressions == 0
