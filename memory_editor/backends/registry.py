"""Editing methods by name, loaded when asked for, with hyper-parameters given as text; knows no method itself."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

from memory_editor.backends.base import Backend
from memory_editor.backends.locating.projections import SecondMoments
from memory_editor.backends.moments import MomentsFolder
from memory_editor.errors import ConfigError

_HERE: Final = "memory_editor.backends"

CHANGING_WEIGHTS: Final[Mapping[str, str]] = {
    "rome": f"{_HERE}.rome:Rome",
    "memit": f"{_HERE}.memit:Memit",
    "alphaedit": f"{_HERE}.alphaedit:AlphaEdit",
    "ft-l": f"{_HERE}.finetuning:FtL",
    "ft-m": f"{_HERE}.finetuning:FtM",
    "ft-kl": f"{_HERE}.finetuning:FtKl",
    "locft": f"{_HERE}.finetuning:LocFt",
    "lora": f"{_HERE}.finetuning:LoraFt",
    "kn": f"{_HERE}.neurons:KnowledgeNeurons",
}
"""Methods whose edits are in the weights, so that the edited model can be saved as any other."""

BACKENDS: Final[Mapping[str, str]] = {
    **CHANGING_WEIGHTS,
    "grace": f"{_HERE}.grace:Grace",
    "serac": f"{_HERE}.serac:Serac",
    "rag": f"{_HERE}.rag:Rag",
    "in-context": f"{_HERE}.routed:RoutedInContext",
    "ours": f"{_HERE}.routed:Routed",
}
"""Every method: the module and the class, which is a frozen dataclass of its hyper-parameters."""

T = TypeVar("T")


def backend(name: str, settings: Mapping[str, str]) -> Backend:
    """Return the method of a name with some of its hyper-parameters set; raises `ConfigError`."""
    if name not in BACKENDS:
        raise ConfigError(f"there is no backend {name!r}; choose one of {', '.join(BACKENDS)}")
    module, _, attribute = BACKENDS[name].partition(":")
    made: Backend = from_text(getattr(import_module(module), attribute), settings, f"the backend {name!r}")
    return made


def from_text(kind: Callable[..., T], settings: Mapping[str, str], owner: str) -> T:
    """Return a dataclass with some of its fields read from text; `owner` is what errors call it.

    A tuple is a list with commas or in JSON, "none" is none, and second moments are the folder that has them. Raises
    `ConfigError` for an unknown field and for text that is none of its values.
    """
    kinds = get_type_hints(kind)
    known: Any = kind
    names = [field.name for field in fields(known)]
    if unknown := sorted(set(settings) - set(names)):
        raise ConfigError(f"{owner} has no setting {unknown[0]!r}; it has {', '.join(names) or 'none'}")
    values: dict[str, Any] = {}
    for name, text in settings.items():
        try:
            values[name] = _value(text, kinds[name])
        except (ValueError, KeyError) as error:
            raise ConfigError(f"{owner} cannot have {name} {text!r}: {_wanted(kinds[name])}") from error
    return kind(**values)


def _value(text: str, kind: Any) -> Any:
    """Return what text means for a field of some kind."""
    choices = _choices(kind)
    if NoneType in choices and text == "none":
        return None
    (kind,) = (choice for choice in choices if choice is not NoneType)
    if get_origin(kind) is tuple:
        items = json.loads(text) if text.startswith("[") else filter(None, text.split(","))
        return tuple(_value(str(item), get_args(kind)[0]) for item in items)
    return _READERS.get(kind, kind)(text)


def _choices(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if NoneType in get_args(kind) else (kind,)


def _wanted(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"choose one of {', '.join(kind)}"
    names = [choice.__name__ if isinstance(choice, type) else str(choice) for choice in _choices(kind)]
    return f"give {' or '.join(names).replace('NoneType', 'none')}"


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text.casefold()]


_READERS: Final[Mapping[Any, Callable[[str], Any]]] = {
    bool: _truth,
    SecondMoments: lambda text: MomentsFolder(Path(text).expanduser()),
}
"""How text is read for kinds that do not read it themselves."""
