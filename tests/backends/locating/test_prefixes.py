import torch

from memory_editor.backends.locating.prefixes import written_prefixes
from memory_editor.language_model import LanguageModel


def test_prefixes_are_the_same_for_the_same_seed_and_leave_chance_alone(tiny: LanguageModel) -> None:
    before = torch.get_rng_state()
    found = written_prefixes(tiny, (3, 5, 3))
    assert found == written_prefixes(tiny, (3, 5, 3))
    assert found != written_prefixes(tiny, (3, 5, 3), seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert [text.split()[0][:3] for text in found] == ["The", "The", "Bec"]  # "The", "Therefore", "Because"


def test_a_text_is_what_the_model_finds_probable(tiny: LanguageModel) -> None:
    """Each token is among the five most probable ones after those before it."""
    (text,) = written_prefixes(tiny, (4,))
    ids = tiny.encode(text)
    opening = len(tiny.encode("The"))
    with torch.no_grad():
        best = tiny.model(torch.tensor([ids])).logits[0].topk(5).indices
    assert all(token in best[place - 1] for place, token in enumerate(ids) if place >= opening)


def test_there_are_as_many_as_asked_for_of_every_architecture(tiny_of_each: LanguageModel) -> None:
    assert len(written_prefixes(tiny_of_each, (1, 2, 1, 2, 1, 2))) == 6
