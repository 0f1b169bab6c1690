"""The shapes of CSV that programs write: whatever stands around the table, its rows and its text are found."""

from pathlib import Path

import pytest

from narratives.errors import UserError
from narratives.tables.reading import Reading
from narratives.tables.table import Table, open_table

FIRST = "The river rises again, and the bridge is closed."
SECOND = "The choir sings on Sunday at noon, says the mayor."


def read(table: Table) -> tuple[list[list[str]], list[int]]:
    """Return the cells and the lines of the good rows."""
    batches = list(table.quick_batches())
    return [row for batch in batches for row in batch.rows.cells()], [
        int(at) for batch in batches for at in batch.lines
    ]


def opened(folder: Path, content: str, name: str = "a.csv", **told: str | int) -> Table:
    (folder / name).write_bytes(content.encode())
    return open_table(folder / name, None, Reading(**told))


def test_empty_columns_at_the_end_get_names(tmp_path):
    table = opened(tmp_path, f'id,date,text,,,\n1,2024-03-01,"{FIRST}",,,\n2,2024-03-02,"{SECOND}",,,\n')
    assert table.columns == ("id", "date", "text", "column_4", "column_5", "column_6")
    assert [row[2] for row in read(table)[0]] == [FIRST, SECOND]
    assert "'column_4', 'column_5', 'column_6' had no name" in table.findings()


def test_rows_that_end_in_a_delimiter_keep_an_empty_cell(tmp_path):
    table = opened(tmp_path, f"id;date;text\n1;2024-03-01;{FIRST};\n2;2024-03-02;{SECOND};\n")
    assert table.columns == ("id", "date", "text", "column_4")
    assert read(table) == ([["1", "2024-03-01", FIRST, ""], ["2", "2024-03-02", SECOND, ""]], [2, 3])


def test_a_header_that_alone_ends_in_a_delimiter_has_no_column_behind_it(tmp_path):
    assert opened(tmp_path, f"id;text;\n1;{FIRST}\n2;{SECOND}\n").columns == ("id", "text")


def test_row_names_of_r_are_a_column(tmp_path):
    table = opened(tmp_path, f'"date","text"\n"1","2024-03-01","{FIRST}"\n"2","2024-03-02","{SECOND}"\n')
    assert table.columns == ("column_1", "date", "text")
    assert read(table)[0][1] == ["2", "2024-03-02", SECOND]


def test_columns_of_one_name_get_names_of_their_own(tmp_path):
    table = opened(tmp_path, f"id,text,link,link,link_2\n1,{FIRST[:20]},a,b,c\n")
    assert table.columns == ("id", "text", "link", "link_3", "link_2")
    assert read(table)[0] == [["1", FIRST[:20], "a", "b", "c"]]
    assert "'link' stood above several columns: also 'link_3'" in table.findings()


def test_two_columns_called_text_are_not_chosen_between(tmp_path):
    content = f"id,text,text\n1,{FIRST[:20]},{SECOND[:20]}\n"
    with pytest.raises(UserError, match=r"2 columns are called 'text'; say which .* in their order 'text', 'text_2'"):
        opened(tmp_path, content)
    assert list(next(open_table(tmp_path / "a.csv", "text_2").batches()).texts) == [SECOND[:20]]


def test_names_that_stand_twice_are_found_below_a_title(tmp_path):
    table = opened(tmp_path, f'Export of 2 March\n\nid,text,link,link\n1,"{FIRST}",a,b\n2,"{SECOND}",c,d\n')
    assert table.columns == ("id", "text", "link", "link_2")


@pytest.mark.parametrize("header", ["id,text", "\ufeffid,text", '"id","text"', '\ufeff"id","text"'])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_headers_inside_a_file_are_left_out_and_counted(tmp_path, header, encoding):
    if encoding == "cp1251" and "\ufeff" in header:
        return
    row = '1,"Річка піднялася, міст зачинено."\n'
    (tmp_path / "a.csv").write_bytes(f"{header}\n{row}{header}\n{row}2,text\nid,texts\n".encode(encoding))
    batch = next(open_table(tmp_path / "a.csv").quick_batches())
    assert (list(batch.lines), batch.headers) == ([2, 4, 5, 6], 1)
    assert [row[1] for row in batch.rows.cells()][2:] == ["text", "texts"]


@pytest.mark.parametrize("header", ['text"', "text ", "tex"])
def test_a_text_that_is_only_like_the_header_is_a_row(tmp_path, header):
    table = opened(tmp_path, f"{header}\n{FIRST}\ntext\n{SECOND}\n", header_row=1)
    for batches in (table.batches(), table.quick_batches()):
        assert [text for batch in batches for text in batch.texts] == [FIRST, "text", SECOND]


