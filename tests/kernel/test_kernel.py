"""The kernel gives the same predictions as the classifier for any text."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narratives.kernel.kernel import Kernel, read_paragraphs
from narratives.model.classifier import Classifier, Predictions
from narratives.model.voice_markers import PHRASES, QUOTATION_MARKS, SENTENCE_CLOSERS, SENTENCE_ENDS, TAGS
from narratives.text.cleaning import plain
from narratives.text.spans import spans_of

AWKWARD = [
    "@0",
    "https://quay.example/1",
    "",
    "\0",
    "İstanbul: the dam breaks",
    "ΟΔΟΣ Σ",
    "e\u0301 и\u0306дет the dam",
    "а\u0301ктор прорвало дамбу",
    "👩‍👩‍👧 #dam @mayor 😀",
    "ｔｈｅ dam ｂｒｅａｋｓ",
    "\u1112\u1161\u11ab 한글",
    "“x” said „y“ 'z' ‘q’ \"\" he's 'quoted' not'quoted' «»«» ''' “““ ,,",
    "don’t lie. No evidence! Is it so? (Yes.)  «So.» End… Next. ",
    "\U0002f800 x",
    "the dam breaks " * 9000,
    "x" * 100_000,
    "ǅ ﬁ ß ẞ ŉ Ё ё ’ ʼ",
    "\u2028\u2029\x85\xa0\u200b\ufeff",
    "The dam breaks. The mayor lies. The bridge falls! Officials denied it, in fact.",
    "The <b style='x'>dam</b> br\u200beaks &amp; t.me/mayor https://example.org/dam?x=1 @mayor lies",
    "dam breaks",
    "The d a m s breaks, Тhe mаyor lies, and/or \u0301 the 𝐝𝐚𝐦 breaks",
]
WORDS = st.sampled_from(
    [" ".join(phrase.words) for phrase in PHRASES] + "the dam breaks mayor lies bridge . ! ? “ ” \" ' « »".split()
)
pytestmark = pytest.mark.usefixtures("letters_once")
TEXTS = st.text(max_size=60) | st.lists(WORDS | st.text(max_size=3), max_size=40).map(" ".join)


@pytest.fixture(scope="module")
def kernel(classifier: Classifier) -> Kernel:
    return Kernel(classifier)


def assert_same(predictions: Predictions, expected: Predictions) -> None:
    assert np.abs(predictions.probabilities - expected.probabilities).max(initial=0) < 1e-6
    for part in ("predicted", "human", "voices", "unsettled"):
        assert np.array_equal(getattr(predictions, part), getattr(expected, part)), part


@pytest.mark.slow
@pytest.mark.parametrize("text", AWKWARD, ids=lambda text: ascii(text[:20]))
def test_an_awkward_text_is_read_as_the_classifier_reads_it(kernel, text):
    assert_same(kernel.predict_texts([text]), kernel.classifier.predict_texts([text]))


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_any_text_is_read_as_the_classifier_reads_it(kernel, texts):
    documents = np.arange(len(texts)) // 2
    assert_same(kernel.predict_texts(texts, documents), kernel.classifier.predict_texts(texts, documents))


@pytest.fixture(scope="module")
def eager(classifier: Classifier) -> Kernel:
    """A kernel that predicts every frame, so that each paragraph goes through sentences, markers and voices."""
    return Kernel(replace(classifier, thresholds=np.zeros(len(classifier.frames))))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | TEXTS)
def test_every_sentence_and_marker_is_found_where_all_frames_are_predicted(eager, text):
    text = f"The dam breaks. {text} The mayor lies! {text}"
    assert_same(eager.predict_texts([text]), eager.classifier.predict_texts([text]))


_QUOTES = "".join(mark for pair in QUOTATION_MARKS for mark in pair)
MARKS = "".join(sorted({*"!?", *TAGS, *SENTENCE_ENDS, *SENTENCE_CLOSERS, *_QUOTES}))


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(text=st.text(st.sampled_from(MARKS + "ab 😀\n"), max_size=30))
def test_marks_are_read_as_the_classifier_reads_them(eager, text):
    shares = voice_shares(eager, f"dam {text}")
    expected = eager.classifier.voice_probabilities(*pairs_of(eager.classifier, f"dam {text}"))
    np.testing.assert_allclose(shares, expected, atol=1e-6)


def pairs_of(classifier: Classifier, text: str):
    return [text], classifier.features.transform([text]), np.ones((1, len(classifier.frames)), dtype=bool)


def voice_shares(kernel: Kernel, text: str) -> np.ndarray:
    """Return the voices' shares as the kernel computes them; predictions hold only the most probable voice."""
    spans, results = spans_of([plain(text)]), kernel._empty_results(1)
    read_paragraphs(spans.data, (spans.starts, spans.ends), True, kernel.tables, kernel._workspace(), results)
    return results.voices[0]


@pytest.mark.slow
def test_threads_share_a_kernel(kernel):
    texts = [text for text in AWKWARD if len(text) < 1000] * 20
    alone = kernel.predict_texts(texts)
    with ThreadPoolExecutor(4) as pool:
        for together in pool.map(kernel.predict_texts, [texts] * 8):
            assert_same(together, alone)


def test_no_texts_give_no_rows(kernel):
    assert kernel.predict_texts([]).probabilities.shape == (0, len(kernel.frames))


def test_a_model_without_a_voice_model_predicts_no_voice(classifier):
    voiceless = replace(classifier, voice_model=None)
    assert_same(Kernel(voiceless).predict_texts(AWKWARD[:11]), voiceless.predict_texts(AWKWARD[:11]))
