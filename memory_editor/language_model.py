"""One causal language model of Hugging Face with its tokenizer; knows no edits."""

import copy
import hashlib
import json
import zlib
from collections.abc import Sequence
from enum import StrEnum
from importlib.util import find_spec
from typing import Any, Final, Self, TypedDict

import torch
from jinja2 import TemplateError
from torch import Tensor
from transformers import BitsAndBytesConfig, PreTrainedModel, PreTrainedTokenizerBase

from memory_editor.errors import ConfigError, MissingDependency, ModelError, PromptTooLong
from memory_editor.models.files import Report, load_pretrained, no_report, resolve_model
from memory_editor.text import encodable

_WINDOW_FIELDS: Final = ("max_position_embeddings", "max_seq_len")
# What a configuration says of its file rather than of the function that the model computes.
_OF_THE_FILE: Final = {"architectures", "dtype", "transformers_version"}


class Message(TypedDict):
    """One turn of a chat."""

    role: str
    content: str


class Dtype(StrEnum):
    """How weights are kept in memory; the integer kinds are quantized by bitsandbytes."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    INT8 = "int8"
    INT4 = "int4"


_QUANTIZED: Final[dict[Dtype, tuple[Dtype, dict[str, Any]]]] = {
    Dtype.INT8: (Dtype.FLOAT16, {"load_in_8bit": True}),
    Dtype.INT4: (
        Dtype.BFLOAT16,
        {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": torch.bfloat16},
    ),
}
"""In what each quantized kind computes, and what bitsandbytes is told."""


class LanguageModel:
    """A causal language model as it was loaded, in evaluation mode, and its tokenizer, which can pad on the left."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str | None = None) -> None:
        self.model = model
        self.model.train(False)
        self.tokenizer = _padding_left(tokenizer)
        self.name: str = name or model.config.name_or_path or type(model).__name__

    @classmethod
    def from_pretrained(
        cls,
        name: str,
        *,
        device: str | None = None,
        dtype: Dtype | str | None = None,
        report: Report = no_report,
    ) -> Self:
        """Load an alias, a folder, a GGUF file or a model of the hub; `report` hears of a conversion or download.

        `device` is one of PyTorch's, "auto" to spread the model over all, and by default the accelerator if there is
        one. `dtype` is by default the one the weights are stored in.
        """
        options = {"device_map": _placement(device), **_precision(dtype)}
        return cls(*load_pretrained(resolve_model(name, report), name, **options), name)

    @property
    def device(self) -> torch.device:
        """Where the model takes its input."""
        device: torch.device = self.model.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """What the model computes in."""
        dtype: torch.dtype = self.model.dtype
        return dtype

    @property
    def context_window(self) -> int | None:
        """How many tokens the model can attend to, or None where its configuration does not say."""
        config = self.model.config.get_text_config()
        return next((size for field in _WINDOW_FIELDS if (size := getattr(config, field, None))), None)

    def encode(self, text: str) -> list[int]:
        """Return the token ids of `text`, with the special tokens that the tokenizer adds by default."""
        return list(self.tokenizer(encodable(text), verbose=False)["input_ids"])

    def decode(self, ids: list[int] | Tensor, *, keep_special: bool = False) -> str:
        """Return the text of token ids."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=not keep_special))

    def chat_text(self, messages: Sequence[Message]) -> str:
        """Return `messages` in the model's chat template, up to where its answer begins.

        A beginning-of-text token that `encode` adds is left out, so that there is one.
        """
        if not self.tokenizer.chat_template:
            raise ModelError(f"{self.name} has no chat template; give the prompt as text, or use an instruct model")
        turns: Any = list(messages)
        try:
            text = str(self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
        except TemplateError as error:
            raise ModelError(f"the chat template of {self.name} refuses the messages: {error}; change them") from error
        bos = self.tokenizer.bos_token
        return text.removeprefix(bos) if bos and self.encode("")[:1] == [self.tokenizer.bos_token_id] else text

    @torch.no_grad()
    def generate(self, input_ids: Tensor, **options: Any) -> Any:
        """Return what the model's own `generate` does for these ids, shape (rows, length), and options."""
        model: Any = self.model
        return model.generate(input_ids, **options)

    @torch.no_grad()
    def log_probabilities(self, prompt: str, target: str) -> Tensor:
        """Return the log-probability of each token of `target` after `prompt` and the target's tokens before it.

        The two are joined as they are, so the target brings its own space. The tokens counted are those of the joined
        text from where it departs from the prompt's. Shape (target tokens,), float32.
        """
        ids = self.encode(prompt + target)
        start = _shared(self.encode(prompt), ids)
        if not 0 < start < len(ids):
            raise ModelError(f"the prompt {prompt!r} and the target {target!r} must each have a token of their own")
        if self.context_window and len(ids) > self.context_window:
            window = f"at most {self.context_window} fit {self.name}"
            raise PromptTooLong(f"the prompt and target have {len(ids)} tokens, {window}; shorten the prompt")
        # The logits at one position are the prediction of the next.
        logits: Tensor = self.model(torch.tensor([ids], device=self.device)).logits[0, start - 1 : -1]
        chosen = torch.tensor(ids[start:], device=logits.device)
        return logits.float().log_softmax(-1).gather(-1, chosen.unsqueeze(-1)).squeeze(-1)

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that stand for the model's function, whatever its name and place.

        Every bit of every parameter counts.
        """
        config = {key: value for key, value in self.model.config.to_diff_dict().items() if key not in _OF_THE_FILE}
        digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
        for name, parameter in self.model.named_parameters():
            digest.update(f"{name} {tuple(parameter.shape)} {parameter.dtype}".encode())
            if not parameter.is_meta:
                digest.update(_checksum(parameter))
        return digest.hexdigest()[:16]


def _padding_left(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """Return a tokenizer that pads on the left; the caller's own stays as it is."""
    if tokenizer.pad_token is not None and tokenizer.padding_side == "left":
        return tokenizer
    padding = copy.deepcopy(tokenizer)
    padding.padding_side = "left"
    if padding.pad_token is None:
        padding.pad_token = padding.eos_token
    if padding.pad_token is None:
        raise ModelError(f"{type(tokenizer).__name__} has neither a pad nor an end token; set tokenizer.pad_token")
    return padding


