"""Printing: what is on a line stays on it, and only a terminal sees progress."""

from collections.abc import Generator

import pytest

from memory_editor.cli import output


def pieces(*texts: str) -> Generator[str, None, None]:
    yield from texts


def test_fields_stand_in_two_columns(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_fields([("id", 7), ("status", None), ("texts", ("one", "two")), ("none", [])])
    assert capsys.readouterr().out == "id      7\nstatus  -\ntexts   one\n        two\nnone    -\n"


def test_a_table_elsewhere_than_on_a_terminal_has_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("A", "B"), [("1", "x\ty\n z"), ("2", "")])
    assert capsys.readouterr().out == "A\tB\n1\tx y z\n2\t\n"


def test_pieces_are_printed_without_white_space_before_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert output.print_pieces(pieces(" \n", " Linda", " Yaccarino ")) == "Linda Yaccarino "
    assert capsys.readouterr().out == "Linda Yaccarino \n"
    assert output.print_pieces(pieces()) == ""


def test_json_keeps_every_alphabet(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"fact": "東京 ✓"}, indent=None)
    assert capsys.readouterr().out == '{"fact": "東京 ✓"}\n'


def test_progress_is_shown_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with output.progress("reading", 2) as report:
        report(1)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with output.progress("reading", 2) as report:
        report(1)
    out, err = capsys.readouterr()
    assert out == ""
    assert "reading" in err
