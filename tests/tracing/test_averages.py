"""Averages of traces by what a token is to the subject."""

import json

import numpy as np
import pytest

from memory_editor.errors import DataError
from memory_editor.tracing import Kind, Role, Trace, TraceSettings, average, roles_of


def traced(tokens: int, subject: range, effects: object = 0.0, clean: float = 0.5) -> Trace:
    """Return a trace of two layers, with the same effects in both."""
    column = np.broadcast_to(np.asarray(effects, np.float32), (tokens,))
    return Trace(
        model="tiny",
        prompt="",
        subject="",
        target=" x",
        tokens=tuple("abcdefgh"[:tokens]),
        subject_tokens=subject,
        clean=clean,
        corrupted=0.1,
        effects={Kind.MLP: np.stack([column, column], 1)},
        settings=TraceSettings(kinds=(Kind.MLP,)),
    )


@pytest.mark.parametrize(
    ("tokens", "subject", "roles"),
    [
        (
            8,
            range(1, 5),
            [
                *(None, Role.FIRST_SUBJECT, Role.MIDDLE_SUBJECT, Role.MIDDLE_SUBJECT, Role.LAST_SUBJECT),
                *(Role.FIRST_AFTER, Role.FURTHER, Role.LAST),
            ],
        ),
        (3, range(1), [Role.LAST_SUBJECT, Role.FIRST_AFTER, Role.LAST]),
        (3, range(2), [Role.FIRST_SUBJECT, Role.LAST_SUBJECT, Role.LAST]),
        (3, range(1, 3), [None, Role.FIRST_SUBJECT, Role.LAST]),
        (1, range(1), [Role.LAST]),
    ],
)
def test_tokens_have_roles(tokens: int, subject: range, roles: list[Role | None]) -> None:
    assert roles_of(traced(tokens, subject)) == roles


def test_every_token_of_a_role_counts_the_same() -> None:
    one = traced(6, range(4), [1, 2, 4, 8, 16, 32], clean=0.6)
    other = traced(5, range(1, 4), [0, 3, 9, 10, 34], clean=0.8)
    found = average([one, other])
    assert (found.model, found.prompts, found.corrupted) == ("tiny", 2, 0.1)
    assert found.clean == pytest.approx(0.7)
    assert found.tokens == {
        Role.FIRST_SUBJECT: 2,
        Role.MIDDLE_SUBJECT: 3,
        Role.LAST_SUBJECT: 2,
        Role.FIRST_AFTER: 1,
        Role.LAST: 2,
    }
    expected = np.array([2, 5, 9, 16, 33], np.float32)
    assert np.array_equal(found.effects[Kind.MLP], np.stack([expected, expected], 1))


def test_an_average_is_told_as_json() -> None:
    found = average([traced(2, range(1), [0.25, 0.5])])
    assert json.loads(json.dumps(found.to_dict())) == {
        "model": "tiny",
        "prompts": 1,
        "clean": 0.5,
        "corrupted": 0.1,
        "tokens": {"last subject token": 1, "last token": 1},
        "effects": {"mlp": [[0.25, 0.25], [0.5, 0.5]]},
    }


def test_nothing_has_no_average() -> None:
    with pytest.raises(DataError, match="there is no trace to average"):
        average([])
