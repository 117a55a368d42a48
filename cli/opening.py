"""Opens what commands work on, as options, environment and settings file say; imports what is heavy only then."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from memory_editor.cli import options, output
from memory_editor.config import Settings
from memory_editor.edits import Status
from memory_editor.errors import ConfigError

if TYPE_CHECKING:
    from memory_editor.editor import MemoryEditor
    from memory_editor.language_model import LanguageModel
    from memory_editor.memory import EditMemory, OnConflict
    from memory_editor.scope.classifier import TrainedClassifier
    from memory_editor.store import Filter, Note, Store


def settings(**options: str | float | None) -> Settings:
    """Return the settings, the options that were given put before them."""
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    return replace(Settings.load(), **given)


def note(chosen: Settings, reason: str) -> "Note":
    """Return who makes a change, and why."""
    from memory_editor.store import Note

    return Note(chosen.actor, reason) if chosen.actor else Note(reason=reason)


def on_conflict(*, replace: bool, keep_both: bool) -> "OnConflict":
    """Return what is to become of live edits that a new one may contradict."""
    if replace and keep_both:
        raise typer.BadParameter("--replace and --keep-both exclude each other")
    from memory_editor.memory import OnConflict

    return OnConflict.REPLACE if replace else OnConflict.KEEP_BOTH if keep_both else OnConflict.REPORT


def language_model(chosen: Settings, layout: list[str] | None = None) -> "LanguageModel":
    """Load the language model; `layout` says where parts of its blocks are, rather than that they are found."""
    from memory_editor.backends.registry import from_text
    from memory_editor.language_model import LanguageModel
    from memory_editor.layers import Layout

    given = from_text(Layout, options.pairs("--layout", layout), "a layout")
    base = LanguageModel.from_pretrained(chosen.model, device=chosen.device, dtype=chosen.dtype, report=output.note)
    given.put_on(base.model)
    return base


def classifier(chosen: Settings) -> "TrainedClassifier":
    """Load the scope classifier, with the threshold that keeps to the budget of false accepts."""
    from memory_editor.scope.files import SHIPPED, load_classifier

    return load_classifier(Path(chosen.scope).expanduser() if chosen.scope else SHIPPED, chosen.max_false_accept)


def filter_of(chosen: Settings, status: str, **texts: str | None) -> "Filter":
    """Return the filter for edits of the namespace that stand as `status`, or "all"."""
    from memory_editor.store import Filter

    return Filter(namespace=chosen.namespace, status=None if status == "all" else Status(status), **texts)


@contextmanager
def open_store(chosen: Settings) -> Iterator["Store"]:
    """Open the memory's database alone, which takes no encoder; a missing one is an error."""
    from memory_editor.store import Store

    with Store(_path(chosen), create=False) as store, _interrupts_told(store):
        yield store


@contextmanager
def open_memory(chosen: Settings, *, create: bool = False) -> Iterator["EditMemory"]:
    """Open the memory with its encoder, which is loaded when first needed."""
    from memory_editor.memory import EditMemory
    from memory_editor.scope.judge import ScopeJudge

    judge = ScopeJudge(lambda: classifier(chosen))
    options = {"namespace": chosen.namespace, "encoder": chosen.encoder}
    with (
        EditMemory.open(_path(chosen), judge=judge, create=create, **options) as memory,
        _interrupts_told(memory.store),
    ):
        yield memory


@contextmanager
def open_editor(chosen: Settings) -> Iterator["MemoryEditor"]:
    """Open or make the memory, and load the language model."""
    from memory_editor.adapters.choosing import choose_adapter
    from memory_editor.editor import MemoryEditor

    with open_memory(chosen, create=True) as memory:
        base = language_model(chosen)
        adapter = choose_adapter(chosen.adapter, base, _path(chosen), chosen.namespace)
        yield MemoryEditor(base, memory, classifier=classifier(chosen), adapter=adapter)


def _path(chosen: Settings) -> Path:
    try:
        return Path(chosen.memory).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"memory {chosen.memory!r}: {error}; give the whole path") from error


@contextmanager
def _interrupts_told(store: "Store") -> Iterator[None]:
    """Say of an interrupt whether the memory is as it was before the block."""
    before = (store.generation, store.epoch)
    try:
        yield
    except KeyboardInterrupt:
        if (store.generation, store.epoch) == before:
            raise KeyboardInterrupt("interrupted; the memory is as it was") from None
        output.note("interrupted; the memory was changed before, `memedit history` says how")
        raise typer.Exit(130) from None