def _placement(device: str | None) -> str:
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if device is None:
        return accelerator.type if accelerator else "cpu"
    known = ["cpu", "auto"]
    if accelerator:
        known += [accelerator.type, *(f"{accelerator.type}:{i}" for i in range(torch.accelerator.device_count()))]
    if device not in known:
        raise ConfigError(f"device {device!r} is not on this machine; choose one of {', '.join(known)}")
    return device


def _precision(dtype: Dtype | str | None) -> dict[str, Any]:
    if dtype is None:
        return {"dtype": "auto"}
    try:
        kind = Dtype(dtype)
    except ValueError as error:
        raise ConfigError(f"dtype {dtype!r} is unknown; choose one of {', '.join(Dtype)}") from error
    if kind not in _QUANTIZED:
        return {"dtype": kind.value}
    if find_spec("bitsandbytes") is None:
        raise MissingDependency(f"dtype '{kind}' needs bitsandbytes; run `pip install 'memory-editor[quantized]'`")
    compute, options = _QUANTIZED[kind]
    config = BitsAndBytesConfig(**options)  # type: ignore[no-untyped-call]
    return {"dtype": compute.value, "quantization_config": config}


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many elements two sequences have in common at their beginning."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (one, other) in pairs if one != other), min(len(first), len(second)))


def _checksum(parameter: Tensor) -> bytes:
    """Return four bytes that any change of a parameter changes, but for one in 2³²: a CRC, faster than SHA-256."""
    numbers = parameter.detach().contiguous().flatten().view(torch.uint8).cpu().numpy()
    return zlib.crc32(numbers.data).to_bytes(4)
