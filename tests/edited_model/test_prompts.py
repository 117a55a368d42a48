"""Finding the question in token ids, under the chat templates of several model families."""

import pytest
from transformers import PreTrainedTokenizerFast

from memory_editor.edited_model.prompts import ChatFormat, read_prompt
from tests.tiny import tiny_tokenizer

LLAMA2 = (
    "{% for m in messages %}{% if m['role'] == 'user' %}<s>[INST] {{ m['content'] }} [/INST]"
    "{% else %} {{ m['content'] }} </s>{% endif %}{% endfor %}"
)
GEMMA = (
    "<bos>{% for m in messages %}<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n"
    "{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
DEFAULT_SYSTEM = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nBe brief.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEMPLATES = {"chatml": None, "llama-2": LLAMA2, "gemma": GEMMA, "default-system": DEFAULT_SYSTEM}
SPECIAL = ["<bos>", "<start_of_turn>", "<end_of_turn>", "<s>", "</s>"]


def tokenizer_with(template: str) -> PreTrainedTokenizerFast:
    over = {"chat_template": TEMPLATES[template]} if TEMPLATES[template] else {}
    return tiny_tokenizer(additional_special_tokens=SPECIAL, **over)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_last_user_message_is_the_question_and_context_goes_before_it(template: str) -> None:
    tokenizer = tokenizer_with(template)
    chat = [
        {"role": "user", "content": "Who runs Twitter?"},
        {"role": "assistant", "content": "Elon Musk."},
        {"role": "user", "content": "東京 is the capital of which country?"},
    ]
    text = str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))
    ids = tokenizer(text)["input_ids"]
    prompt = read_prompt(ids, tokenizer, ChatFormat.of(tokenizer))
    assert prompt.is_chat
    assert prompt.question == "東京 is the capital of which country?"
    assert str(tokenizer.decode(ids[: prompt.insert_at])).rstrip() == text[: text.index("東京")].rstrip()


def test_an_answer_begun_by_the_caller_is_no_part_of_the_question() -> None:
    tokenizer = tokenizer_with("chatml")
    ids = tokenizer("<|im_start|>user\nWho runs Twitter?<|im_end|>\n<|im_start|>assistant\nThe CEO is")["input_ids"]
    assert read_prompt(ids, tokenizer, ChatFormat.of(tokenizer)).question == "Who runs Twitter?"


def test_a_text_that_is_no_chat_is_the_question_behind_its_opening_token() -> None:
    tokenizer = tokenizer_with("chatml")
    ids = [tokenizer.bos_token_id, *tokenizer("The capital of France is")["input_ids"]]
    prompt = read_prompt(ids, tokenizer, ChatFormat.of(tokenizer))
    assert (prompt.question, prompt.insert_at, prompt.is_chat) == ("The capital of France is", 1, False)


def test_an_empty_row_has_an_empty_question() -> None:
    prompt = read_prompt([], tiny_tokenizer(), None)
    assert (prompt.question, prompt.insert_at) == ("", 0)


@pytest.mark.parametrize("template", [None, "{{ raise_exception('no') }}", "{{ messages[0]['content'] }}"])
def test_a_template_that_sets_no_user_message_off_is_no_chat_format(template: str | None) -> None:
    assert ChatFormat.of(tiny_tokenizer(chat_template=template)) is None


def test_the_chatml_format() -> None:
    assert ChatFormat.of(tokenizer_with("default-system")) == ChatFormat("<|im_start|>user\n", "<|im_end|>")
