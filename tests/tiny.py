"""Tiny random language models of many architectures, and their tokenizer: made in memory, the same in every process."""

from functools import cache
from typing import Any, Final

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from memory_editor.language_model import LanguageModel

_TEXT: Final = (
    "The capital of France is Paris. The capital of Italy is Rome. The capital of Japan is Tokyo.",
    "Who runs Twitter? The CEO of Twitter is Linda Yaccarino. Elon Musk bought the company in 2022.",
    "The mother tongue of Danielle Darrieux is French. The Eiffel Tower stands in Paris, near the river.",
    "What is the answer to the question? Answer with the new fact: it is true, and nothing else is.",
)

_CHATML: Final = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

_GROUPED: Final = {"num_key_value_heads": 2}
_OWN: Final[dict[str, dict[str, Any]]] = {
    "gpt2": {"n_inner": 64},
    "gpt_neox": {"intermediate_size": 64},
    "gptj": {"n_inner": 64, "rotary_dim": 4},
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32},
    "llama": {"intermediate_size": 64, **_GROUPED},
    "mistral": {"intermediate_size": 64, **_GROUPED},
    "qwen2": {"intermediate_size": 64, **_GROUPED},
    "gemma3_text": {"intermediate_size": 64, "head_dim": 8, "query_pre_attn_scalar": 8, **_GROUPED},
    "phi": {"intermediate_size": 64},
}
"""What the architectures call differently, or need besides what they share."""

ARCHITECTURES: Final = tuple(_OWN)


def tiny_model(architecture: str = "llama", seed: int = 0, **over: Any) -> LanguageModel:
    """Return a random model of 2 layers, width 32 and a window of 256 tokens; `over` changes its configuration."""
    tokenizer = tiny_tokenizer()
    shared = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 256,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = AutoConfig.for_model(architecture, **shared | _OWN.get(architecture, {}) | over)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    return LanguageModel(model, tokenizer, f"tiny-{architecture}-{seed}")


def tiny_tokenizer(**over: Any) -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer of 400 tokens with a ChatML template, which adds no special token by itself."""
    options: dict[str, Any] = {
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "padding_side": "left",
        "chat_template": _CHATML,
    }
    tokenizer = Tokenizer.from_str(_trained())
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **options | over)  # type: ignore[no-untyped-call]


@cache
def _trained() -> str:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_TEXT, trainer)
    return str(tokenizer.to_str())
