"""How a requested edit stands to live ones, without a store."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from memory_editor.edits import Conflict, Edit, new_edit_id
from memory_editor.memory.conflicts import UNCLEAR_FROM, LiveEdits, conflict_error, standing
from tests.fakes import FakeEncoder, vectors_of

LIVE = Edit("The CEO of Twitter is", "Linda", paraphrases=("Who runs Twitter?",))


def against(requested: Edit, live: Edit = LIVE) -> tuple[bool, bool, bool]:
    """Say whether `requested` restates, supersedes, and may contradict `live`."""
    found = standing(requested, FakeEncoder().encode(requested.keys), [(live, FakeEncoder().encode(live.keys))])
    assert found.restated in (None, live)
    assert found.superseded in ((), (live,))
    assert [(conflict.edit, conflict.live) for conflict in found.unclear] in ([], [(requested, live)])
    return found.restated is not None, bool(found.superseded), bool(found.unclear)


@pytest.mark.parametrize(
    ("requested", "restates", "supersedes", "unclear"),
    [
        (replace(LIVE, id=new_edit_id(), source="elsewhere"), True, False, False),
        (Edit("The CEO of Twitter is", "Elon"), False, True, False),
        (Edit("the ceo of  TWITTER is…", "Elon"), False, True, False),
        (Edit("Who runs Twitter?", "Elon"), False, True, False),
        (Edit("The CEO of Twitter is", "Linda"), False, True, False),
        (replace(LIVE, id=new_edit_id(), valid_until=datetime(2030, 1, 1, tzinfo=UTC)), False, True, False),
        (Edit("The CEO of Twitter is now", "Elon"), False, False, True),
        (Edit("The CEO of Twitter is now", " linda."), False, False, False),
        (Edit("Twitter was founded in", "2006"), False, False, False),
        (Edit("The CEO of Reddit is", "Steve"), False, False, False),
        (Edit("The CEO of Twitter is now", "Elon", subject="CEO of Twitter"), False, False, False),
    ],
)
def test_standing(requested: Edit, restates: bool, supersedes: bool, unclear: bool) -> None:
    assert against(requested) == (restates, supersedes, unclear)


def test_the_same_relation_in_other_spelling_supersedes() -> None:
    live = Edit("The CEO of “Twitter” is", "Linda", subject="Twitter")
    assert against(Edit("the ceo of TWITTER, is", "Elon", subject="twitter"), live) == (False, True, False)


def test_statements_about_one_subject_may_contradict() -> None:
    live = Edit("Twitter is run by the woman Linda Yaccarino of New York", subject="Twitter")
    other = Edit("Twitter is run by the woman Linda Yaccarino of York", subject="Twitter")
    assert against(other, live) == (False, False, True)
    assert against(Edit(live.prompt + "!", source="x", subject="Twitter"), live) == (False, True, False)


def test_a_conflict_says_how_alike_the_closest_prompts_are() -> None:
    requested = Edit("Why?", "Elon", subject="Twitter", paraphrases=("Who now runs Twitter?",))
    (conflict,) = standing(requested, vectors_of(requested), [(LIVE, vectors_of(LIVE))]).unclear
    expected = float(
        FakeEncoder().encode([requested.paraphrases[0]])[0] @ FakeEncoder().encode(["Who runs Twitter?"])[0]
    )
    assert conflict.similarity == pytest.approx(expected, abs=1e-6)
    assert conflict.similarity >= UNCLEAR_FROM


def test_the_error_names_the_first_conflict_and_counts_the_others() -> None:
    requested = Edit("The CEO of Twitter is now", "Elon")
    conflicts = (
        Conflict(requested, LIVE, 0.912),
        Conflict(requested, Edit("x"), 0.9),
        Conflict(requested, Edit("y"), 0.9),
    )
    assert str(conflict_error(conflicts[:1])) == (
        f"'The CEO of Twitter is now Elon' may contradict live edit {LIVE.id} 'The CEO of Twitter is Linda' "
        "(similarity 0.91); say --replace to supersede it or --keep-both"
    )
    error = conflict_error(conflicts)
    assert "(similarity 0.91) and 2 more; say" in str(error)
    assert error.conflicts == conflicts


def test_live_edits_are_found_by_subject_and_by_any_prompt() -> None:
    no_subject = Edit("it is red", "yes", paraphrases=("is it red",))
    held = [(edit, vectors_of(edit)) for edit in (LIVE, no_subject)]
    live = LiveEdits(held)
    assert [edit for edit, _ in live.around(Edit("Twitter began in", "2006"))] == [LIVE]
    assert [edit for edit, _ in live.around(Edit("who runs twitter", "Elon"))] == [LIVE]
    assert [edit for edit, _ in live.around(Edit("so?", "yes", paraphrases=("Is it red?",)))] == [no_subject]
    assert live.around(Edit("it is blue", "yes")) == []
    live.drop(LIVE)
    assert live.around(Edit("Twitter began in", "2006")) == []
