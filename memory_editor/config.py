"""Settings that hold for every command: from the environment, else a file, else the default; knows no commands."""

import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

from platformdirs import user_config_path, user_data_path

from memory_editor.edits import DEFAULT_NAMESPACE, checked_namespace
from memory_editor.errors import ConfigError

CONFIG_VARIABLE: Final = "MEMEDIT_CONFIG"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a command uses unless an option says otherwise."""

    memory: str = str(user_data_path("memedit") / "memory.db")
    """Path of the edit memory."""
    namespace: str = DEFAULT_NAMESPACE
    model: str = "smollm2-135m"
    """Alias, folder, GGUF file or hub id of the language model."""
    device: str | None = None
    dtype: str | None = None
    encoder: str = "all-minilm-l6-v2"
    """Sentence encoder that routes prompts: the bundled one, or a sentence-transformers folder or hub id."""
    scope: str | None = None
    """Folder of the scope classifier; none for the one that comes with the package."""
    max_false_accept: float = 0.03
    """The share of out-of-scope prompts that may be answered by an edit."""
    adapter: str = "auto"
    """What answers in scope: "auto" for the adapter that comes with the package for the model, or where there is none
    the edit in context; "in-context", "codebook", "bank"; or the folder of an adapter."""
    actor: str | None = None
    """Who is named in the history; the user's login name by default."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_false_accept", _share("max_false_accept", self.max_false_accept))
        for name in (field.name for field in fields(self) if field.type is not float):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value.strip()):
                raise ConfigError(f"setting {name!r} must be a text that is not empty, got {value!r}")
        checked_namespace(self.namespace)

    @classmethod
    def load(cls) -> Self:
        """Read the settings; the environment (`MEMEDIT_MEMORY`, …) goes before the file."""
        names = [field.name for field in fields(cls)]
        from_environment = {name: os.environ[key] for name in names if (key := f"MEMEDIT_{name.upper()}") in os.environ}
        return cls(**{**_from_file(names), **from_environment})


def _share(name: str, value: object) -> float:
    try:
        share = float(str(value))
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise ConfigError(f"setting {name!r} must be a number between 0 and 1, e.g. 0.01, got {value!r}")
    return share


def config_path() -> Path:
    """Return where the settings file is looked for; it need not exist unless `MEMEDIT_CONFIG` names it."""
    return Path(os.environ.get(CONFIG_VARIABLE) or user_config_path("memedit") / "config.toml")


def _from_file(names: list[str]) -> dict[str, Any]:
    path = config_path()
    if not path.exists():
        if os.environ.get(CONFIG_VARIABLE):
            raise ConfigError(f"{CONFIG_VARIABLE} names {str(path)!r}, which does not exist; make the file or unset it")
        return {}
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f'{str(path)!r} cannot be read: {error}; it must be TOML, e.g. model = "smollm2-135m"'
        ) from error
    if unknown := sorted(set(settings) - set(names)):
        raise ConfigError(f"{str(path)!r}: unknown setting {unknown[0]!r}; known are {', '.join(names)}")
    return settings
