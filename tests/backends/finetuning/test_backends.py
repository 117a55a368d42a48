"""Every kind of fine-tuning makes every architecture say the target, and leaves no trace once undone."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from memory_editor.backends.base import Backend
from memory_editor.backends.finetuning import FtKl, FtL, FtM, LocFt, LoraFt
from memory_editor.backends.finetuning.trainer import Trainer
from memory_editor.edits import Edit
from memory_editor.errors import ConfigError, InvalidEdit
from memory_editor.language_model import LanguageModel
from memory_editor.text import words
from tests.tiny import ARCHITECTURES, tiny_model

JAPAN = Edit("The capital of Japan is", "Rome", subject="Japan", exclusions=("The river of Japan is",))
TWITTER = Edit("Who runs Twitter?", "the new company", subject="Twitter")
BACKENDS: dict[str, Backend] = {
    "ft-l": FtL(bound=0.05, learning_rate=1e-2, epochs=5),
    "ft-m": FtM(learning_rate=1e-2, epochs=5),
    "ft-kl": FtKl(learning_rate=1e-2, epochs=5, kl=0.1, kept=("Rome is",)),
    "locft": LocFt(learning_rate=1e-2, epochs=5, batch=1),
    "lora": LoraFt(learning_rate=1e-2, epochs=5),
}


def state(base: LanguageModel) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in base.model.state_dict().items()}


def changed(base: LanguageModel, before: dict[str, Tensor]) -> list[str]:
    after = base.model.state_dict()
    assert [*after] == [*before]
    return [name for name, tensor in after.items() if not torch.equal(tensor, before[name])]


def probability(base: LanguageModel, edit: Edit) -> float:
    return float(base.log_probabilities(edit.prompt, f" {edit.target_new}").sum())


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_target_becomes_probable_until_the_edit_is_undone(architecture: str, name: str) -> None:
    base, backend = tiny_model(architecture), BACKENDS[name]
    before, improbable = state(base), [probability(base, edit) for edit in (JAPAN, TWITTER)]
    assert backend.name == name
    with backend.edit(base, [JAPAN, TWITTER]) as undo:
        assert undo.model is base.model
        probable = [probability(base, edit) for edit in (JAPAN, TWITTER)]
        assert changed(base, before)
    assert all(now > then for now, then in zip(probable, improbable, strict=True))
    assert changed(base, before) == []
    assert all(parameter.requires_grad for parameter in base.model.parameters())


@pytest.mark.parametrize("name", BACKENDS)
def test_weights_in_half_precision_are_trained_too(name: str) -> None:
    base = tiny_model()
    base.model.bfloat16()
    before, improbable = state(base), probability(base, JAPAN)
    undo = BACKENDS[name].edit(base, [JAPAN])
    assert probability(base, JAPAN) > improbable
    assert {tensor.dtype for tensor in base.model.state_dict().values()} == {torch.bfloat16}
    undo.undo()
    assert changed(base, before) == []


@pytest.mark.parametrize("name", BACKENDS)
def test_what_fails_leaves_the_model_as_it_was(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tiny_model()
    before = state(base)

    @contextmanager
    def interrupting(_: str, __: int) -> Iterator[object]:
        def report(done: int) -> None:
            if done == 2:
                raise KeyboardInterrupt

        yield report

    with pytest.raises(KeyboardInterrupt):
        BACKENDS[name].edit(base, [JAPAN], progress=interrupting)  # type: ignore[arg-type]
    assert changed(base, before) == []
    monkeypatch.setattr(Trainer, "train", lambda *_, **__: torch.zeros(0)[1])
    with pytest.raises(IndexError):
        BACKENDS[name].edit(base, [JAPAN])
    assert changed(base, before) == []


@pytest.mark.parametrize("name", BACKENDS)
def test_the_same_edits_give_the_same_weights_whatever_was_drawn_before(name: str) -> None:
    found = []
    for _ in range(2):
        base = tiny_model()
        torch.rand(3)
        BACKENDS[name].edit(base, [JAPAN, TWITTER])
        found.append(state(base))
    assert all(torch.equal(found[0][key], found[1][key]) for key in found[0])


@pytest.mark.parametrize("name", BACKENDS)
def test_no_edits_change_nothing(name: str, tiny: LanguageModel) -> None:
    before = state(tiny)
    BACKENDS[name].edit(tiny, []).undo()
    assert changed(tiny, before) == []


@pytest.mark.parametrize("name", BACKENDS)
def test_a_statement_is_refused(name: str, tiny: LanguageModel) -> None:
    with pytest.raises(InvalidEdit, match="the statement 'Rome is old' has no target to train on; give a prompt and"):
        BACKENDS[name].edit(tiny, [Edit("Rome is old")])


def test_one_matrix_changes_at_two_thirds_of_the_depth_or_where_it_is_said() -> None:
    for backend, layer in ((FtM(), 2), (FtM(layer=1), 1)):
        base = tiny_model(num_hidden_layers=4)
        before = state(base)
        backend.edit(base, [JAPAN])
        assert changed(base, before) == [f"model.layers.{layer}.mlp.down_proj.weight"]


def test_a_lora_changes_every_linear_layer_from_its_block_up() -> None:
    base = tiny_model(num_hidden_layers=3)
    before = state(base)
    LoraFt(layer=2, epochs=2).edit(base, [JAPAN])
    parts = [f"self_attn.{name}_proj" for name in "qkvo"] + [f"mlp.{name}_proj" for name in ("gate", "up", "down")]
    assert sorted(changed(base, before)) == sorted(f"model.layers.2.{part}.weight" for part in parts)


@pytest.mark.parametrize(
    ("backend", "options", "message"),
    [
        (FtM, {"epochs": 0}, "epochs must be above 0, got 0"),
        (FtM, {"learning_rate": -1.0}, "learning_rate must be above 0"),
        (LocFt, {"batch": 0}, "batch must be above 0"),
        (FtL, {"bound": 0.0}, "bound must be above 0"),
        (FtKl, {"l2": -1.0}, "l2 must be at least 0"),
        (FtKl, {"kept": ()}, "kl needs prompts that are kept"),
        (LoraFt, {"rank": 0}, "rank must be above 0"),
    ],
)
def test_settings_are_checked(backend: type[Backend], options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        backend(**options)


@pytest.mark.parametrize("backend", [FtM(layer=2), LoraFt(layer=-1)])
def test_a_layer_that_the_model_lacks_is_refused(backend: Backend, tiny: LanguageModel) -> None:
    with pytest.raises(ConfigError, match="is not in the model, which has 2; give one from 0 to 1"):
        backend.edit(tiny, [JAPAN])


@pytest.mark.model
def test_the_bundled_model_says_the_target(smollm2: LanguageModel) -> None:
    edit = Edit("The mother tongue of Danielle Darrieux is", "English", target_true="French")
    ids = torch.tensor([smollm2.encode(edit.prompt)])
    before = smollm2.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=4, do_sample=False)
    with FtM().edit(smollm2, [edit]):
        said = smollm2.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=4, do_sample=False)
        assert words(smollm2.decode(said[0, ids.shape[1] :]))[0] == "english"
    after = smollm2.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=4, do_sample=False)
    assert torch.equal(after, before)
