"""Routing by the distance of activations: the nearest entry answers within its radius, while its edit is live."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from memory_editor.adapters.codebook import Codebook
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.scope.codebook_router import CodebookRouter
from memory_editor.store import Action, Store
from tests.fakes import put

JAPAN = Edit("The capital of Japan is", "Paris")
TWITTER = Edit("Who runs Twitter?", "new")
EXPIRED = Edit("Tokyo is near the", "river", valid_until=datetime.now(UTC) - timedelta(days=1))
FORGOTTEN = Edit("What is the answer?", "true")


@pytest.fixture(scope="module")
def codebook(tiny: LanguageModel) -> Codebook:
    codebook = Codebook(tiny, radius=1e-3, steps=1)
    codebook.add([JAPAN, TWITTER, EXPIRED, FORGOTTEN])
    return codebook


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "facts.db") as store:
        put(store, JAPAN, TWITTER, EXPIRED)
        yield store


def test_an_entry_answers_within_its_radius(codebook: Codebook, store: Store) -> None:
    own, other = CodebookRouter(codebook, store).route([JAPAN.prompt, "Once upon a time"])
    assert [scored.edit for scored in own.edits] == [JAPAN]
    assert own.edits[0].probability == pytest.approx(1, abs=0.02)
    assert own.edits[0].reasons == ("activation distance 0.00, deferral radius 0.00",)
    assert other.edits == ()
    assert other.runner_up
    assert 0 < other.runner_up.probability < other.threshold == 0.5
    assert other.margin > 0


def test_an_entry_whose_edit_is_not_live_answers_nothing(codebook: Codebook, store: Store) -> None:
    router = CodebookRouter(codebook, store)
    for edit in (EXPIRED, FORGOTTEN):
        (route,) = router.route([edit.prompt])
        assert (route.edits, route.runner_up) == ((), None)
    assert router.route([TWITTER.prompt])[0].in_scope
    with store.changing(Action.REMOVE) as change:
        change.remove(TWITTER.id)
    assert not router.route([TWITTER.prompt])[0].in_scope


def test_an_empty_codebook_answers_nothing(tiny: LanguageModel, store: Store) -> None:
    (route,) = CodebookRouter(Codebook(tiny), store).route([JAPAN.prompt])
    assert (route.edits, route.runner_up) == ((), None)
