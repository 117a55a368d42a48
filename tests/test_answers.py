"""An answer is given word for word, whatever its case, articles and marks."""

import pytest

from memory_editor.answers import begins_with, contains


@pytest.mark.parametrize(
    ("text", "answers", "begins", "holds"),
    [
        (" Linda Yaccarino. She came in 2023.", ["Linda Yaccarino"], True, True),
        ("the United Kingdom", ["United Kingdom"], True, True),
        ("Britain", ["United Kingdom", "Britain"], True, True),
        ("It is Linda Yaccarino", ["Linda Yaccarino"], False, True),
        ("Lindau", ["Linda"], False, False),
        ("Linda", ["Linda Yaccarino"], False, False),
        ("", ["Linda"], False, False),
        ("The", ["the"], True, True),
        ("A is the grade.", ["A"], True, True),
        ("Grade B", ["A"], False, False),
        ("The band The The.", ["The The"], False, True),
        ("% of all", ["%"], True, True),
        ("percent", ["%"], False, False),
        ("anything", [""], False, False),
        ("anything", [], False, False),
    ],
)
def test_what_counts_as_given(text: str, answers: list[str], begins: bool, holds: bool) -> None:
    assert begins_with(text, answers) is begins
    assert contains(text, answers) is holds
