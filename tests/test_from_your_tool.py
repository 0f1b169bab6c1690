"""Every command of docs/from-your-tool.md does what the page says, on a small file of that kind."""

import csv
import io
import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from made_documents import LINES, PARAGRAPHS, page, pdf, word
from narratives.cli.main import main
from narratives.model.releases import release
from narratives.tables.exports.export import shipped_exports

PAGE = Path(__file__).parents[1] / "docs" / "from-your-tool.md"
COMMANDS = re.findall(r"^    narratives (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
FLOOD = "Wake up, neighbours: the dam breaks before Friday, and the flood wave will drown the lower streets!"
CHOIR = "The choir sings in the market hall on Sunday at noon, as it does every year."


def table(columns: str, *rows: str, above: str = "", delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """Return a CSV; in the rows FLOOD and CHOIR stand for these texts."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(columns.split(","))
    writer.writerows([cell.replace("FLOOD", FLOOD).replace("CHOIR", CHOIR) for cell in row.split(",")] for row in rows)
    return (above + text.getvalue()).encode(encoding)


def lines(*values: object) -> bytes:
    return "\n".join(map(json.dumps, values)).encode()


def workbook() -> bytes:
    book, target = openpyxl.Workbook(), io.BytesIO()
    for name, rows in {"Notes": [["Ask the team."]], "March": [["wording", "remark"], [FLOOD, "seen"]]}.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.remove(book.worksheets[0])
    book.save(target)
    return target.getvalue()


def task(text: str, *choices: str) -> dict[str, object]:
    result = {"from_name": "frame", "to_name": "text", "type": "choices", "value": {"choices": list(choices)}}
    return {"id": 1, "data": {"text": text}, "annotations": [{"completed_by": 7, "result": [result]}]}


OWN = [f"{topic} {number} {word}" for number in range(9) for topic, word in (("river dam", "wave"), ("choir", "hall"))]
FILES: dict[str, bytes] = {
    "result.json": json.dumps(
        {
            "name": "River news",
            "type": "public_channel",
            "id": 77,
            "messages": [
                {"id": 1, "type": "service", "date_unixtime": "1", "actor": "x", "text": ""},
                {
                    "id": 2,
                    "type": "message",
                    "date_unixtime": "2",
                    "from_id": "c",
                    "text": [FLOOD, {"type": "bold", "text": "!"}],
                },
            ],
        },
        indent=1,
    ).encode(),
    "4cat.csv": table("id,thread_id,timestamp,unix_timestamp,body,author", "1,t,2024-03-01,1,FLOOD,a"),
    "tweets-v1.jsonl": lines(
        {"id_str": "1", "full_text": FLOOD, "truncated": False, "favorite_count": 1, "user": {"screen_name": "a"}}
    ),
    "pages.jsonl": lines(
        {
            "data": [{"id": "1", "author_id": "7", "text": FLOOD}],
            "includes": {"users": [{"id": "7", "username": "river"}]},
            "__twarc": {"version": "2"},
        }
    ),
    "tweets-v2.csv": table("id,conversation_id,author_id,author.username,text", "1,1,2,a,FLOOD"),
    "tweets.js": b"window.YTD.tweets.part0 = "
    + json.dumps([{"tweet": {"id_str": "1", "full_text": FLOOD, "favorite_count": "0"}}]).encode(),
    "facebook.csv": table("Page Name,Facebook Id,Post Created,Message,Image Text,URL", "P,1,2024,,FLOOD,u"),
    "instagram.csv": table("Account,User Name,Followers at Posting,Photo,Description,Title", "A,a,7,u,FLOOD,t"),
    "meta.csv": table("id,creation_time,mcl_url,post_owner.name,text,lang", "1,2024,u,P,FLOOD,en"),
    "meltwater.csv": table(
        "Date,Document ID,Source Name,Title,Opening Text,Hit Sentence",
        "1,1,S,t,FLOOD,x",
        "2,2,X,,,CHOIR",
        above="Search of 2 March\n",
        delimiter="\t",
        encoding="utf-16",
    ),
    "brandwatch.csv": table(
        "Query Id,Query Name,Title,Snippet,Full Text,Domain",
        "1,q,t,s,FLOOD,a.example",
        above="Report:,Mentions\nFrom:,1 March\n\n",
    ),
    "talkwalker.csv": table("title,content,published,domain_url,root_url,url,lang", "t,FLOOD,1,d,r,u,en"),
    "mediacloud.csv": table("stories_id,publish_date,title,url,language,media_name", "1,2024,FLOOD,u,en,M"),
    "gdelt.json": json.dumps(
        {"articles": [{"url": "u", "title": FLOOD, "seendate": "1", "domain": "d", "sourcecountry": "x"}]}
    ).encode(),
    "reddit.csv": table("subreddit,title,selftext,created_utc,permalink,url", "s,On the dam,FLOOD,1,p,u"),
    "youtube.csv": table("comment_text,publishedAt,channel,videoId", "FLOOD,2024,c,v"),
    "euvsdisinfo.csv": table("date,title,countries,summary,disproof", "1,A claim,x,FLOOD,CHOIR"),
    "factchecks.json": json.dumps(
        {"claims": [{"text": FLOOD, "claimant": "a", "claimReview": [{"url": "u"}]}], "nextPageToken": "x"}, indent=1
    ).encode(),
    "posts.xlsx": workbook(),
    "day-1.csv": table("id,text", "1,FLOOD"),
    "day-2.csv": table("id,text", "2,CHOIR"),
    "article.html": page(f"<nav>Home</nav><p>{FLOOD}</p><p>{CHOIR}</p>"),
    "report.pdf": pdf([LINES]),
    "minutes.docx": word([FLOOD, *PARAGRAPHS]),
    "from-r.csv": f'"date","text"\n"1","2024-03-01","{FLOOD}"\n"2","2024-03-02","{CHOIR}"\n'.encode(),
    "label-studio.json": json.dumps([task(FLOOD, "flood:promotes"), task(CHOIR)]).encode(),
    "doccano.jsonl": lines({"id": 1, "text": FLOOD, "label": ["flood"]}, {"id": 2, "text": CHOIR, "label": []}),
    "prodigy.jsonl": lines({"text": FLOOD, "accept": ["flood"], "answer": "accept", "options": [{"id": "flood"}]}),
    "coded.csv": table("text,theme,coder", "FLOOD,Water,petro", "CHOIR,Nothing,petro"),
    "coded-texts.csv": table(
        "text,frames", *(f"{text},{'high-water' if text.startswith('river') else ''}" for text in OWN)
    ),
    "scored.csv": table("text,frames,voices,human,p_flood,model", "FLOOD,flood,promotes,,0.9100,tiny@1"),
}


@pytest.fixture
def run(town: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command of the page in a folder with all its files; return standard output and error."""
    monkeypatch.setenv("NARRATIVES_MODELS", str(trained.parent))
    monkeypatch.setenv("NARRATIVES_DATABASE", f"sqlite:///{tmp_path}/labels.sqlite")
    release(trained)
    folder = tmp_path / "work"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    monkeypatch.chdir(folder)

    def command(words: str) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["narratives", *shlex.split(words)])
        capsys.readouterr()
        status: object = 0
        try:
            main()
        except SystemExit as leaving:
            status = leaving.code or 0
        said = capsys.readouterr()
        assert status == 0, said.err
        return said

    return command


def is_score(command: str) -> bool:
    return command.startswith("score ") and "--explain" not in command


@pytest.mark.parametrize("command", [command for command in COMMANDS if is_score(command)])
def test_every_file_is_scored_as_it_is(run: Callable[[str], tuple[str, str]], command: str) -> None:
    _, err = run(command)
    rows = int(re.search(r"(\d+) rows read", err)[1])
    assert f"{rows} rows read = {rows} scored + 0 refused" in err
    if not command.startswith("score report.pdf"):
        assert re.search(r"^ +[12]  flood  ", err, re.MULTILINE), err
    assert Path(command.split(" -o ")[1]).stat().st_size > 0


def test_every_export_is_on_the_page_and_is_recognised(run: Callable[[str], tuple[str, str]]) -> None:
    commands = [command.split(" -o ")[0] for command in COMMANDS if is_score(command) and "day-*" not in command]
    explained = "".join(run(f"{command} --explain")[0] for command in commands)
    recognised = set(re.findall(r"^  export +(.+?) \('", explained, re.MULTILINE))
    assert recognised == {export.name for export in shipped_exports()}


@pytest.mark.slow
def test_the_other_commands_say_what_the_page_says(run: Callable[[str], tuple[str, str]]) -> None:
    others = [command for command in COMMANDS if not is_score(command)]
    said = {command.split(" -")[0]: "".join(run(command)) for command in others}
    assert "'wording'" in said["score posts.xlsx"]
    assert "article.html: HTML, 2 paragraphs" in said["classify"]
    assert "labels by frame: flood: 1" in said["labels import label-studio.json"]
    assert "readings by annotator: olha: 1" in said["labels import doccano.jsonl"]
    assert "format: prodigy" in said["labels import prodigy.jsonl"]
    assert "readings by annotator: petro: 2" in said["labels import coded.csv"]
    assert re.findall(r"^\d +(\S+)", said["labels imports"], re.MULTILINE) == ["doccano.jsonl", "coded.csv"]
    assert "high-water" in said["evaluate"]
    assert "0 new readings, 1 new suggestions" in said["labels import scored.csv"]


def test_no_command_is_left_out_of_the_tests() -> None:
    assert len(COMMANDS) == PAGE.read_text(encoding="utf-8").count("\n    narratives ")
    assert {name for name in FILES if not any(re.search(rf"\b{re.escape(name)}", command) for command in COMMANDS)} == {
        "day-1.csv",
        "day-2.csv",
    }
