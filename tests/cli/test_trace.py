"""memedit trace."""

import json
from pathlib import Path

from memory_editor.language_model import LanguageModel
from memory_editor.tracing import Kind, Trace, TracePrompt, TraceSettings, average, trace, trace_each
from tests.cli.conftest import Memedit

ASK = ("The capital of France is", "--subject", "France", "--samples", "2")


def test_a_trace_is_printed_as_json(memedit: Memedit, tiny: LanguageModel) -> None:
    found = memedit.json("trace", *ASK, "--target", "Paris", "--kind", "mlp", "--window", "1", "--seed", "3")
    settings = TraceSettings(kinds=(Kind.MLP,), samples=2, window=1, seed=3)
    expected = trace(tiny, ASK[0], "France", target="Paris", settings=settings)
    assert Trace.from_dict(found).to_dict() == expected.to_dict()


def test_a_trace_is_shown_with_a_row_for_each_token(memedit: Memedit) -> None:
    title, *tables = memedit("trace", *ASK).strip().split("\n\n")
    assert ": probability 0.00" in title
    assert [table.split("\t")[0] for table in tables] == ["layer", "mlp", "attention"]
    for table in tables:
        header, *rows = (line.split("\t") for line in table.splitlines())
        assert header[1:] == ["layers 0 to 1", "greatest", "at"]
        assert [row[0] for row in rows] == ["The", "capital", "of", "France*", "is"]
        assert [row[1:] for row in rows[:3]] == [["··", "0.000", "0"]] * 3
        assert set("".join(row[1] for row in rows)) <= set("·░▒▓█")
    assert "█" in "".join(tables)


def test_a_heat_map_is_drawn(memedit: Memedit, tmp_path: Path) -> None:
    path = tmp_path / "trace.png"
    assert memedit.run("trace", *ASK, "--output", str(path)).stderr == f"memedit: wrote {path}\n"
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_file_is_averaged(memedit: Memedit, tmp_path: Path, tiny: LanguageModel) -> None:
    path = tmp_path / "facts.jsonl"
    prompts = [TracePrompt("Rome is in", "Rome"), TracePrompt("The capital of France is", "France")]
    lines = [{"prompt": one.prompt, "subject": one.subject} for one in [*prompts, prompts[0]]]
    path.write_text("\n".join(map(json.dumps, lines)))
    found = memedit.json("trace", "--file", str(path), "--limit", "2", "--samples", "1", "--noise", "0.5")
    expected = average(trace_each(tiny, prompts, TraceSettings(samples=1, noise=0.5)))
    assert found == json.loads(json.dumps(expected.to_dict()))


def test_wrong_use_is_told_before_the_work(memedit: Memedit, tmp_path: Path) -> None:
    for wrong in (
        ("The capital of France is",),
        ("--subject", "France"),
        ("The capital of France is", "--file", "facts.json"),
        (*ASK, "--output", str(tmp_path / "nowhere" / "trace.png")),
    ):
        memedit.usage_error("trace", *wrong)


def test_errors_are_one_line(memedit: Memedit) -> None:
    assert "does not name the subject 'Spain'" in memedit.error("trace", ASK[0], "--subject", "Spain")
    assert memedit.error("trace", *ASK, "--kind", "mpl").startswith("kind 'mpl' is unknown")
    assert "must be a number above 0" in memedit.error("trace", *ASK, "--noise", "0")
