"""What compiled code writes is what the classifier and the renderer write, to the byte."""

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
def model(tmp_path_factory, classifier):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    persistence.save(classifier, folder, {}, "card")
    return folder


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("options", [{}, {"columns": "short"}, {"by": "paragraph"}, {"prefix": "x_"}])
def test_compiled_code_writes_the_bytes_that_the_classifier_and_the_renderer_write(
    tmp_path, model, monkeypatch, delimiter, options
):
    path = tmp_path / "a.csv"
    sound = "".join(f"{n}{delimiter}The mayor lies and lies {n}.{delimiter}\n" for n in range(600))
    path.write_text(ROWS.replace("{d}", delimiter) + sound, encoding="utf-8")
    quick = score([path], tmp_path / "quick.csv", model, Options(**options))
    monkeypatch.setattr(BatchScorer, "compile_now", lambda self: None)
    plain = score([path], tmp_path / "plain.csv", model, Options(**options))
    for name in ("{}.csv", "{}.csv.refused.csv"):
        assert (tmp_path / name.format("quick")).read_bytes() == (tmp_path / name.format("plain")).read_bytes()
    assert quick.frames == plain.frames
    assert quick.rows_refused > 1


def test_a_record_comes_back_as_it_stood(tmp_path, model):
    path = tmp_path / "a.csv"
    lines = ['"id","text"', '"1","The dam breaks"', "2,  spaces  ", '3,"two\r\nlines"', "4,a 'b' \"c\""]
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode())
    score([path], tmp_path / "out.csv", model, Options(columns="short"))
    out = (tmp_path / "out.csv").read_bytes().decode()
    for line in lines[1:]:
        assert f"\n{line}," in out
