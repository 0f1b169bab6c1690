"""Exports are recognised by their columns, and their texts, dates and sources are found; the texts are synthetic."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from narratives.errors import UserError
from narratives.tables.exports.export import known_exports, shipped_exports
from narratives.tables.reading import Reading
from narratives.tables.rows import columns_of
from narratives.tables.table import Table, open_table

TEXT = "The river rises again, and the bridge is closed."
OTHER = "The choir sings on Sunday at noon, says the mayor."


def write(path: Path, rows: list[dict[str, str]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def texts(table: Table) -> list[str]:
    slow = [text for batch in table.batches() for text in batch.texts]
    assert [text for batch in table.quick_batches() for text in batch.texts] == slow
    return slow


CSV_EXPORTS: list[tuple[str, list[dict[str, str]], list[str], dict[str, str]]] = [
    (
        "4CAT",
        [
            {
                "thread_id": "t",
                "timestamp": "2024-03-01",
                "unix_timestamp": "1",
                "body": TEXT,
                "author": "a",
                "chat": "c",
            }
        ],
        [TEXT],
        {"date": "timestamp", "source": "chat"},
    ),
    (
        "Twitter API v2",
        [{"id": "1", "conversation_id": "1", "author_id": "2", "author.username": "a", "text": TEXT, "source": "Web"}],
        [TEXT],
        {"source": "author.username", "id": "id"},
    ),
    (
        "CrowdTangle (Facebook)",
        [
            {
                "Page Name": "P",
                "Facebook Id": "1",
                "Post Created": "2024",
                "Message": "",
                "Image Text": TEXT,
                "URL": "u",
            },
            {
                "Page Name": "P",
                "Facebook Id": "2",
                "Post Created": "2024",
                "Message": OTHER,
                "Image Text": "x",
                "URL": "u",
            },
        ],
        [TEXT, OTHER],
        {"date": "Post Created", "source": "Page Name", "url": "URL"},
    ),
    (
        "CrowdTangle (Instagram)",
        [
            {
                "Account": "A",
                "User Name": "a",
                "Followers at Posting": "7",
                "Photo": "u",
                "Description": TEXT,
                "Title": "t",
            }
        ],
        [TEXT],
        {"source": "User Name"},
    ),
    (
        "Meta Content Library",
        [{"id": "1", "creation_time": "2024", "mcl_url": "u", "post_owner.name": "P", "text": TEXT, "lang": "en"}],
        [TEXT],
        {"date": "creation_time", "source": "post_owner.name", "url": "mcl_url", "language": "lang"},
    ),
    (
        "Meltwater",
        [
            {
                "Date": "1",
                "Document ID": "1",
                "Source Name": "S",
                "Title": "t",
                "Opening Text": TEXT,
                "Hit Sentence": "x",
            },
            {
                "Date": "2",
                "Document ID": "2",
                "Source Name": "X",
                "Title": "",
                "Opening Text": "",
                "Hit Sentence": OTHER,
            },
        ],
        [TEXT, OTHER],
        {"date": "Date", "source": "Source Name", "id": "Document ID"},
    ),
    (
        "Brandwatch",
        [
            {
                "Query Id": "1",
                "Query Name": "q",
                "Title": "A title",
                "Snippet": "s",
                "Full Text": TEXT,
                "Domain": "a.example",
            }
        ],
        [TEXT],
        {"source": "Domain"},
    ),
    (
        "Talkwalker",
        [
            {
                "title": "t",
                "content": TEXT,
                "published": "1",
                "domain_url": "d",
                "root_url": "r",
                "url": "u",
                "lang": "en",
            }
        ],
        [TEXT],
        {"date": "published", "source": "domain_url", "url": "url"},
    ),
    (
        "Media Cloud",
        [{"stories_id": "1", "publish_date": "2024", "title": TEXT, "url": "u", "language": "en", "media_name": "M"}],
        [TEXT],
        {"date": "publish_date", "source": "media_name"},
    ),
    (
        "Reddit",
        [
            {
                "subreddit": "s",
                "title": "On the dam",
                "selftext": TEXT,
                "created_utc": "1",
                "permalink": "p",
                "url": "u",
            },
            {"subreddit": "s", "title": OTHER, "selftext": "", "created_utc": "1", "permalink": "p", "url": "u"},
        ],
        [f"On the dam\n\n{TEXT}", OTHER],
        {"date": "created_utc", "source": "subreddit", "url": "permalink"},
    ),
    (
        "YouTube",
        [{"comment_text": TEXT, "publishedAt": "2024", "channel": "c", "videoId": "v"}],
        [TEXT],
        {"date": "publishedAt", "source": "channel"},
    ),
    (
        "EUvsDisinfo",
        [{"date": "1", "title": "A claim", "countries": "x", "summary": TEXT, "disproof": OTHER}],
        [TEXT],
        {"date": "date"},
    ),
]


@pytest.mark.parametrize(("name", "rows", "expected", "others"), CSV_EXPORTS, ids=[case[0] for case in CSV_EXPORTS])
@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), ("\t", "utf-16")])
def test_an_export_is_recognised_by_its_columns(tmp_path, name, rows, expected, others, delimiter, encoding):
    table = open_table(write(tmp_path / "a.csv", rows, delimiter, encoding))
    assert table.roles.export == name
    assert texts(table) == expected
    assert table.roles.others().items() >= others.items()
    assert name in table.findings()


def document(path: Path, value: Any, indent: int | None = 1) -> Path:
    path.write_text(json.dumps(value, indent=indent, ensure_ascii=False), encoding="utf-8")
    return path


MESSAGES = [
    {"id": 1, "type": "service", "date_unixtime": "1", "action": "create_channel", "text": "", "text_entities": []},
    {
        "id": 2,
        "type": "message",
        "date_unixtime": "2",
        "text": TEXT,
        "text_entities": [{"type": "plain", "text": TEXT}],
    },
    {"id": 3, "type": "message", "date_unixtime": "3", "text": ["See ", {"type": "link", "text": "a.example"}]},
]
CHAT = {"name": "River news", "type": "public_channel", "id": 77, "messages": MESSAGES}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("shape", ["chat", "all"])
def test_chats_of_telegram_desktop_give_their_messages(tmp_path, indent, shape):
    contacts = {"about": "x", "list": [{"first_name": "A", "date": "1"}]}
    everything = {"about": "x", "contacts": contacts, "chats": {"about": "y", "list": [CHAT, {**CHAT, "id": 78}]}}
    table = open_table(document(tmp_path / "result.json", CHAT if shape == "chat" else everything, indent))
    assert (table.roles.export, table.format) == ("Telegram Desktop", "JSON")
    times = 1 if shape == "chat" else 2
    assert texts(table) == [TEXT, "See a.example"] * times
    assert table.roles.others() == {"date": "date_unixtime", "source": "chat", "url": "url", "id": "id"}
    rows = [json.loads(row) for row in next(table.batches()).rows.objects()]
    assert [row["url"] for row in rows] == ["tg:77/2", "tg:77/3", "tg:78/2", "tg:78/3"][: 2 * times]
    assert rows[0]["chat"] == "River news"
    assert "without the rows whose 'type' is service" in table.findings()


def test_pages_of_tweets_give_the_tweets_with_their_authors(tmp_path):
    pages = [
        {
            "data": [{"id": str(page), "author_id": "7", "text": f"{TEXT} {page}"}],
            "includes": {"users": [{"id": "7", "username": "river"}]},
            "__twarc": {"version": "2"},
        }
        for page in range(3)
    ]
    path = tmp_path / "pages.jsonl"
    path.write_text("\n".join(map(json.dumps, pages)))
    table = open_table(path)
    assert table.roles.export == "Twitter API v2 (pages)"
    assert table.roles.source == "author.username"
    assert texts(table) == [f"{TEXT} {page}" for page in range(3)]


def test_a_retweet_has_the_text_of_what_it_repeats(tmp_path):
    shared = {"truncated": False, "favorite_count": 1, "user": {"screen_name": "a"}}
    tweets = [
        {"id_str": "1", "full_text": TEXT, **shared},
        {"id_str": "2", "full_text": "RT @a: The river ri…", "retweeted_status": {"full_text": TEXT}, **shared},
        {"id_str": "3", "text": OTHER, **shared},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, tweets)))
    table = open_table(path)
    assert (table.roles.export, table.roles.source) == ("Twitter API v1", "user.screen_name")
    assert texts(table) == [TEXT, TEXT, OTHER]


def test_the_archive_of_an_account_gives_its_tweets(tmp_path):
    tweets = [{"tweet": {"id_str": "1", "full_text": TEXT, "favorite_count": "0", "created_at": "x"}}]
    path = tmp_path / "tweets.js"
    path.write_text(f"window.YTD.tweets.part0 = {json.dumps(tweets, indent=1)}")
    table = open_table(path)
    assert (table.roles.export, texts(table)) == ("Twitter archive", [TEXT])


def test_fact_checks_and_articles_are_found_inside_their_documents(tmp_path):
    claims = {"claims": [{"text": TEXT, "claimant": "a", "claimReview": [{"url": "u"}]}], "nextPageToken": "x"}
    articles = {"articles": [{"url": "u", "title": TEXT, "seendate": "1", "domain": "d", "sourcecountry": "x"}]}
    for content, name in ((claims, "ClaimReview"), (articles, "GDELT DOC")):
        table = open_table(document(tmp_path / "a.json", content))
        assert (table.roles.export, texts(table)) == (name, [TEXT])


REVIEW = {
    "publisher": {"name": "Checkers", "site": "c.example"},
    "url": "https://c.example/1",
    "reviewDate": "2024-03-01",
}
FEED = {"claimReviewed": TEXT, "datePublished": "2024", "url": "u", "author": {"name": "Checkers"}, "itemReviewed": {}}


@pytest.mark.parametrize(
    ("content", "source", "date"),
    [
        ({"claims": [{"text": TEXT, "claimant": "a post", "claimReview": [REVIEW]}]}, "publisher", "reviewDate"),
        ({"dataFeedElement": [{"@type": "DataFeedItem", "item": [FEED]}] * 2}, "author.name", "datePublished"),
        ([FEED | {"publisher": {"name": "Checkers"}}], "publisher.name", "datePublished"),
        ({"@graph": [FEED]}, "author.name", "datePublished"),
    ],
)
def test_who_checked_a_claim_when_and_where_is_found_wherever_it_stands(tmp_path, content, source, date):
    table = open_table(document(tmp_path / "a.json", content))
    assert table.roles.export == "ClaimReview"
    assert table.roles.others() == {"date": date, "source": source, "url": "url"}
    batch = next(table.batches())
    assert set(batch.texts) == {TEXT}
    assert columns_of(batch.rows, [source], [0]) == [["Checkers"]]


def test_what_the_user_says_comes_before_the_export(tmp_path):
    path = write(tmp_path / "a.csv", CSV_EXPORTS[6][1])
    table = open_table(path, "Title", Reading(source="Query Name", id="Query Id"))
    assert texts(table) == ["A title"]
    assert table.roles.others() == {"source": "Query Name", "id": "Query Id"}
    with pytest.raises(UserError, match="--date: there is no column 'when'"):
        open_table(path, None, Reading(date="when"))


def test_no_shipped_export_is_taken_for_another():
    for export in shipped_exports():
        assert max(shipped_exports(), key=lambda other: len(other.hits(export.fingerprint))) is export


OWN = 'name = "Town board"\nfingerprint = ["Board", "Thread No", "Wording"]\ntext = ["Wording"]\ndate = ["Posted"]\n'


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("NARRATIVES_LABELS", str(tmp_path))
    (tmp_path / "exports").mkdir()
    return tmp_path / "exports" / "town.toml"


def test_a_user_can_add_an_export(own, tmp_path):
    own.write_text(OWN)
    rows = [
        {"Board": "b", "Thread No": "1", "Title": "A title of the thread, rather long", "Wording": TEXT, "Posted": "1"}
    ]
    table = open_table(write(tmp_path / "a.csv", rows))
    assert (table.roles.export, table.roles.date, texts(table)) == ("Town board", "Posted", [TEXT])


@pytest.mark.parametrize(
    "change", [("name", "nome"), ("[", "("), ('"Wording"]\ntext', '"Board"]\nteext'), (', "Wording"', "")]
)
def test_a_wrong_description_is_one_sentence_with_its_file(own, change):
    own.write_text(OWN.replace(*change, 1))
    with pytest.raises(UserError, match=r"town\.toml: "):
        known_exports()


@pytest.mark.parametrize(
    ("columns", "cells", "column"),
    [
        ("title,teaser", ("A short headline", TEXT), "teaser"),
        ("title,summary", ("A short headline", TEXT), "summary"),
        ("headline,link", (TEXT, "https://a.example"), "headline"),
        ("title,Full_Text", (TEXT, "Quiet."), "Full_Text"),
    ],
)
def test_a_headline_is_the_last_resort(tmp_path, columns, cells, column):
    (tmp_path / "a.csv").write_text(f'{columns}\n"{cells[0]}","{cells[1]}"\n')
    assert open_table(tmp_path / "a.csv").text_column == column


def test_a_text_column_that_is_mostly_empty_is_not_chosen_in_silence(tmp_path):
    rows = "".join(f'{number},,"{TEXT}"\n' for number in range(9))
    (tmp_path / "a.csv").write_text(f'id,text,remark\n{rows}9,"{OTHER}",\n')
    with pytest.raises(
        UserError, match=r"'text' seems to hold the text, but 9 of its first 10 rows are empty.*'remark'"
    ):
        open_table(tmp_path / "a.csv")
    assert len(texts(open_table(tmp_path / "a.csv", "text"))) == 10
