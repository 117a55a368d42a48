"""memedit edit, apply and revert."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from memory_editor.backends.delta import Delta
from memory_editor.language_model import LanguageModel
from tests.cli.conftest import Memedit
from tests.tiny import tiny_model

LOAD = LanguageModel.from_pretrained
WEIGHT = "model.layers.1.mlp.down_proj.weight"
EDIT = {"prompt": "The capital of France is", "target_new": "Rome", "subject": "France"}
FT = ("--backend", "ft-m", "--set", "epochs=2", "--set", "layer=1")
ROME = ("--backend", "rome", "--set", "steps=2", "--set", 'prefixes=["So"]', "--set", "layer=1")


@pytest.fixture
def fresh(memedit: Memedit, monkeypatch: pytest.MonkeyPatch) -> Memedit:
    """The command line, with a model from a folder where one is named, else a tiny one of its own."""

    def load(name: str, **_: object) -> LanguageModel:
        return LOAD(name) if Path(name).is_dir() else tiny_model()

    monkeypatch.setattr(LanguageModel, "from_pretrained", load)
    monkeypatch.chdir(memedit.path.parent)
    Path("edits.jsonl").write_text(json.dumps(EDIT))
    Path("ordinary.txt").write_text("The Eiffel Tower stands in Paris, near the river.\n")
    return memedit


def test_an_edited_model_loads_as_any_other(fresh: Memedit) -> None:
    told = fresh.run("edit", "edits.jsonl", "--output", "edited", "--text", "ordinary.txt", *FT)
    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert lines[0].startswith("perplexity on ordinary text: ")
    assert lines[1].startswith(f"weights changed: 1, most {WEIGHT}, by 0.")
    assert told.stderr.splitlines()[-1] == "memedit: wrote edited"
    model, base = AutoModelForCausalLM.from_pretrained("edited"), tiny_model()
    changed = [
        name for name, weight in model.named_parameters() if not torch.equal(weight, base.model.get_parameter(name))
    ]
    assert changed == [WEIGHT]
    tokenizer = AutoTokenizer.from_pretrained("edited")
    assert tokenizer("The capital")["input_ids"] == base.encode("The capital")


@pytest.mark.parametrize(("method", "rank"), [(FT, 0), (ROME, 1)])
def test_a_delta_is_put_on_and_taken_off(fresh: Memedit, method: tuple[str, ...], rank: int) -> None:
    fresh("edit", "edits.jsonl", "--output", "edited", "--text", "ordinary.txt", *method)
    fresh("edit", "edits.jsonl", "--output", "delta", "--delta", "--text", "ordinary.txt", *method)
    delta = Delta.load(Path("delta"))
    assert delta.changes[WEIGHT].rank == rank
    assert delta.about["backend"] == method[1]
    assert [edit["target_new"] for edit in delta.about["edits"]] == ["Rome"]
    assert fresh.json("apply", "delta", "--output", "applied") == {"weights": [WEIGHT], "path": "applied"}
    assert fresh("revert", "delta", "--model", "applied", "--output", "reverted") == f"changed {WEIGHT}\n"
    for one, other in ((LOAD("applied"), LOAD("edited")), (LOAD("reverted"), tiny_model())):
        state = other.model.state_dict()
        assert all(torch.equal(tensor, state[name]) for name, tensor in one.model.state_dict().items())
    assert f"the delta is for weights {delta.after}, those of" in fresh.error("revert", "delta", "--output", "x")


def test_harm_is_told_and_in_strict_mode_refused(fresh: Memedit) -> None:
    bound = ("--max-norm", "0.00001", "--text", "ordinary.txt")
    told = fresh.run("edit", "edits.jsonl", "--output", "edited", *FT, *bound, "--json")
    values = json.loads(told.stdout)
    assert values["norms"].keys() == {WEIGHT}
    (warning,) = values["warnings"]
    assert told.stderr.splitlines() == [f"memedit: warning: {warning}", "memedit: wrote edited"]
    assert fresh.error("edit", "edits.jsonl", "--output", "refused", *FT, *bound, "--strict").startswith(warning)
    assert not [*Path("refused").iterdir()]


def test_a_layout_says_where_parts_are(fresh: Memedit) -> None:
    place = "mlp_output=model.layers.{}.self_attn.o_proj"
    values = fresh.json("edit", "edits.jsonl", "--output", "edited", "--layout", place, "--text", "ordinary.txt", *FT)
    assert values["norms"].keys() == {"model.layers.1.self_attn.o_proj.weight"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--backend", "mend"), "there is no backend 'mend'; choose one of rome"),
        (
            ("--backend", "rag"),
            "the backend 'rag' changes no weights, so there is no model to write; choose one of rome",
        ),
        (("--backend", "ft-m", "--set", "rank=8"), "the backend 'ft-m' has no setting 'rank'; it has layer"),
        (("--backend", "ft-m", "--moments", "m"), "the backend 'ft-m' has no setting 'moments'"),
        (("--backend", "ft-m", "--text", "none.txt"), "none.txt cannot be read: No such file"),
        (("--backend", "ft-m", "--max-norm", "0"), "max_norm must be above 0"),
        ((*FT, "--layout", "mlp=x"), "a layout has no setting 'mlp'; it has block, mlp_inputs"),
    ],
)
def test_a_wrong_request_is_an_error_before_any_work(fresh: Memedit, given: tuple[str, ...], told: str) -> None:
    assert fresh.error("edit", "edits.jsonl", "--output", "edited", *given).startswith(told)


def test_a_setting_has_a_name_and_a_value(fresh: Memedit) -> None:
    assert "must be NAME=VALUE" in fresh.usage_error(
        "edit", "edits.jsonl", "--output", "x", "--backend", "ft-m", "--set", "epochs"
    )


def test_nothing_is_written_over(fresh: Memedit) -> None:
    for command in (("edit", "edits.jsonl", *FT), ("edit", "edits.jsonl", *FT, "--delta")):
        assert fresh.error(*command, "--output", ".").startswith(". is not empty")


def test_a_file_without_edits_is_an_error(fresh: Memedit) -> None:
    Path("empty.jsonl").touch()
    assert fresh.error("edit", "empty.jsonl", "--output", "x", *FT) == "empty.jsonl holds no edits; give at least one"


def test_a_folder_without_a_delta_is_an_error(fresh: Memedit) -> None:
    assert fresh.error("apply", "nowhere", "--output", "x").startswith("no delta in 'nowhere'")
