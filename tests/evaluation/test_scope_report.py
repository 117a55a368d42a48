"""The report counts as it says, weighs the lines of the table alike, and lists what a person has to look at."""

import json
from pathlib import Path
from typing import Any

import pytest

from memory_editor.edits import Edit
from memory_editor.errors import DataError
from memory_editor.evaluation.routing import Figure, Outcome, RowResult
from memory_editor.evaluation.rows import Probe, Row, RowName
from memory_editor.evaluation.scope_report import make_folder, markdown, summary, tables, write_report
from memory_editor.scope.route import Kind

EDIT = Edit("The capital of Peru is", "Cusco", subject="Peru", target_true="Lima")


def inside(prompt: str, score: float, *, routed: Kind | None = Kind.DIRECT, kind: str = "") -> Outcome:
    probe, own = Probe(prompt, EDIT.id, in_scope=True, kind=kind), (EDIT,) if prompt == EDIT.prompt else ()
    return Outcome(probe, (EDIT,), EDIT.fact if routed else None, routed, bool(routed), score, own)


def outside(prompt: str, score: float, routed: Kind | None = None, *, another: bool = False) -> Outcome:
    answered, own = EDIT.fact if routed else None, (EDIT,) if another else ()
    return Outcome(Probe(prompt), (), answered, routed, not routed, score, own)


def collision(prompt: str, routed: Kind | None) -> Outcome:
    answered = EDIT.fact if routed else None
    return Outcome(Probe(prompt, truths=("Lima",)), (EDIT,), answered, routed, bool(routed), 0.7, ())


def result(name: RowName, *figures: Figure) -> RowResult:
    return RowResult(Row(name, (EDIT,), ()), 1, 2, figures, 0.5, 0.25)


RESULTS = [
    result(
        RowName.COUNTERFACT,
        Figure("edit prompt", "100 %", True, (inside(EDIT.prompt, 1.0),)),
        Figure("paraphrase", "≥ 98 %", True, (inside("a", 0.9), inside("b", 0.2, routed=None))),
        Figure("locality prompt", "≥ 99 %", True, (outside("c", 0.1), outside("d", 0.6, Kind.CONSEQUENCE))),
        Figure("locality prompt: collisions", "", False, (collision("e", Kind.DIRECT), collision("f", None))),
    ),
    result(RowName.WIKI_RECENT, Figure("same-subject locality", "≥ 95 %", True, (outside("g", 0.0),))),
    result(
        RowName.WIKI_COUNTERFACT,
        Figure("same-subject locality", "≥ 95 %", True, (outside("h", 0.9, Kind.DIRECT, another=True),)),
        Figure(
            "portability",
            "",
            False,
            (inside("i", 0.9, routed=Kind.CONSEQUENCE, kind="near"), inside("j", 0.1, routed=None, kind="far")),
        ),
    ),
]
ABOUT: dict[str, Any] = {"command": "memedit scope eval DATA", "encoder": "fake", "max_false_accept": 0.01}
VALUES = summary(RESULTS, **ABOUT)


def test_a_figure_is_counted() -> None:
    row = VALUES["rows"][0]
    assert (row["name"], row["live"], row["superseded"], row["prompts_a_second"]) == ("counterfact", 1, 2, 28.0)
    own, paraphrase, locality, collisions = row["figures"]
    counts = ("prompts", "right", "share", "in_scope", "answered", "exact", "another_edits")
    assert [own[name] for name in counts] == [1, 1, 1.0, 1, 1, 1, 0]
    assert [paraphrase[name] for name in counts] == [2, 1, 0.5, 2, 1, 0, 0]
    assert [locality[name] for name in counts] == [2, 1, 0.5, 0, 1, 0, 0]
    assert [collisions[name] for name in counts] == [2, 1, 0.5, 2, 1, 0, 0]
    assert [VALUES["rows"][2]["figures"][0][name] for name in counts] == [1, 0, 0.0, 0, 1, 0, 1]
    assert paraphrase["interval"] == pytest.approx((0.094531, 0.905469), abs=1e-6)
    assert VALUES["rows"][2]["figures"][1]["kinds"] == {
        "far": {"prompts": 1, "right": 0},
        "near": {"prompts": 1, "right": 1},
    }


def test_what_went_wrong_is_listed_and_every_collision() -> None:
    own, paraphrase, locality, collisions = (figure["listed"] for figure in VALUES["rows"][0]["figures"])
    fact = "The capital of Peru is Cusco"
    assert own == []
    assert paraphrase == [
        {
            "prompt": "b",
            "kind": "",
            "wanted": [fact],
            "answered": None,
            "answered_as": None,
            "is_right": False,
            "score": 0.2,
        }
    ]
    assert locality == [
        {
            "prompt": "d",
            "kind": "",
            "wanted": [],
            "answered": fact,
            "answered_as": "consequence",
            "is_right": False,
            "score": 0.6,
        }
    ]
    assert [(one["prompt"], one["is_right"]) for one in collisions] == [("e", True), ("f", False)]


