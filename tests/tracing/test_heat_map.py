"""Heat maps as files."""

from pathlib import Path

import pytest

from memory_editor.errors import DataError
from memory_editor.language_model import LanguageModel
from memory_editor.tracing import Kind, Trace, TraceSettings, average, trace
from memory_editor.tracing.heat_map import draw_trace, labels_of, title_of

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def traced(tiny: LanguageModel) -> Trace:
    return trace(tiny, "$x \n 日本 is $", "日本", settings=TraceSettings(samples=1))


def test_a_trace_and_an_average_are_drawn(tmp_path: Path, traced: Trace) -> None:
    for name, one in (("trace.png", traced), ("average.png", average([traced, traced]))):
        draw_trace(one, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(PNG)


def test_a_kind_can_be_drawn_alone(tmp_path: Path, tiny: LanguageModel) -> None:
    one = trace(tiny, "Rome is in", "Rome", settings=TraceSettings(samples=1, kinds=(Kind.ATTENTION,)))
    draw_trace(one, tmp_path / "trace.svg")
    assert "attention" in (tmp_path / "trace.svg").read_text()


@pytest.mark.parametrize("name", ["trace.doc", "nowhere/trace.png"])
def test_a_file_that_cannot_be_drawn_is_an_error(tmp_path: Path, traced: Trace, name: str) -> None:
    with pytest.raises(DataError, match="cannot be drawn"):
        draw_trace(traced, tmp_path / name)


def test_labels_show_the_subject_and_what_cannot_be_seen(tiny: LanguageModel) -> None:
    one = trace(tiny, "Who \n Twitter is", "Twitter", settings=TraceSettings(samples=1, kinds=(Kind.MLP,)))
    labels = labels_of(one)
    assert labels[0] == "Who"
    assert "\\n" in labels
    assert [label for label in labels if label.endswith("*")] == ["Twitter*"]
    assert title_of(one).startswith(f"{tiny.name}, {one.target.strip()!r}: probability 0.00")


def test_an_average_has_the_names_of_roles(traced: Trace) -> None:
    both = average([traced, traced])
    assert labels_of(both) == [role.value for role in both.tokens]
    assert title_of(both).startswith(f"{traced.model}, 2 prompts: probability ")
