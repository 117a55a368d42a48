import json
from collections.abc import Iterator

import pytest
import torch

from memory_editor.adapter_training.pool import Pool
from memory_editor.scope.training.lexicon import build_lexicon
from memory_editor.scope.training.phrasings import read_phrasings
from memory_editor.scope.training.sources import Sources, read_sources
from tests.scope.training.data import write


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Models and data are so small here that threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="package")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    folder = write(tmp_path_factory.mktemp("data"))
    # What is known of objects, and of one subject in two respects.
    more = {"P17": ("Lyon", "France"), "P36": ("Peru", "Lima"), "P37": ("Peru", "Spanish"), "P103": ("Lyon", "French")}
    for name, (subject, object_) in more.items():
        (folder / "pararel" / "facts" / f"{name}.jsonl").write_text(json.dumps({"subject": subject, "object": object_}))
    return read_sources(folder)


@pytest.fixture(scope="package")
def pool(sources: Sources) -> Pool:
    return Pool(build_lexicon(read_phrasings(), sources), sources.counterfact, sources.zsre)
