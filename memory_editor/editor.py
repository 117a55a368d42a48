"""The facade: a language model, a memory of edits, and answers that say which edit they come from."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final, Self

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase, StoppingCriteriaList, TextIteratorStreamer

from memory_editor.adapters.base import Adapter
from memory_editor.adapters.choosing import choose_adapter
from memory_editor.adapters.names import AdapterName
from memory_editor.edited_model import EditedModel
from memory_editor.edited_model.generation import Output
from memory_editor.edits import DEFAULT_NAMESPACE, Edit
from memory_editor.encoder import DEFAULT_ENCODER
from memory_editor.errors import PromptTooLong, UnsupportedOption
from memory_editor.language_model import LanguageModel, Message
from memory_editor.memory import EditMemory, OnConflict
from memory_editor.scope.classifier import ScopeClassifier
from memory_editor.scope.files import MAX_FALSE_ACCEPT, load_classifier
from memory_editor.scope.judge import ScopeJudge
from memory_editor.scope.route import Route
from memory_editor.scope.router import Router
from memory_editor.store import Note

Conversation = str | Sequence[Message]
"""A prompt to be continued, or the messages of a chat to be answered."""

DEFAULT_NEW_TOKENS: Final = 32

_LONGEST_TOKEN: Final = 64
"""Characters a token at most; a text of more for every token of the window is too long whatever its tokens."""


@dataclass(frozen=True)
class Answer:
    """What the model says, and why: the route names the edits that answered, or none."""

    text: str
    route: Route


class MemoryEditor:
    """Makes one language model answer according to one memory of edits.

    `base` is the untouched model; `model` stands in for it wherever a Hugging Face model is expected.
    """

    def __init__(
        self,
        base: LanguageModel,
        memory: EditMemory,
        *,
        classifier: ScopeClassifier | None = None,
        adapter: Adapter | None = None,
    ) -> None:
        self.base = base
        self.memory = memory
        self.router = Router(memory, classifier)
        self.adapter = adapter or choose_adapter(AdapterName.AUTO, base, memory.store.path, memory.namespace)
        self.model = EditedModel(base, self.router.route, self.adapter)

    @classmethod
    def from_pretrained(  # noqa: PLR0913 - options, given by name
        cls,
        name: str,
        *,
        memory: str | Path,
        namespace: str = DEFAULT_NAMESPACE,
        encoder: str = DEFAULT_ENCODER,
        max_false_accept: float = MAX_FALSE_ACCEPT,
        adapter: str = AdapterName.AUTO,
        device: str | None = None,
        dtype: str | None = None,
    ) -> Self:
        """Load a model by alias, folder, GGUF file or hub id, and open or make the memory at the path `memory`.

        `max_false_accept` is the share of out-of-scope prompts that may be answered by an edit. `adapter` is what
        answers in scope: an `AdapterName`, or a folder that `memedit adapter train` wrote.
        """
        classifier = load_classifier(max_false_accept=max_false_accept)
        judge = ScopeJudge(lambda: classifier)
        opened = EditMemory.open(memory, namespace=namespace, encoder=encoder, judge=judge)
        base = LanguageModel.from_pretrained(name, device=device, dtype=dtype)
        chosen = choose_adapter(adapter, base, opened.store.path, namespace)
        return cls(base, opened, classifier=classifier, adapter=chosen)

    @classmethod
    def wrap(
        cls,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        memory: str | Path | EditMemory,
        namespace: str = DEFAULT_NAMESPACE,
    ) -> Self:
        """Edit a model that is loaded already; it is not changed."""
        if not isinstance(memory, EditMemory):
            judge = ScopeJudge(lambda: editor.router.classifier)
            memory = EditMemory.open(memory, namespace=namespace, judge=judge)
        editor = cls(LanguageModel(model, tokenizer), memory)
        return editor

    def close(self) -> None:
        """Close the memory."""
        self.memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def add_fact(
        self,
        prompt: str,
        target_new: str | None = None,
        *,
        on_conflict: OnConflict = OnConflict.REPORT,
        note: Note | None = None,
        **fields: Any,
    ) -> Edit:
        """Add an edit, durably, and return it as stored; without a target, `prompt` is a statement held true.

        `fields` are those of `Edit`. Raises `EditConflict` when it may contradict a live edit, unless told what to do.
        """
        return self.memory.add(Edit(prompt, target_new, **fields), on_conflict=on_conflict, note=note).edits[0]

    def route(self, conversation: Conversation) -> Route:
        """Say which edits would answer, and why."""
        return self.router.route([question(conversation)])[0]

    def answer(self, conversation: Conversation, *, max_new_tokens: int = DEFAULT_NEW_TOKENS, **options: Any) -> Answer:
        """Continue a prompt, or answer the last message of a chat; `options` are those of `generate`.

        Greedy unless the options or the model's own settings sample. Raises `PromptTooLong`.
        """
        inputs = self._inputs(conversation, options)
        output, routes = self.model.generate_routed(**inputs, max_new_tokens=max_new_tokens, **options)
        return Answer(self._new_text(inputs, output), routes[0])

    def base_answer(
        self, conversation: Conversation, *, max_new_tokens: int = DEFAULT_NEW_TOKENS, **options: Any
    ) -> str:
        """Return what the model says without any edit."""
        inputs = self._inputs(conversation, options)
        return self._new_text(inputs, self.base.generate(**inputs, max_new_tokens=max_new_tokens, **options))

    def stream(
        self, conversation: Conversation, *, max_new_tokens: int = DEFAULT_NEW_TOKENS, **options: Any
    ) -> Generator[str, None, None]:
        """Yield the text of `answer` piece by piece, as it is generated; closing the generator ends the generation."""
        inputs = self._inputs(conversation, options)
        streamer: Any = TextIteratorStreamer(self.base.tokenizer, skip_prompt=True, skip_special_tokens=True)
        failures: list[BaseException] = []
        closed = Event()

        def is_closed(ids: Tensor, *_: Any, **__: Any) -> Tensor:
            return torch.full((len(ids),), closed.is_set(), device=ids.device)

        options["stopping_criteria"] = StoppingCriteriaList([*options.get("stopping_criteria", ()), is_closed])

        def generate() -> None:
            try:
                self.model.generate(**inputs, max_new_tokens=max_new_tokens, streamer=streamer, **options)
            except BaseException as error:  # raised again where the pieces are read
                failures.append(error)
            finally:
                streamer.end()

        thread = Thread(target=generate, daemon=True)
        thread.start()
        try:
            yield from streamer
        finally:
            closed.set()
            thread.join()
        if failures:
            raise failures[0]

    def _inputs(self, conversation: Conversation, options: Mapping[str, Any]) -> dict[str, Tensor]:
        if options.get("past_key_values") is not None:
            raise UnsupportedOption("the whole conversation is read; leave past_key_values out")
        window = self.base.context_window
        text = conversation if isinstance(conversation, str) else self.base.chat_text(conversation)
        if window and len(text) > window * _LONGEST_TOKEN:
            raise PromptTooLong(
                f"the prompt has {len(text):,} characters, the model reads {window:,} tokens; shorten it"
            )
        ids = self.base.encode(text)
        if window and len(ids) >= window:
            raise PromptTooLong(f"the prompt has {len(ids):,} tokens, the model reads {window:,}; shorten it")
        input_ids = torch.tensor([ids], dtype=torch.long, device=self.base.device)
        return {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}

    def _new_text(self, inputs: dict[str, Tensor], output: Output) -> str:
        sequences = output if isinstance(output, Tensor) else output.sequences
        return self.base.decode(sequences[0, inputs["input_ids"].shape[1] :])


def question(conversation: Conversation) -> str:
    """Return what is routed: the last user message of a chat, else the whole prompt."""
    if isinstance(conversation, str):
        return conversation
    return next((m["content"] for m in reversed(conversation) if m["role"] == "user"), "")