def test_a_name_of_two_lines_is_shown_on_one(tmp_path):
    with pytest.raises(UserError, match="'post wording' or in 'other wording'"):
        opened(tmp_path, f'"post\nwording","other\nwording"\n"{FIRST}","{SECOND}"\n')


def test_a_first_line_of_data_is_no_header_that_may_come_again(tmp_path):
    table = opened(tmp_path, "The river rises again.\nThe choir sings.\nThe river rises again.\n")
    assert next(table.batches()).headers == 0
    assert len(read(table)[0]) == 3


@pytest.mark.parametrize("quoting", ["minimal", "apostrophe"])
def test_rows_with_too_many_or_too_few_cells_cost_themselves_only(tmp_path, quoting):
    quote = '"' if quoting == "minimal" else "'"
    text = f"{quote}{FIRST}{quote}"
    table = opened(tmp_path, f"id,text,tag\n1,{text},a\n2,{text}\n3,{text},a,b\n4,{text},b\n", quoting=quoting)
    refused = [row for batch in table.quick_batches() for row in batch.refused]
    assert [(row.line, row.reason) for row in refused] == [
        (3, "2 cells where the header has 3"),
        (4, "4 cells where the header has 3"),
    ]
    assert read(table)[1] == [2, 5]


def test_texts_with_unquoted_commas_are_refused_not_shifted(tmp_path):
    table = opened(tmp_path, "id,text\n1,The river rises, they say\n2,The choir sings, too\n")
    assert table.columns == ("id", "text")
    batch = next(table.batches())
    assert (batch.texts, [row.line for row in batch.refused]) == ([], [2, 3])


@pytest.mark.parametrize("hint", ["sep=;", "SEP=;", '"sep=;"'])
def test_the_hint_of_excel_names_the_delimiter_and_is_no_header(tmp_path, hint):
    table = opened(tmp_path, f"\ufeff{hint}\r\nid;text\r\n1;{FIRST}\r\n")
    assert (table.delimiter, table.columns) == (";", ("id", "text"))
    assert read(table) == ([["1", FIRST]], [3])


@pytest.mark.parametrize(
    "above",
    [
        "Monitoring of March 2024\n\n",
        "Report:,Weekly digest\nBrand:,River\nFrom:,2024-03-01\n\n",
        "# exported by a tool\n# query: river, bridge\n",
        "Query Name,River\n",
        "Monitoring of March 2024,,,\n",
    ],
)
def test_lines_above_the_table_are_skipped_and_said(tmp_path, above):
    table = opened(tmp_path, f'{above}Query Id,Date,Full Text,Url\n1,2024-03-01,"{FIRST}",http://a.example/1\n')
    header = above.count("\n") + 1
    assert table.columns == ("Query Id", "Date", "Full Text", "Url")
    assert read(table) == ([["1", "2024-03-01", FIRST, "http://a.example/1"]], [header + 1])
    assert f"names of the columns in line {header}" in table.findings()


def test_names_that_nobody_knows_are_found_below_a_title_by_their_number(tmp_path):
    table = opened(tmp_path, f"Digest of the week\nnr;medium;inhalt\n1;radio;{FIRST}\n2;radio;{SECOND}\n")
    assert table.columns == ("nr", "medium", "inhalt")


def test_a_table_without_names_loses_no_row(tmp_path):
    table = opened(tmp_path, f"1\t2024-03-01\t{FIRST}\n2\t2024-03-02\t{SECOND}\n", "a.tsv")
    assert (table.columns, table.text_column) == (("column_1", "column_2", "column_3"), "column_3")
    assert len(read(table)[0]) == 2
    assert "no line with the names of the columns" in table.findings()


def test_a_list_of_posts_is_one_column(tmp_path):
    posts = [FIRST + " " + SECOND, SECOND, "He said no, then left, and nobody cared."]
    table = opened(tmp_path, "\n".join(posts), "posts.txt")
    assert (table.columns, table.delimiter) == (("column_1",), "")
    assert read(table)[0] == [[post] for post in posts]


@pytest.mark.parametrize("first", ["Good morning!", "The ferry runs again from Monday on", "<p>Quiet day</p>", FIRST])
def test_the_first_of_a_list_of_texts_is_not_lost(tmp_path, first):
    table = opened(tmp_path, f"{first}\n{SECOND}\n{FIRST} {SECOND}\n", "posts.txt")
    assert [row[0] for row in read(table)[0]] == [first, SECOND, f"{FIRST} {SECOND}"]


