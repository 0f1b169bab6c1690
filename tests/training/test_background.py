import pytest

from narratives.errors import UserError
from narratives.training import data
from narratives.training.data import read_background


@pytest.fixture
def table(tmp_path):
    def write(name, texts):
        path = tmp_path / name
        path.write_text("text\n" + "".join(f'"{text}"\n' for text in texts), encoding="utf-8")
        return path

    return write


def test_the_texts_of_all_tables_come_in_order_and_empty_cells_are_left_out(table):
    paths = [table("one.csv", ["first", " ", "second"]), table("two.csv", ["third"])]
    shares = []
    assert read_background(paths, progress=shares.append) == ["first", "second", "third"]
    assert shares[-1] == 1.0


def test_of_too_many_texts_a_random_part_is_kept_the_same_for_a_seed(table, monkeypatch):
    monkeypatch.setattr(data, "MAX_TEXTS", 50)
    path = table("many.csv", [f"text {number}" for number in range(1000)])
    texts = read_background([path], seed=1)
    numbers = [int(text.split()[1]) for text in texts]
    assert len(texts) == 50
    assert numbers == sorted(numbers)
    assert 300 < sum(numbers) / 50 < 700
    assert read_background([path], seed=1) == texts
    assert read_background([path], seed=2) != texts


def test_a_table_without_texts_is_refused_by_name(table):
    with pytest.raises(UserError, match=r"empty\.csv"):
        read_background([table("empty.csv", ["", ""])])


def test_no_tables_are_no_texts():
    assert read_background([]) == []
