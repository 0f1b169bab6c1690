import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narratives.text.cleaning import INVISIBLE, clean, clusters, is_plain, plain

LOOKS_LIKE = {
    "The dam breaks https://example.org/2024/dam?utm_source=x&id=1 today": "The dam breaks today",
    "See t.me/mayor and www.example.org/a or write to mayor@example.org": "See and or write to",
    "@user_1 @user_2 The dam breaks": "The dam breaks",
    '<div style="line-height: 1.5"><b>The dam</b> breaks</div>': "The dam breaks",
    "<style>p {color: red}</style>The dam<!-- breaks --> breaks": "The dam breaks",
    "The dam &amp; the mayor&#39;s bridge&nbsp;fall": "The dam & the mayor's bridge\xa0fall",
    "The d\u200ba\u00adm bre\u2060aks": "The dam breaks",
    "Да\u0301мбу прорва\u0301ло": "Дамбу прорвало",
    "Kиeвский реж\u0438м": "Киевский режим",
    "Тhe dam": "The dam",
    "𝐓𝐡𝐞 ｄａｍ": "The dam",
    "an oﬃcial": "an official",
    "The D A M S break": "The DAMS break",
}


@pytest.mark.parametrize("text", LOOKS_LIKE, ids=ascii)
def test_a_text_is_read_as_it_looks(text):
    assert plain(text) == LOOKS_LIKE[text]


@pytest.mark.parametrize(
    "text",
    ["1 < 2 and 3 > 2", "AT&T", "and/or", "ІТ-компанія", "COVID-19 у Twitter", "24.02.2022", "й café", "a b c", "№ 5"],
)
def test_what_carries_meaning_stays(text):
    assert plain(text) == text


@given(st.text(max_size=80) | st.lists(st.sampled_from(list(LOOKS_LIKE)), max_size=3).map(" ".join))
def test_offsets_stay_valid(text):
    assert len(clean(text)) == len(text)


@given(st.text(max_size=80))
def test_a_plain_text_is_not_changed(text):
    if is_plain(text):
        assert clean(text) == text
        assert plain(text) == unicodedata.normalize("NFC", text) or not unicodedata.is_normalized("NFC", text)


def test_every_format_character_is_invisible():
    formats = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf"]
    assert not [ascii(character) for character in formats if not re.match(f"[{INVISIBLE}]", character)]


@given(st.text(max_size=80) | st.lists(st.sampled_from(list(LOOKS_LIKE)), max_size=3).map(" ".join))
def test_a_plain_text_is_what_its_clusters_give(text):
    seen = "".join(piece for piece, _, _ in clusters(clean(text)))
    assert plain(text) in (seen, re.sub(" {2,}", " ", seen).strip(" "))