@pytest.mark.parametrize("name", ["text", "post", "wording", "text of the post", "Допис каналу"])
def test_the_name_above_a_list_of_texts_is_a_name(tmp_path, name):
    table = opened(tmp_path, f"{name}\n{FIRST}\n{SECOND}\n", "posts.txt")
    assert table.columns == (name,)
    assert ("names of the columns in line 1" in table.findings()) == (name not in ("text", "post"))


@pytest.mark.parametrize("header", ["What do you think?,What would you change?", "0,1", "country,2019,2020"])
def test_odd_names_of_columns_are_names(tmp_path, header):
    cells = ["the ferry runs well today", "the bridge needs new paint", "7"][: header.count(",") + 1]
    (tmp_path / "a.csv").write_text(f"{header}\n" + (",".join(cells) + "\n") * 3)
    assert open_table(tmp_path / "a.csv", header.split(",")[0]).columns == tuple(header.split(","))


def test_quotes_after_a_backslash_are_read(tmp_path):
    table = opened(tmp_path, f'id,text\n1,"He said \\"no\\", and left"\n2,"{FIRST}"\n3,"C:\\\\dam"\n')
    assert [row[1] for row in read(table)[0]] == ['He said "no", and left', FIRST, "C:\\dam"]
    assert "quotes after a backslash" in table.findings()


def test_cells_quoted_by_apostrophes_are_read(tmp_path):
    table = opened(tmp_path, f"id,text\n1,'{FIRST}'\n2,'The mayor''s choir, too'\n3,'{SECOND}'\n")
    assert [row[1] for row in read(table)[0]] == [FIRST, "The mayor's choir, too", SECOND]


def test_apostrophes_in_texts_are_no_quotes(tmp_path):
    table = opened(tmp_path, f'id,text\n1,\'Tis late\n2,"{FIRST}"\n3,a,b\n')
    assert [row[1] for row in read(table)[0]] == ["'Tis late", FIRST]


def test_quotes_after_a_space_are_quotes(tmp_path):
    table = opened(tmp_path, f'id, text, who\n1, "{FIRST}", a\n2, "{SECOND}", b\n')
    assert table.columns == ("id", "text", "who")
    assert [row[1] for row in read(table)[0]] == [FIRST, SECOND]


def test_a_backslash_alone_changes_nothing(tmp_path):
    table = opened(tmp_path, f'id,text\n1,"C:\\dam\\n"\n2,"{FIRST}"\n')
    assert [row[1] for row in read(table)[0]] == ["C:\\dam\\n", FIRST]


QUOTATIONS = ['"No" said the mayor', '"The river rises again', '"Quiet day"', 'She said "peace" and left"', FIRST]


def test_a_tsv_without_quoting_keeps_its_quotation_marks(tmp_path):
    table = opened(tmp_path, "id\ttext\n" + "".join(f"{n}\t{text}\n" for n, text in enumerate(QUOTATIONS)), "a.tsv")
    assert [row[1] for row in read(table)[0]] == QUOTATIONS


def test_one_broken_quote_does_not_make_all_quotes_plain(tmp_path):
    rows = "".join(f'{number},"{FIRST}"\n' for number in range(5))
    table = opened(tmp_path, f'id,text\n{rows}9,"never closed\n')
    assert [row[1] for row in read(table)[0]] == [FIRST] * 5


@pytest.mark.parametrize("delimiter", ["^", "\x01"])
def test_rare_delimiters_are_found(tmp_path, delimiter):
    table = opened(tmp_path, f"id{delimiter}text\n1{delimiter}{FIRST}\n2{delimiter}{SECOND}\n")
    assert table.columns == ("id", "text")


def test_what_the_user_says_holds(tmp_path):
    body = f'a note\nid,text\n1,"{FIRST}"\n'
    assert opened(tmp_path, body, header_row=2).columns == ("id", "text")
    assert opened(tmp_path, "text,id\nthe river rises again,2\n", header_row=0).columns == ("column_1", "column_2")
    assert opened(tmp_path, "id#text\n1#x\n", delimiter="#").columns == ("id", "text")
    assert opened(tmp_path, "id\ttext\n1\tx\n", delimiter="tab").columns == ("id", "text")
    assert read(opened(tmp_path, 'id,text\n1,"x"\n', quoting="none"))[0] == [["1", '"x"']]
    (tmp_path / "a.csv").write_bytes("id;text\n1;Привет\n".encode("cp866"))
    assert read(open_table(tmp_path / "a.csv", None, Reading(encoding="CP866")))[0] == [["1", "Привет"]]


@pytest.mark.parametrize("told", [{"encoding": "klingon"}, {"delimiter": "ab"}, {"delimiter": '"'}])
def test_what_cannot_be_is_one_sentence(tmp_path, told):
    with pytest.raises(UserError, match=r"--(encoding|delimiter)"):
        opened(tmp_path, "id,text\n1,x\n", **told)