def test_lines_weigh_alike_and_own_prompts_and_what_is_reported_apart_do_not_count() -> None:
    # Positives 0.9 and 0.2 of weight 1/4; negatives 0.1 and 0.6 of weight 1/4, 0.0 and 0.9 of weight 1/2.
    pooled = VALUES["pooled"]
    assert (pooled["prompts"], pooled["in_scope"]) == (6, 2)
    assert (pooled["exact_prompts"], pooled["exact_right"]) == (1, 1)
    above = 0.25 + 0.25 + 0.5 + 0.5 / 2  # of negatives' 1.5, which 0.9 beats, a tie by half
    assert pooled["auroc"] == pytest.approx((above + 0.25 + 0.5) / 2 / 1.5)
    assert pooled["false_accepts_at_95"] == pytest.approx(0.75 / 1.5)
    errors = [0.5 * 0.0, 0.25 * 0.1, 0.25 * 0.8, 0.25 * 0.6, 0.75 * (0.9 - 1 / 3)]
    assert pooled["calibration_error"] == pytest.approx(sum(errors) / 2)


def test_without_both_sorts_of_prompts_nothing_is_pooled(tmp_path: Path) -> None:
    values = summary(RESULTS[1:2], **ABOUT)
    assert values["pooled"] == {"exact_prompts": 0, "exact_right": 0}
    write_report(RESULTS[1:2], values, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scope.json", "scope.md"]


def test_the_tables() -> None:
    right, pooled, apart, kinds, routed, memories = tables(VALUES)
    assert right.columns == ("row", "figure", "prompts", "right, %", "95 %", "at most, %", "any edit, %", "goal")
    assert right.rows == [
        ("counterfact", "edit prompt", "1", "100.00", "20.65 to 100.00", "100.00", "100.00", "100 %"),
        ("counterfact", "paraphrase", "2", "50.00", "9.45 to 90.55", "100.00", "50.00", "≥ 98 %"),
        ("counterfact", "locality prompt", "2", "50.00", "9.45 to 90.55", "100.00", "-", "≥ 99 %"),
        ("wiki-recent", "same-subject locality", "1", "100.00", "20.65 to 100.00", "100.00", "-", "≥ 95 %"),
        ("wiki-counterfact", "same-subject locality", "1", "0.00", "0.00 to 79.35", "0.00", "-", "≥ 95 %"),
    ]
    assert [row[:2] for row in pooled.rows] == [
        ("edits' own prompts routed right, not counted below", "1 of 1"),
        ("prompts, those in scope", "6, 2"),
        ("AUROC", "0.6667"),
        ("false accepts at 95 % true accepts, %", "50.00"),
        ("expected calibration error", "0.4000"),
    ]
    assert [row[:4] for row in apart.rows] == [
        ("counterfact", "locality prompt: collisions", "2", "50.00"),
        ("wiki-counterfact", "portability", "2", "50.00"),
    ]
    assert kinds.rows == [
        ("wiki-counterfact", "portability", "far", "1", "0.00"),
        ("wiki-counterfact", "portability", "near", "1", "100.00"),
    ]
    assert routed.columns == ("row", "figure", "direct", "consequence")
    assert routed.rows == [
        ("counterfact", "edit prompt", "1", "0"),
        ("counterfact", "paraphrase", "1", "0"),
        ("counterfact", "locality prompt: collisions", "1", "0"),
        ("wiki-counterfact", "portability", "0", "1"),
    ]
    assert memories.rows[0] == ("counterfact", "1", "2", "28")


def test_the_page_holds_every_table_that_has_rows() -> None:
    page = markdown(VALUES)
    assert page.startswith("# Scope\n\n`memedit scope eval DATA`\n\nThreshold 0.5000, for at most 1 % false accepts; ")
    assert page.count("\n## ") == 6
    assert (
        "## Reported apart\n\n| row | figure | prompts | right, % | 95 % | at most, % | any edit, % |\n| --- | --- |"
        in page
    )
    assert "By kind" not in markdown(summary(RESULTS[:2], **ABOUT))


def test_a_report_is_written_whole(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    make_folder(folder)
    make_folder(folder)
    write_report(RESULTS, VALUES, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["calibration.png", "roc.png", "scope.json", "scope.md"]
    assert json.loads((folder / "scope.json").read_bytes()) == json.loads(json.dumps(VALUES))
    assert (folder / "scope.md").read_text(encoding="utf-8") == markdown(VALUES)


def test_a_folder_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file cannot be a folder to write to: File exists; name another"):
        make_folder(tmp_path / "file")
