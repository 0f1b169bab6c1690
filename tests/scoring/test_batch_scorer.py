"""Compiled code writes the same bytes as the classifier and the Python renderer."""

import pytest

from narratives.model import persistence
from narratives.scoring.batch_scorer import BatchScorer, Options
from narratives.scoring.score import score

ROWS = """id{d}text{d}more
1{d}Wake up: the dam breaks and the river rises!{d}007
2{d}"The mayor lies.\n\nThe dam breaks, they say."{d}"a ""b"" c"
3{d}{d}
4{d}"İstanbul: the dam breaks"{d}NA
5{d}too few
6{d}"the mayor stole it{d}x
7{d}Wake up: the bridge never opens{d}"x"y
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory, classifier, letters_once):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    persistence.save(classifier, folder, {}, "card")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("options", [{}, {"columns": "short"}, {"by": "paragraph"}, {"prefix": "x_"}])
def test_compiled_code_writes_the_same_bytes_as_the_classifier_and_the_renderer(
    tmp_path, model, monkeypatch, delimiter, options
):
    path = tmp_path / "a.csv"
    valid = "".join(f"{n}{delimiter}The mayor lies and lies {n}.{delimiter}\n" for n in range(600))
    path.write_text(ROWS.replace("{d}", delimiter) + valid, encoding="utf-8")
    quick = score([path], tmp_path / "quick.csv", model, Options(**options))
    monkeypatch.setattr(BatchScorer, "compile_now", lambda self: None)  # so the classifier and the renderer do it all
    plain = score([path], tmp_path / "plain.csv", model, Options(**options))
    for name in ("{}.csv", "{}.csv.refused.csv"):
        assert (tmp_path / name.format("quick")).read_bytes() == (tmp_path / name.format("plain")).read_bytes()
    assert quick.frames == plain.frames
    assert quick.rows_refused > 1


def test_a_record_comes_back_with_its_own_quotes_and_spaces(tmp_path, model):
    path = tmp_path / "a.csv"
    lines = ['"id","text"', '"1","The dam breaks"', "2,  spaces  ", '3,"two\r\nlines"', "4,a 'b' \"c\""]
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode())
    score([path], tmp_path / "out.csv", model, Options(columns="short"))
    out = (tmp_path / "out.csv").read_bytes().decode()
    for line in lines[1:]:
        assert f"\n{line}," in out
