"""The strict CSV reader: what a broken record costs, and what it must not cost."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from narratives.tables.readers.csv_records import MAX_RECORD_LINES, Record, read_records
from narratives.tables.readers.csv_shape import choose_delimiter


def records(text: str, delimiter: str = ",") -> list[Record]:
    return list(read_records([(line, "") for line in io.StringIO(text, newline="")], delimiter))


def good(text: str) -> list[list[str]]:
    return [record.cells for record in records(text)[1:] if not record.fault]


def refused(text: str) -> list[tuple[int, str]]:
    return [(record.line, record.raw) for record in records(text) if record.fault]


def test_an_open_quote_costs_one_row_only() -> None:
    text = 'id,text\n1,"open\n2,fine\n3,"quoted, row"\n4,last\n'
    assert good(text) == [["2", "fine"], ["3", "quoted, row"], ["4", "last"]]
    assert refused(text) == [(2, '1,"open')]


def test_an_open_quote_before_the_end_costs_one_row_only() -> None:
    assert good('id,text\n1,a\n2,"open\n3,b\n4,c') == [["1", "a"], ["3", "b"], ["4", "c"]]


def test_an_open_quote_never_swallows_more_than_its_limit() -> None:
    rows = [f"{number},fine" for number in range(MAX_RECORD_LINES + 5)]
    text = "\n".join(["id,text", 'x,"open', *rows, 'y,"closed"', ""])
    assert len(good(text)) == len(rows) + 1
    assert refused(text) == [(2, 'x,"open')]


def test_an_open_quote_that_closes_on_a_later_row_gives_the_rows_between_back() -> None:
    text = 'id,text,who\n1,"open,x\n2,fine,y\n3,b,the 12"\n'
    assert good(text) == [["2", "fine", "y"], ["3", "b", 'the 12"']]


def test_an_undoubled_quote_costs_one_row_and_its_tail_is_not_taken_for_a_row() -> None:
    text = 'text,who\n"He called it "peace"\nand left",tass\n"fine",x\n'
    assert good(text) == [["fine", "x"]]
    assert [line for line, _ in refused(text)] == [2, 3]


def test_a_long_row_with_a_cell_too_many_is_refused_as_one() -> None:
    text = 'id,text,who\n1,"one\ntwo, and\nthree",Smith,John\n2,b,c\n'
    assert good(text) == [["2", "b", "c"]]
    assert refused(text) == [(2, '1,"one\ntwo, and\nthree",Smith,John')]


def test_a_row_with_a_cell_too_few_says_how_many_there_should_be() -> None:
    assert records("a,b,c\n1\n")[1].fault == "1 cell where the header has 3"


def test_quoted_line_ends_of_every_kind_are_kept() -> None:
    assert good('a,b\r\n1,"x\r\ny"\n2,"x\ry"\r3,"x\ny"') == [["1", "x\r\ny"], ["2", "x\ry"], ["3", "x\ny"]]


def test_line_numbers_are_physical() -> None:
    assert [record.line for record in records('a,b\n\n1,"x\ny\nz"\n\n2,w\n')] == [1, 3, 7]


def test_bad_bytes_refuse_the_whole_record_they_are_in() -> None:
    lines = [("a,b\n", ""), ('1,"x\n', ""), ('\\xff y"\n', "byte 0xff is not UTF-8"), ("2,z\n", "")]
    assert [record.fault for record in read_records(lines, ",")] == ["", "byte 0xff is not UTF-8", ""]


def test_quotes_inside_unquoted_cells_are_plain() -> None:
    assert good('a,b\n1,12" gun\n2,he said "no"\n') == [["1", '12" gun'], ["2", 'he said "no"']]


def delimiter_of(text: str, preferred: str = ",") -> str:
    return choose_delimiter([(line, "") for line in io.StringIO(text, newline="")], preferred)


def test_the_delimiter_is_the_one_that_gives_equal_rows() -> None:
    assert delimiter_of("id;text\n1;one, two, three\n2;four, five\n") == ";"
    assert delimiter_of("id,text\n1,one; two; three\n2,four\n") == ","
    assert delimiter_of("id\ttext\n1\tone, two\n") == "\t"
    assert delimiter_of('id|text\n1|"a|b|c"\n') == "|"


def test_quoted_delimiters_do_not_count() -> None:
    assert delimiter_of('a,b\n"x;y;z",1\n"x;y",2\n') == ","


def test_one_column_of_prose_is_one_column() -> None:
    assert delimiter_of("text\nfirst, second\nthird\n") == ""
    assert [record.cells for record in records("text\nfirst, second\n", "")] == [["text"], ["first, second"]]


@given(st.lists(st.lists(st.text(alphabet='ab,"\n\r '), min_size=3, max_size=3), max_size=8), st.data())
def test_any_damage_leaves_every_line_in_exactly_one_record(rows: list[list[str]], data: st.DataObject) -> None:
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *rows])
    text = written.getvalue()
    at = data.draw(st.integers(len('"a","b","c"\r\n'), len(text)))
    damaged = text[:at] + data.draw(st.sampled_from(['"', ",", "\n", '",'])) + text[at:]
    lines = [(line, "") for line in io.StringIO(damaged, newline="")]
    read = list(read_records(lines, ","))
    starts = [record.line for record in read]
    assert starts == sorted(set(starts))
    assert all(record.fault or len(record.cells) == 3 for record in read[1:])


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2), max_size=8))
def test_what_a_csv_writer_wrote_is_read_cell_for_cell(rows: list[list[str]]) -> None:
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    assert [record.cells for record in records(written.getvalue())][1:] == rows
