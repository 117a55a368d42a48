from collections.abc import Iterator

import pytest
import torch

from memory_editor.scope.training.lexicon import Lexicon, build_lexicon
from memory_editor.scope.training.phrasings import Phrasings, read_phrasings
from memory_editor.scope.training.sources import Sources, read_sources
from tests.scope.training.data import write


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Models and data are so small here that threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def phrasings() -> Phrasings:
    return read_phrasings()


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return read_sources(write(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="session")
def lexicon(phrasings: Phrasings, sources: Sources) -> Lexicon:
    return build_lexicon(phrasings, sources)
