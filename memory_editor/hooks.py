"""Reads and replaces activations while a block of code runs, in the thread of the block alone; knows no edits.

Hooks are for a model that nobody else may see changed: take a second one over the same weights.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn


class Inputs(NamedTuple):
    """What a module is called with."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @property
    def hidden(self) -> Tensor:
        """The first input, which of a layer is the hidden states."""
        first: Tensor = self.args[0] if self.args else next(iter(self.kwargs.values()))
        return first


See: TypeAlias = Callable[[Inputs], None]
Change: TypeAlias = Callable[[Any], Any]
"""Given what a module returns, returns what it is to return instead, or None to leave it."""


class Tap:
    """A place in a model where a block of code sees what a module is given, or changes what it returns.

    It stays as long as the module. Outside such blocks, and for other threads during them, the module is as ever.
    """

    def __init__(self, module: nn.Module) -> None:
        self._own = threading.local()
        module.register_forward_pre_hook(self._enter, with_kwargs=True)
        module.register_forward_hook(self._leave)

    @contextmanager
    def seeing(self, see: See) -> Iterator[None]:
        """Call `see` with what the module is given, before it runs."""
        self._own.see = see
        try:
            yield
        finally:
            del self._own.see

    @contextmanager
    def changing(self, change: Change) -> Iterator[None]:
        """Put what `change` makes of it in the place of what the module returns."""
        self._own.change = change
        try:
            yield
        finally:
            del self._own.change

    def _enter(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if see := getattr(self._own, "see", None):
            see(Inputs(args, kwargs))

    def _leave(self, _: nn.Module, __: tuple[Any, ...], output: Any) -> Any:
        change = getattr(self._own, "change", None)
        return change(output) if change else None


@torch.no_grad()
def hidden_at(model: nn.Module, tap: Tap, *args: Any, **kwargs: Any) -> Tensor:
    """Run `model` as far as the module of a tap in it, no further, and return what that is given."""
    (hidden,) = hidden_at_each(model, [tap], *args, **kwargs)
    return hidden


@torch.no_grad()
def hidden_at_each(model: nn.Module, taps: Sequence[Tap], *args: Any, **kwargs: Any) -> list[Tensor]:
    """Run `model` until the modules of all taps in it are reached, no further, and return what each is given."""
    found: dict[Tap, Tensor] = {}

    def see(tap: Tap, inputs: Inputs) -> None:
        found[tap] = inputs.hidden
        if len(found) == len(taps):
            raise _Reached

    with suppress(_Reached), ExitStack() as seeing:
        for tap in taps:
            seeing.enter_context(tap.seeing(partial(see, tap)))
        model(*args, **kwargs)
    return [found[tap] for tap in taps]


class _Reached(Exception):
    pass
