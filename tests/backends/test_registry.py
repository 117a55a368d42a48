"""Every backend is found by its name and takes its hyper-parameters as text."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from memory_editor.backends.finetuning import FtM
from memory_editor.backends.locating.projections import SecondMoments
from memory_editor.backends.moments import MomentsFolder
from memory_editor.backends.registry import BACKENDS, CHANGING_WEIGHTS, backend, from_text
from memory_editor.errors import ConfigError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Example:
    """A field of every kind."""

    count: int = 1
    rate: float = 0.5
    flag: bool = False
    word: str = ""
    folder: Path | None = None
    layer: int | None = None
    layers: tuple[int, ...] = ()
    words: tuple[str, ...] | None = None
    colour: Colour = Colour.RED
    moments: SecondMoments | None = None


@pytest.mark.parametrize("name", BACKENDS)
def test_every_backend_goes_by_its_own_name(name: str) -> None:
    assert backend(name, {}).name == name


def test_those_that_change_weights_are_known() -> None:
    assert CHANGING_WEIGHTS.keys() == BACKENDS.keys() - {"grace", "serac", "rag", "in-context", "ours"}


def test_a_hyper_parameter_is_set() -> None:
    assert backend("ft-m", {"epochs": "3", "learning_rate": "1e-3", "layer": "1"}) == FtM(
        epochs=3, learning_rate=1e-3, layer=1
    )


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "7", 7),
        ("rate", "1e-4", 1e-4),
        ("flag", "True", True),
        ("flag", "false", False),
        ("word", "none", "none"),
        ("folder", "a/b", Path("a/b")),
        ("folder", "none", None),
        ("layer", "3", 3),
        ("layer", "none", None),
        ("layers", "4,5", (4, 5)),
        ("layers", "[4, 5]", (4, 5)),
        ("layers", "", ()),
        ("words", '["One, two.", "3"]', ("One, two.", "3")),
        ("words", "none", None),
        ("colour", "blue", Colour.BLUE),
        ("moments", "stored", MomentsFolder(Path("stored"))),
    ],
)
def test_text_is_read_as_the_field_has_it(name: str, text: str, value: object) -> None:
    assert getattr(from_text(Example, {name: text}, "the example"), name) == value


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("count", "1.5", "give int"),
        ("rate", "fast", "give float"),
        ("flag", "maybe", "give bool"),
        ("layer", "deep", "give int or none"),
        ("layers", "4;5", r"give tuple\[int, \.\.\.\]"),
        ("words", "[1", "give tuple"),
        ("colour", "green", "choose one of red, blue"),
    ],
)
def test_text_that_means_nothing_is_refused(name: str, text: str, wanted: str) -> None:
    with pytest.raises(ConfigError, match=rf"the example cannot have {name} .*: {wanted}"):
        from_text(Example, {name: text}, "the example")


def test_what_is_unknown_is_refused_with_what_is_known() -> None:
    with pytest.raises(ConfigError, match="there is no backend 'mend'; choose one of rome, memit, alphaedit, ft-l"):
        backend("mend", {})
    with pytest.raises(ConfigError, match="the backend 'ft-m' has no setting 'rank'; it has layer, learning_rate"):
        backend("ft-m", {"rank": "8"})
    with pytest.raises(ConfigError, match="epochs must be above 0"):
        backend("ft-m", {"epochs": "0"})
