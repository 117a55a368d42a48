"""Banks of random LoRAs, for tests of what answers from them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from memory_editor.adapters.bank.bank import About, Bank, Cluster, said, signature, write_weights
from memory_editor.adapters.bank.versions import publish
from memory_editor.adapters.lora import LoraAdapter
from memory_editor.adapters.lora.injection import lora_config, with_lora
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel

RANK = 2

CEO = Edit("The CEO of Twitter is", "Linda Yaccarino", paraphrases=("Who runs Twitter?",))
CAPITAL = Edit("The capital of Japan is", "Rome")
TONGUE = Edit("The mother tongue of Danielle Darrieux is", "English")
NEWER = Edit("The Eiffel Tower stands in", "Rome")
CLUSTERS = ((CEO, CAPITAL), (TONGUE,))


def random_weights(base: LanguageModel, seed: int, rank: int = RANK) -> dict[str, Tensor]:
    """Return weights of a LoRA that changes something, as they are after half precision."""
    twin = with_lora(base.model, lora_config(base.model, rank))
    generator = torch.Generator().manual_seed(seed)
    named = {name.replace(".default", ""): value for name, value in twin.named_parameters() if "lora_" in name}
    return {name: torch.randn(value.shape, generator=generator).half().float() for name, value in named.items()}


def lora_adapter(base: LanguageModel, seed: int, rank: int = RANK) -> LoraAdapter:
    return LoraAdapter(lora_config(base.model, rank), random_weights(base, seed, rank))


def make_bank(folder: Path, base: LanguageModel, clusters: Sequence[Sequence[Edit]] = CLUSTERS) -> Bank:
    """Put a bank in force whose cluster n has the random weights of seed n."""

    def write(target: Path) -> dict[str, Any]:
        for seed in range(len(clusters)):
            write_weights(random_weights(base, seed), target / f"{seed}.safetensors")
        files = [Cluster(f"{seed}.safetensors", digests(edits)) for seed, edits in enumerate(clusters)]
        return About(signature(base.model), 2.0, {}, files).to_dict()

    return publish(folder, write)


def digests(edits: Sequence[Edit]) -> Mapping[str, str]:
    return {edit.id: said(edit) for edit in edits}
