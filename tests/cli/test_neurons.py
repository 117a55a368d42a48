"""memedit neurons."""

from pathlib import Path

import pytest

from memory_editor.backends.neurons import Refinement, attribute, refined_neurons
from memory_editor.backends.target_tokens import request_of
from memory_editor.language_model import LanguageModel
from tests.cli.conftest import Memedit

PROMPTS = ("The capital of Japan is", "Japan has the capital")
ASKED = ("neurons", *PROMPTS, "--target", "Tokyo", "--steps", "2")


def test_neurons_are_those_that_the_library_finds(memedit: Memedit, tiny: LanguageModel) -> None:
    requests = [request_of(tiny, prompt, "Tokyo") for prompt in PROMPTS]
    attributions = attribute(tiny, requests, steps=2)
    wanted = refined_neurons(attributions, Refinement(threshold=0.5, share=1.0))
    found = memedit.json(*ASKED, "--threshold", "0.5", "--share", "1")
    assert (found["prompts"], found["target"]) == ([*PROMPTS], "Tokyo")
    places = [(one["layer"], one["index"]) for one in found["neurons"]]
    assert places == [(one.neuron.layer, one.neuron.index) for one in wanted]
    assert [one["attribution"] for one in found["neurons"]] == pytest.approx([one.attribution for one in wanted])
    assert found["by_layer"] == [sum(layer == block for layer, _ in places) for block in range(2)]


def test_a_table_names_layer_neuron_and_attribution_and_a_chart_is_drawn(memedit: Memedit, tmp_path: Path) -> None:
    picture = tmp_path / "neurons.png"
    found = memedit.json(*ASKED)["neurons"]
    neurons, layers = memedit(*ASKED, "--output", str(picture)).split("\n\n")
    first = found[0]
    assert neurons.splitlines()[:2] == [
        "LAYER\tNEURON\tATTRIBUTION\tPROMPTS",
        f"{first['layer']}\t{first['index']}\t{first['attribution']:.2e}\t{first['share']:.0%}",
    ]
    assert len(neurons.splitlines()) == len(found) + 1
    assert layers.splitlines()[0] == "LAYER\tNEURONS"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_is_refused(memedit: Memedit, tmp_path: Path) -> None:
    assert "threshold must lie above 0" in memedit.error(*ASKED, "--threshold", "2")
    assert "cannot be drawn" in memedit.error(*ASKED, "--output", str(tmp_path / "a.txt"))
    assert "there is no folder" in memedit.usage_error(*ASKED, "--output", str(tmp_path / "none" / "a.png"))
