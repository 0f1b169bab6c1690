"""JSON as programs write it: documents, nested texts, values that JSON lacks."""

import json
from pathlib import Path

import pytest

from narratives.errors import UserError
from narratives.tables import sources
from narratives.tables.table import Table, open_table

POSTS = [{"id": number, "text": f"The river rises again {number}.", "tags": [{"n": 1}]} for number in range(7)]
TEXTS = [post["text"] for post in POSTS]


def texts(table: Table) -> list[str]:
    return [text for batch in table.batches() for text in batch.texts]


def opened(folder: Path, content: str, name: str = "a.json") -> Table:
    (folder / name).write_text(content, encoding="utf-8")
    return open_table(folder / name)


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "shape", ["[{}]", '{{"n": 7, "posts": {}}}', '{{"a": {{"b": [], "c": {}}}, "d": [{{"e": 1}}]}}']
)
def test_the_rows_of_a_document_are_its_first_list_of_objects(tmp_path, indent, shape):
    posts = json.dumps(POSTS, indent=indent)
    table = opened(tmp_path, shape.format(posts if shape != "[{}]" else posts[1:-1]))
    assert (table.format, table.columns, table.text_column) == ("JSON", ("id", "text", "tags"), "text")
    assert texts(table) == TEXTS
    assert next(table.batches()).rows.objects() == [json.dumps(post) for post in POSTS]


@pytest.mark.parametrize("indent", [None, 1])
def test_a_document_larger_than_its_head_is_read_piece_by_piece(tmp_path, monkeypatch, indent):
    monkeypatch.setattr(sources, "HEAD_BYTES", 300)
    many = [{"id": 1.5, "text": f"Річка піднялася {number}, \\ “так”."} for number in range(400)]
    table = opened(tmp_path, json.dumps({"posts": many}, indent=indent, ensure_ascii=False))
    assert texts(table) == [post["text"] for post in many]


def test_the_longest_list_has_the_rows(tmp_path):
    fields = [{"name": "id", "type": "integer"}, {"name": "text", "type": "string"}]
    assert texts(opened(tmp_path, json.dumps({"schema": {"fields": fields}, "data": POSTS}))) == TEXTS


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_objects_of_several_lines_may_follow_each_other(tmp_path, name):
    assert texts(opened(tmp_path, "\n".join(json.dumps(post, indent=2) for post in POSTS), name)) == TEXTS


def test_a_list_is_read_also_under_the_name_of_lines(tmp_path):
    assert texts(opened(tmp_path, json.dumps(POSTS), "a.jsonl")) == TEXTS


def test_a_list_deep_inside_one_line_is_found(tmp_path):
    assert texts(opened(tmp_path, json.dumps({"response": {"count": 7, "items": POSTS}}))) == TEXTS


def test_a_document_that_ends_early_is_damaged(tmp_path):
    content = json.dumps(POSTS, indent=1)
    with pytest.raises(UserError, match="cut off or damaged"):
        texts(opened(tmp_path, content[:-20]))


def test_control_characters_as_telegram_writes_them_are_read(tmp_path):
    content = json.dumps([{"text": "river\\x0b rises \\ again"}, {"text": "a long \\\\x0b way"}], indent=1)
    table = opened(tmp_path, content.replace("river\\\\x0b", "river\\x0b"))
    assert texts(table) == ["river\x0b rises \\ again", "a long \\\\x0b way"]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_text_in_pieces_is_joined(tmp_path, name):
    pieces = ["The ", {"type": "bold", "text": "river"}, " rises ", {"type": "link", "text": "a.example"}]
    rows = [{"id": 1, "text": "Quiet."}, {"id": 2, "text": pieces}]
    content = json.dumps(rows, indent=1) if name == "a.json" else "\n".join(map(json.dumps, rows))
    table = opened(tmp_path, content, name)
    assert texts(table) == ["Quiet.", "The river rises a.example"]
    assert next(table.batches()).rows.cells() == [["1", "Quiet."], ["2", "The river rises a.example"]]


def test_a_text_inside_an_object_is_found_by_its_path(tmp_path):
    rows = [{"id": number, "post": {"user": "a", "text": text}} for number, text in enumerate(TEXTS)]
    table = opened(tmp_path, "\n".join(map(json.dumps, rows)), "a.jsonl")
    assert table.text_column == "post.text"
    assert texts(table) == TEXTS


def test_values_that_json_lacks_are_missing_and_written_as_null(tmp_path):
    table = opened(tmp_path, '{"text": NaN}\n{"text": "NaN is a word", "n": -Infinity}\n{"text": "NaN"}\n', "a.jsonl")
    batch = next(table.batches())
    assert batch.texts == ["", "NaN is a word", "NaN"]
    assert batch.rows.objects() == ['{"text": null}', '{"text": "NaN is a word", "n": null}', '{"text": "NaN"}']


def test_a_byte_order_mark_between_joined_files_costs_no_row(tmp_path):
    table = opened(tmp_path, '\ufeff{"text": "The river"}\n\ufeff{"text": "The choir"}\n', "a.jsonl")
    assert texts(table) == ["The river", "The choir"]


def test_an_archive_of_tweets_is_a_document(tmp_path):
    posts = json.dumps(POSTS, indent=1)
    assert texts(opened(tmp_path, f"window.YTD.tweets.part0 = {posts}", "tweets.js")) == TEXTS


def test_a_list_of_nodes_gives_their_texts(tmp_path):
    nodes = [{"node": {"id": number, "text": text}} for number, text in enumerate(TEXTS)]
    for some in (nodes, nodes[:1]):
        table = opened(tmp_path, json.dumps({"data": {"edges": some}}))
        assert (table.text_column, texts(table)) == ("node.text", TEXTS[: len(some)])


def test_one_post_with_lists_is_one_row(tmp_path):
    post = {"text": "The river rises again.", "links": [{"url": "a"}]}
    assert texts(opened(tmp_path, json.dumps(post) + "\n", "a.jsonl")) == [post["text"]]
