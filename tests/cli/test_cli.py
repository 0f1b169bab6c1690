import io
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from conftest import put_unreadable
from made_documents import pdf, word
from narratives.cli.main import main
from narratives.labels.field.readings import FieldReading, FieldReadings, write_field
from narratives.model.releases import release
from narratives.text.paragraphs import paragraph_id
from narratives.training.train import TrainingOptions, train_on_files

READING = "--text --sheet --header-row --encoding --delimiter --quoting"
# Each command with the beginning of its first sentence and its options.
COMMANDS = {
    "classify": ("Classify one TEXT", "--file --json --all --all-evidence --model"),
    "score": (
        "Score tables of texts",
        "-o --output --text --date --source --url --id --explain --sheet --header-row --encoding --delimiter --quoting "
        "--by --columns --jobs --prefix --refused --json --force --resume --engine --scheduler "
        "--model",
    ),
    "train": (
        "Train a model on labels",
        f"--labels --codebook --unlabelled --aim --seed --from-scratch -o --output --json {READING}",
    ),
    "evaluate": (
        "Measure a model on labelled rows",
        f"--on --language --model --json {READING}",
    ),
    "compare": (
        "Compare two models on the same rows",
        f"--on --language --json {READING}",
    ),
    "queue": ("List what to label next", "--annotator --number --rank --overlap --json --model"),
    "models list": ("List the models", ""),
    "models release": ("Release the model NAME", ""),
    "models export": ("Export the model NAME", "--to -o --output --force"),
    "labels check": ("Check the label files", ""),
    "labels stats": ("Count paragraphs by frame", ""),
    "labels agreement": ("Measure how far annotators agree", "--json"),
    "labels import": (
        "Import labels or new texts",
        "--from --text --frames-column --voice-column --annotator-column --map --annotator --by --dry-run --refused",
    ),
    "labels imports": ("List the files that were imported", "--json"),
    "labels withdraw": ("Take back the import IMPORT", "--by"),
    "labels export": ("Export the labels", "--to --unlabelled --without-text --merged --force"),
    "labels hydrate": ("Join the readings of real text", "-o --force"),
    "codebook check": ("Check a codebook file", ""),
    "codebook show": ("List the frames by aim", ""),
    "codebook add-frame": ("Add the [[frame]] tables of FILE", ""),
    "codebook merge-frame": ("Merge FRAME into the frame INTO", "--yes"),
    "codebook retire-frame": ("Retire FRAME", "--yes"),
    "codebook restore-frame": ("Restore a merged or retired FRAME", ""),
    "warm": ("Compile ahead what the first large table would wait for", "--model"),
    "app": ("Serve the pages", "--port --address"),
}
GROUPS = {
    "": "Find information-operation narratives in text",
    "models": "List, release and export models",
    "labels": "Check, count, import and export labels",
    "codebook": "Check, show and change the codebook",
}
TEXT = "Wake up, neighbours: the dam breaks before Friday!"


@pytest.fixture
def run(town, trained, monkeypatch, capsys):
    """Run the command line as installed; returns exit status, standard output and standard error."""
    monkeypatch.setenv("NARRATIVES_MODELS", str(trained.parent))
    release(trained)

    def command(*words, given=b""):
        monkeypatch.setattr(sys, "argv", ["narratives", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(given))))
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        output = capsys.readouterr()
        return status, output.out, output.err

    return command


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_says_what_it_does_and_explains_each_option(run, command):
    purpose, options = COMMANDS[command]
    status, out, _ = run(*command.split(), "--help")
    assert (status, usage_and_purpose(out)[0].split()[:1]) == (0, ["Usage:"])
    assert usage_and_purpose(out)[1].startswith(purpose)
    explained = options_in(out)
    assert set(explained) == {*options.split(), "-h", "--help"}
    assert all(re.search(r"\w+ \w+", text) for text in explained.values()), explained


@pytest.mark.parametrize("group", GROUPS)
def test_the_help_of_a_group_lists_its_commands_with_what_they_do(run, group):
    status, out, _ = run(*group.split(), "--help")
    assert status == 0
    assert usage_and_purpose(out)[1].startswith(GROUPS[group])
    listed = dict(re.findall(r"^  (\S+) {2,}(\S.*)$", out.split("Commands:\n")[1], re.MULTILINE))
    inside = [name.removeprefix(group).split()[0] for name in COMMANDS if name.startswith(group)]
    assert set(listed) == set(inside)
    for name, text in listed.items():
        purpose = COMMANDS.get(f"{group} {name}".strip(), (GROUPS.get(name, ""),))[0]
        assert text.startswith(purpose[:30])


def usage_and_purpose(help_text):
    """Return the usage and the first paragraph of a help text, each on one line."""
    usage, purpose, *_ = help_text.split("\n\n")
    return " ".join(usage.split()), " ".join(purpose.split())


def options_in(help_text):
    """Return each option name of a help text with its explanation on one line."""
    entries = re.split(r"\n  (?=-)", "\n" + help_text.split("Options:\n")[1].split("\n\n")[0])[1:]
    explained = {}
    for entry in entries:
        names, _, text = " ".join(entry.split("\n")).partition("  ")
        explained |= dict.fromkeys(re.findall(r"(?<!\S)--?[a-z-]+", names), " ".join(text.split()))
    return explained


def test_classify_prints_the_contract_as_json(run):
    status, out, _ = run("classify", TEXT, "--json")
    document = json.loads(out)
    frame = document["paragraphs"][0]["frames"][0]
    assert status == 0
    assert {"model", "codebook", "paragraphs"} <= set(document)
    assert set(document["paragraphs"][0]) == {"index", "text", "language", "scope", "why", "frames"}
    assert set(frame) == {
        "frame", "probability", "threshold", "band", "decision", "words", "right_share", "voice", "voices",
        "voice_decision", "evidence", "other", "bias", "score", "flips_without",
        "voice_evidence", "voice_other", "voice_bias", "voice_score",
    }  # fmt: skip
    assert (frame["frame"], frame["decision"], frame["voice"]) == ("flood", "yes", "promotes")
    assert sum(item["weight"] for item in frame["evidence"]) + frame["other"] + frame["bias"] == pytest.approx(
        frame["score"]
    )


def test_classify_says_in_one_line_what_counted_for_and_against_the_voice(run):
    frame = json.loads(run("classify", TEXT, "--json")[1])["paragraphs"][0]["frames"][0]
    lines = [line.strip() for line in run("classify", TEXT)[1].splitlines() if line.strip().startswith("promotes, ")]
    assert len(lines) == 1
    for item in frame["voice_evidence"]:
        assert f"{item['text']} {item['weight']:+.2f}" in lines[0]
    assert lines[0].startswith(f"promotes, for: {frame['voice_evidence'][0]['text']}")
    assert lines[0].count(" / against: ") == any(item["weight"] < 0 for item in frame["voice_evidence"])


def test_classify_reads_a_file_and_standard_input_alike(run, tmp_path):
    (tmp_path / "article.txt").write_bytes(TEXT.encode("utf-16"))
    by_file = run("classify", "--file", tmp_path / "article.txt")
    assert by_file == run("classify", "-", given=TEXT.encode())
    assert "The flood is coming" in by_file[1]


def test_classify_reads_documents_and_says_what_they_are(run, tmp_path):
    (tmp_path / "news.docx").write_bytes(word([TEXT]))
    status, out, err = run("classify", "--file", tmp_path / "news.docx")
    assert (status, err) == (0, "news.docx: Word, 1 paragraph\n")
    assert "The flood is coming" in out
    (tmp_path / "scan.pdf").write_bytes(pdf([[]]))
    status, out, err = run("classify", "--file", tmp_path / "scan.pdf")
    assert (status, out) == (2, "")
    assert err == "narratives: scan.pdf: the PDF has pictures of pages and no text; recognise its text first (OCR)\n"


def test_all_shows_every_frame_and_every_ngram(run):
    frames = json.loads(run("classify", TEXT, "--json", "--all", "--all-evidence")[1])["paragraphs"][0]["frames"]
    assert len(frames) == 3
    for frame in frames:
        assert frame["other"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["classify", "  "], "the text is empty"),
        (["classify"], "give one text"),
        (["classify", "--file", "nowhere.txt"], "nowhere.txt: cannot be read"),
        (["classify", TEXT, "--model", "nowhere"], "there is no model here"),
        (["score", "nowhere.csv", "-o", "out.csv"], "nowhere.csv"),
        (["codebook", "show", "dragons"], "there is no frame 'dragons'"),
        (["train", "--labels", "nowhere.csv"], "nowhere.csv"),
        (["compare", "nowhere", "tiny"], "nowhere: there is no model here"),
        (["compare", "a", "b", "--language", "en"], "name one with --on TABLE"),
        (["evaluate", "--language", "en"], "name one with --on TABLE"),
        (["train", "--unlabelled", "a.csv"], "a.csv"),
        (["train", "--aim", "recall=0.9"], "aim 'recall=0.9' is not known"),
        (["codebook", "add-frame", "nowhere.toml"], "nowhere.toml: cannot be read"),
        (["codebook", "merge-frame", "dragons", "flood"], "there is no frame 'dragons'"),
        (["codebook", "merge-frame", "flood", "dragons", "--yes"], "there is no frame 'dragons'"),
        (["codebook", "merge-frame", "flood", "flood"], "'flood' cannot be merged into itself"),
        (["codebook", "retire-frame", "dragons"], "there is no frame 'dragons'"),
        (["codebook", "restore-frame", "flood"], "there is no retired frame 'flood'"),
        (["models", "export", "nowhere", "-o", "m.joblib"], "there is no model here"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_mistake_is_one_sentence_and_status_two(run, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert sentence in err
    assert err.startswith("narratives: ")
    assert err.count("\n") == 1


def test_a_failed_check_is_status_one(run, tmp_path):
    (tmp_path / "codebook.toml").write_text('version = "1"\n[[frame]]\nid = "a"\n', encoding="utf-8")
    status, _, err = run("codebook", "check", tmp_path / "codebook.toml")
    assert status == 1
    assert "is missing" in err
    assert run("codebook", "check")[0] == run("labels", "check")[0] == 0


@pytest.mark.slow
def test_score_keeps_standard_output_for_the_table(run, tmp_path):
    table = b"id,text\n1,Wake up: the dam breaks!\n2,The choir sings.\n3,torn,row\n"
    status, out, err = run("score", "-", "-o", "-", "--refused", tmp_path / "refused.csv", given=table)
    lines = out.splitlines()
    assert status == 0
    assert lines[0] == "id,text,frames,voices,human,scope,p_flood,p_mayor,p_bridge,model"
    assert lines[1].startswith("1,Wake up: the dam breaks!,flood,promotes,,")
    assert len(lines) == 3
    assert "3 rows read = 2 scored + 1 refused" in err
    assert "torn" in (tmp_path / "refused.csv").read_text()


@pytest.mark.slow
def test_score_expands_a_pattern_that_the_shell_did_not(run, tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"posts-{name}.csv").write_text(f"text\n{name}: the dam breaks\n")
    status, _, err = run("score", tmp_path / "posts-*.csv", "-o", tmp_path / "out.csv")
    assert status == 0, err
    texts = [line.split(",")[0] for line in (tmp_path / "out.csv").read_text().splitlines()]
    assert texts == ["text", "a: the dam breaks", "b: the dam breaks"]


def test_score_reads_a_table_as_the_user_says(run, tmp_path):
    (tmp_path / "a.csv").write_bytes("a;b\nid;text\n1;Привет, соседи: плотина\n".encode("cp866"))
    told = ("--encoding", "cp866", "--delimiter", ";", "--header-row", "2", "--quoting", "none")
    status, _, error = run("score", tmp_path / "a.csv", "-o", tmp_path / "out.csv", *told)
    assert status == 0, error
    first, second, _ = (tmp_path / "out.csv").read_text(encoding="utf-8").split("\n")
    assert first.startswith("id;text;frames;")
    assert second.startswith("1;Привет, соседи: плотина;")


def test_score_explains_how_a_table_is_read_and_scores_nothing(run, tmp_path):
    rows = "Query Id,Query Name,Date,Title,Snippet,Full Text\n1,q,2024-03-01,A title,,The dam breaks before Friday!\n"
    (tmp_path / "a.csv").write_text("Report:,Digest\n\n" + rows)
    status, output, error = run("score", tmp_path / "a.csv", "--explain", "--source", "Query Name")
    assert status == 0, error
    for words in ("Brandwatch ('Query Id', 'Query Name'", "'Full Text', else 'Snippet'", "line 3", "date       'Date'"):
        assert words in output
    assert "source     'Query Name'" in output
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert run("score", tmp_path / "a.csv")[0] == 2  # without an output


def test_score_does_not_overwrite_without_force(run, tmp_path):
    (tmp_path / "in.csv").write_text("text\nThe choir sings.\n", encoding="utf-8")
    words = ["score", tmp_path / "in.csv", "-o", tmp_path / "out.csv", "--json", tmp_path / "summary.json"]
    assert run(*words)[0] == 0
    assert run(*words)[0] == 2
    assert run(*words, "--force")[0] == 0
    assert json.loads((tmp_path / "summary.json").read_text())["rows_scored"] == 1


def test_ctrl_c_says_what_was_left_behind(run, tmp_path, monkeypatch):
    def interrupted(*words, **options):
        raise KeyboardInterrupt("stopped; nothing was written to out.csv")

    monkeypatch.setattr("narratives.scoring.score.score_tables", interrupted)
    (tmp_path / "in.csv").write_text("id,text\n1,The dam breaks.\n")
    status, out, err = run("score", tmp_path / "in.csv", "-o", tmp_path / "out.csv")
    recognised, *_, sentence = err.strip().split("\n")
    assert recognised.endswith("in.csv: CSV, UTF-8, delimiter ',', 2 columns, text in 'text', id in 'id'")
    assert (status, out, sentence) == (130, "", "narratives: stopped; nothing was written to out.csv")


def test_evaluate_measures_on_a_table_and_shows_stored_figures(run, tmp_path):
    (tmp_path / "t.csv").write_text(
        f'text,frames,voices\n"{TEXT}",flood,promotes\nThe choir sings.,,\n', encoding="utf-8"
    )
    status, out, _ = run("evaluate", "--on", tmp_path / "t.csv", "--json", tmp_path / "f.json")
    assert status == 0
    assert "macro-F1                1.000" in out
    assert json.loads((tmp_path / "f.json").read_text())["voice"]["n"] == 1
    assert "# Model card" in run("evaluate")[1]


@pytest.fixture
def in_two_languages(tmp_path):
    """A labelled table with two English rows and one Ukrainian row."""
    rows = [f'"{TEXT}",flood,en', "The choir sings.,,en", "Хор співає.,,uk"]
    (tmp_path / "two.csv").write_text("text,frames,language\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path / "two.csv"


@pytest.mark.parametrize(("languages", "n"), [("en", 2), ("en,uk", 3), ("en, uk", 3), (" uk ", 1)])
def test_evaluate_and_compare_measure_the_rows_of_the_languages_named(
    run, trained, in_two_languages, tmp_path, languages, n
):
    options = ["--on", in_two_languages, "--language", languages, "--json", tmp_path / "figures.json"]
    for command in (["evaluate"], ["compare", trained, trained]):
        assert run(*command, *options)[0] == 0
        assert json.loads((tmp_path / "figures.json").read_text())["n"] == n


@pytest.mark.parametrize(
    ("languages", "sentence"),
    [
        ("en,fr", "two.csv: no row in 'fr'; its languages are en, uk"),
        ("en uk", "two.csv: no row in 'en uk'; its languages are en, uk"),
        ("en,,uk", "'en,,uk' has an empty part; separate languages by commas, such as en,uk"),
        ("en,", "'en,' has an empty part"),
        ("", "'' has an empty part"),
    ],
)
def test_a_language_that_the_table_lacks_is_refused_with_those_that_it_has(
    run, trained, in_two_languages, languages, sentence
):
    for command in (["evaluate"], ["compare", trained, trained]):
        status, out, err = run(*command, "--on", in_two_languages, "--language", languages)
        assert (status, out) == (2, "")
        assert sentence in err


@pytest.fixture(scope="module")
def lax(labels_folder, tmp_path_factory):
    """A model trained to call every choir a flood."""
    folder = tmp_path_factory.mktemp("models")
    rows = [
        f"{text} number {n},{frame}\n"
        for n in range(9)
        for text, frame in (("The choir sings", "flood"), ("A tree", ""))
    ]
    (folder / "choirs.csv").write_text("text,frames\n" + "".join(rows), encoding="utf-8")
    return train_on_files(
        folder / "choirs.csv", folder / "lax", TrainingOptions(codebook=labels_folder / "codebook.toml")
    ).folder


@pytest.fixture(scope="module")
def strict(labels_folder, tmp_path_factory):
    return train_on_files(
        labels_folder, tmp_path_factory.mktemp("models") / "strict", TrainingOptions(aim="precision=0.99")
    ).folder


@pytest.fixture
def measured_on(tmp_path):
    rows = [f'"{TEXT}",flood,promotes', "The mayor stole the budget.,mayor,promotes", "The choir sings by the river.,,"]
    (tmp_path / "t.csv").write_text("text,frames,voices\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path / "t.csv"


def test_compare_measures_two_models_on_the_same_rows(run, trained, lax, measured_on, tmp_path):
    status, out, _ = run("compare", trained, lax, "--on", measured_on, "--json", tmp_path / "c.json")
    document = json.loads((tmp_path / "c.json").read_text())
    assert status == 0
    assert out.startswith("A  tiny@")
    assert "3 rows, the same for both" in out
    assert out.strip().endswith(document["conclusion"])
    assert set(document["figures"]) == {
        "macro_f1", "micro_f1", "samples_f1", "mean_average_precision", "voice_macro_f1", "false_alarm_rate",
        "calibration_error",
    }  # fmt: skip
    assert document["frames"]["flood"]["support"] == 1
    assert document["changed"] > 0


def test_compare_without_a_table_shows_stored_figures_and_whether_they_are_comparable(run, trained, strict, tmp_path):
    status, out, _ = run("compare", trained, strict, "--json", tmp_path / "c.json")
    document = json.loads((tmp_path / "c.json").read_text())
    assert status == 0
    assert "they are comparable: both models were trained on the same labels" in out
    assert document["figures"]["macro_f1"]["interval"] == [None, None]
    assert "use --on TABLE" in out


@pytest.mark.slow
def test_compare_uses_only_frames_that_both_models_know(run, trained, measured_on, other_frames, tmp_path):
    status, out, _ = run("compare", trained, other_frames("flood", "fire"), "--on", measured_on)
    assert status == 0
    assert "left out, not known to all: mayor, bridge, fire" in out
    assert "mayor   " not in out
    stored = run("compare", trained, other_frames("flood", "fire"))[1]
    assert "they are not comparable" in stored
    assert "not known to both: mayor, bridge, fire" in stored


@pytest.mark.slow
def test_compare_refuses_models_with_nothing_in_common(run, trained, measured_on, other_frames):
    assert "no frame in common" in run("compare", trained, other_frames("ice", "fire"), "--on", measured_on)[2]
    assert "no frame in common" in run("compare", trained, other_frames("ice", "fire"))[2]
    assert "no row in 'ru'" in run("compare", trained, trained, "--on", measured_on, "--language", "ru")[2]


def test_readings_of_real_text_are_checked_counted_and_joined_to_their_texts(run, own_labels, codebook, tmp_path):
    seen = FieldReading(
        *(paragraph_id(TEXT), "quay-posts", "Quay Herald", "", "https://quay.example/1", "2022-12-16", "en"),
        *("flood", "promotes", "yes", "first", "random", codebook.version),
    )
    write_field(own_labels, FieldReadings((seen, replace(seen, paragraph_id="0" * 16))))
    assert "and readings of 2 paragraphs of real text, all well formed" in run("labels", "check")[1]
    assert "| quay-posts | 2 |" in " ".join(run("labels", "stats")[1].split())
    (tmp_path / "posts.csv").write_text(f'text\n"{TEXT}"\n', encoding="utf-8")
    status, out, _ = run("labels", "hydrate", tmp_path / "posts.csv", "-o", tmp_path / "joined.csv")
    assert (status, out) == (0, f"{tmp_path / 'joined.csv'} holds 1 of 2 paragraphs that were read\n")
    status, _, err = run("labels", "hydrate", tmp_path / "posts.csv", "-o", tmp_path / "joined.csv")
    assert status != 0
    assert "joined.csv exists; name another output, or replace it with --force" in err
    write_field(own_labels, FieldReadings((replace(seen, frame="dragons"),)))
    status, _, err = run("labels", "check")
    assert status == 1
    assert "field.csv:2: frame 'dragons' is not in the codebook" in err


def test_hydrating_without_readings_says_what_is_missing(run, own_labels, tmp_path):
    (tmp_path / "posts.csv").write_text("text\nThe choir sings.\n", encoding="utf-8")
    assert "there is no field.csv with readings" in run("labels", "hydrate", tmp_path / "posts.csv")[2]


@pytest.mark.slow
def test_compare_warns_of_rows_that_a_model_was_trained_on(run, trained, labels_folder, other_frames):
    out = run("compare", trained, other_frames("flood", "fire"), "--on", labels_folder)[1]
    assert "A was trained on these very rows" in out
    assert "B was trained" not in out


@pytest.fixture
def other_frames(tmp_path):
    """Train a model on frames of another taxonomy."""

    def model(*frames):
        folder = tmp_path / "-".join(frames)
        if not folder.exists():
            rows = [f"{frame} number {n} is near,{frame}" for n in range(12) for frame in frames]
            rows += [f"nothing to see in street {n}," for n in range(12)]
            folder.with_suffix(".csv").write_text("text,frames\n" + "\n".join(rows) + "\n", encoding="utf-8")
            train_on_files(folder.with_suffix(".csv"), folder)
        return folder

    return model


def test_models_are_listed_and_released(run):
    status, out, _ = run("models", "list")
    assert status == 0
    assert out.startswith("* tiny@")
    assert run("models", "release", "tiny")[:2] == (0, "tiny is the released model\n")
    assert run("models", "release", "nowhere")[0] == 2


def test_the_shipped_model_is_a_row_and_can_be_gone_back_to(run, shipped, trained):
    first, second = run("models", "list")[1].splitlines()
    assert first.startswith("* tiny@")
    assert second.startswith("  shipped@")
    assert run("models", "release", "shipped") == (0, "shipped is the released model\n", "")
    first, second = run("models", "list")[1].splitlines()
    assert first.startswith("  tiny@")
    assert second.startswith("* shipped@")
    assert run("classify", TEXT)[1].startswith("model shipped@")
    assert not (trained.parent / "released").exists()


def test_the_first_command_needs_no_training(run, shipped, tmp_path, monkeypatch):
    monkeypatch.setenv("NARRATIVES_MODELS", str(tmp_path / "none"))
    status, out, err = run("classify", TEXT)
    assert (status, err) == (0, "")
    assert out.startswith("model shipped@")
    assert run("models", "list")[1].startswith("* shipped@")
    assert not (tmp_path / "none").exists()
    monkeypatch.setenv("NARRATIVES_SHIPPED", "")
    assert "holds no model; run `narratives train`" in run("models", "list")[2]


def test_the_app_opens_without_training_where_a_shipped_model_fits(run, shipped, tmp_path, monkeypatch):
    monkeypatch.setenv("NARRATIVES_MODELS", str(tmp_path / "none"))
    monkeypatch.setattr("narratives.ui.server.serve", lambda port, address: print("serving"))
    assert run("app") == (0, "serving\n", "")


def test_a_shipped_model_that_does_not_fit_is_listed_with_the_reason_and_not_released(
    run, shipped, own_labels, trained
):
    book = own_labels / "codebook.toml"
    others = book.read_text(encoding="utf-8").replace('id = "mayor"', 'id = "major"').replace('"flood"', '"swans"')
    book.write_text(others, encoding="utf-8")
    assert "  shipped  cannot be used: " in run("models", "list")[1]
    status, _, err = run("models", "release", "shipped")
    assert status == 2
    assert "the shipped model knows 1 of the 3 frames of" in err
    assert (trained.parent / "released").read_text(encoding="utf-8") == "tiny\n"


def test_a_released_model_of_another_version_is_said_once_and_the_shipped_one_used(run, shipped, tmp_path, monkeypatch):
    monkeypatch.setenv("NARRATIVES_MODELS", str(tmp_path / "models"))
    old = put_unreadable(tmp_path / "models")
    status, out, err = run("classify", TEXT)
    assert status == 0
    assert out.startswith("model shipped@")
    assert err.count("The released model old has a format that this version does not read") == 1
    assert len(err.splitlines()) == 1
    status, out, err = run("models", "list")
    assert (status, len(err.splitlines())) == (0, 1)
    assert "  old  cannot be used: " in out
    assert "train the model again" in out
    assert "* shipped@" in out
    for words in (("classify", TEXT, "--model", old), ("models", "release", "old")):
        status, _, err = run(*words)
        assert status == 2
        assert "model format 0, this version reads format" in err
        assert err.strip().endswith("train the model again")


def test_counts_and_frames_are_shown(run):
    assert "| flood |" in " ".join(run("labels", "stats")[1].split())
    assert "The mayor steals" in run("codebook", "show", "mayor")[1]
    assert "fatigue" in run("codebook", "show")[1]


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom narratives.cli.main import main\nsys.argv = ['narratives', '--help']\n"
        "try:\n  main()\nexcept SystemExit:\n  pass\n"
        "heavy = {'sklearn', 'pandas', 'scipy', 'numpy', 'pyarrow', 'streamlit'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_model_is_exported_by_name_or_path(run, trained, tmp_path, monkeypatch):
    monkeypatch.setenv("NARRATIVES_MODELS", str(trained.parent))
    status, out, _ = run("models", "export", "tiny", "-o", tmp_path / "m.joblib")
    assert (status, "load only files of your own" in out) == (0, True)
    assert run("models", "export", trained, "-o", tmp_path / "n.joblib")[0] == 0
    assert (tmp_path / "m.joblib").read_bytes() == (tmp_path / "n.joblib").read_bytes()
    assert "m.joblib exists already" in run("models", "export", "tiny", "-o", tmp_path / "m.joblib")[2]


@pytest.fixture
def own_labels(run, labels_folder, tmp_path, monkeypatch):
    """A copy of the labels folder with a writable database."""
    folder = tmp_path / "labels"
    shutil.copytree(labels_folder, folder)
    monkeypatch.setenv("NARRATIVES_LABELS", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.slow
def test_imports_add_texts_and_labels_and_the_label_files_are_exported_unchanged(run, own_labels, tmp_path):
    before = {path.name: path.read_bytes() for path in own_labels.glob("*.csv")}
    (tmp_path / "posts.csv").write_text("id;text\n1;The dam is new.\n2\n3;A new choir.\n", encoding="utf-8")
    status, out, err = run("labels", "import", "posts.csv", "--text", "text")
    assert (status, "2 new paragraphs; 0 new readings" in out) == (0, True)
    assert "1 rows were refused" in err
    assert "posts.csv.refused.csv" in err
    assert run("labels", "export")[0] == 0
    assert {path.name: path.read_bytes() for path in own_labels.glob("*.csv")} == before
    status, out, _ = run("labels", "export", "all.jsonl", "--to", "jsonl", "--unlabelled")
    assert "104 paragraphs and 102 labels" in out
    assert run("labels", "export", "all.jsonl", "--to", "jsonl")[0] == 2
    assert "102 known before" in run("labels", "import", "all.jsonl")[1]


@pytest.mark.slow
def test_a_dry_run_stores_nothing_and_an_import_can_be_withdrawn(run, own_labels, tmp_path):
    rows = "text,topic\nThe dam is new.,Water\nA new choir.,none\nA new quay.,Quay\n"
    (tmp_path / "posts.csv").write_text(rows, encoding="utf-8")
    words = "labels", "import", "posts.csv", "--frames-column", "topic", "--map", "Water=flood", "--annotator", "petro"
    status, out, _ = run(*words, "--dry-run")
    assert (status, "readings by annotator: petro: 2" in out, "labels by frame: flood: 1" in out) == (0, True, True)
    assert "line 4: frame 'Quay' is not in the codebook" in out
    assert "would store: 2 new paragraphs; 2 new readings" in out
    assert run("labels", "imports")[1] == "nothing was imported\n"
    status, out, err = run(*words, "--by", "lead")
    assert (status, "import 1; take it back" in out, "line 4: frame 'Quay'" in err) == (0, True, True)
    assert run("labels", "imports", "--json", "imports.json")[1].split()[-1] == "force"
    assert json.loads((tmp_path / "imports.json").read_text(encoding="utf-8"))[0]["uploader"] == "lead"
    assert "2 readings and 2 texts are out of use" in run("labels", "withdraw", "1")[1]
    assert run("labels", "imports")[1].split()[-1] == "withdrawn"
    status, _, err = run("labels", "withdraw", "1")
    assert (status, "import 1 (posts.csv) was withdrawn before" in err) == (2, True)


@pytest.mark.slow
def test_labels_are_imported_from_standard_input(run, own_labels):
    status, out, _ = run("labels", "import", "-", "--annotator", "petro", given=b"text,frames\nThe dam is new.,flood\n")
    assert (status, "1 new paragraphs; 1 new readings" in out) == (0, True)


@pytest.mark.parametrize("mapping", ["Water", "=flood", "Water=river"])
def test_a_mapping_that_maps_nothing_is_refused(run, own_labels, tmp_path, mapping):
    (tmp_path / "posts.csv").write_text("text,frames\nThe dam is new.,Water\n", encoding="utf-8")
    status, _, err = run("labels", "import", "posts.csv", "--annotator", "petro", "--map", mapping)
    assert (status, mapping in err) == (2, True)


def test_an_export_needs_a_name_unless_it_is_the_label_files(run, own_labels):
    status, _, err = run("labels", "export", "--to", "xlsx")
    assert (status, err) == (2, "narratives: name an output: narratives labels export OUTPUT --to xlsx\n")


@pytest.mark.slow
def test_the_queue_lists_what_comes_next_and_why(run, own_labels, tmp_path):
    status, out, _ = run("queue")
    assert (status, "The queue is empty" in out) == (0, True)
    (tmp_path / "posts.csv").write_text("text\nThe dam is new and the river rises.\nA new choir.\n", encoding="utf-8")
    run("labels", "import", "posts.csv")
    status, out, err = run("queue", "--rank", "--json", "--annotator", "maria")
    assert status == 0
    assert "paragraphs are in the queue" in err
    items = json.loads(out)
    assert {"The dam is new and the river rises.", "A new choir."} <= {item["text"] for item in items}
    assert {"paragraph_id", "reason", "detail", "source"} <= set(items[0])
    assert run("queue")[1].count("\n\n") == len(items) - 1


@pytest.fixture
def own(run, labels_folder, tmp_path, monkeypatch):
    """A copy of the labels folder without a database."""
    shutil.copytree(labels_folder, tmp_path / "own", ignore=shutil.ignore_patterns("*.sqlite*"))
    monkeypatch.setenv("NARRATIVES_LABELS", str(tmp_path / "own"))
    return tmp_path / "own"


@pytest.mark.slow
@pytest.mark.parametrize("database", [False, True], ids=["files", "database"])
def test_a_merge_is_reported_first_made_with_yes_and_changes_no_label(run, own, database):
    if database:
        run("queue")  # makes the database
    labels, codebook = (own / "labels.csv").read_bytes(), (own / "codebook.toml").read_bytes()
    status, report, _ = run("codebook", "merge-frame", "mayor", "flood")
    assert status == 0
    assert "labels of mayor: 30 (12 promotes, 9 reports, 9 rebuts)" in report
    assert report.endswith("Nothing has changed yet; add --yes to make the change\n")
    assert (own / "codebook.toml").read_bytes() == codebook
    status, done, _ = run("codebook", "merge-frame", "mayor", "flood", "--yes")
    assert status == 0
    assert "version 8, 2 frames; merged into flood: mayor" in done
    assert run("codebook", "check")[0] == run("labels", "check")[0] == 0
    assert "| flood | 60 |" in " ".join(run("labels", "stats")[1].split())
    assert (own / "labels.csv").read_bytes() == labels
    if database:
        assert run("labels", "export")[0] == 0
        assert (own / "labels.csv").read_bytes() == labels
        assert "0 new readings" in run("labels", "import", own)[1]
        assert run("labels", "export", own / "out.jsonl", "--to", "jsonl", "--merged")[0] == 0
        assert '"mayor"' not in (own / "out.jsonl").read_text(encoding="utf-8")
        assert run("labels", "export", "--merged")[0] == run("labels", "export", own, "--merged")[0] == 2
    assert "version 9, 3 frames; back: mayor" in run("codebook", "restore-frame", "mayor")[1]
    assert "| mayor | 30 |" in " ".join(run("labels", "stats")[1].split())


@pytest.mark.slow
def test_a_retired_frame_is_left_out_of_the_next_training_and_stays_in_the_old_model(run, own, tmp_path):
    run("queue")
    assert "retired: mayor" in run("codebook", "retire-frame", "mayor", "--yes")[1]
    status, out, _ = run("train", "-o", tmp_path / "after")
    assert status == 0
    assert "\nThresholds are from all " in out
    thief = "We all know that the mayor stole the budget."
    old, new = (
        json.loads(run("classify", thief, "--json", *more)[1]) for more in ([], ["--model", tmp_path / "after"])
    )
    assert [frame["frame"] for frame in old["paragraphs"][0]["frames"]] == ["mayor"]
    assert new["paragraphs"][0]["frames"] == []
    assert run("queue", "--rank")[0] == 0


def test_an_export_without_text_leaves_the_labels_folder_its_texts(run, town, labels_folder, tmp_path, monkeypatch):
    own = tmp_path / "own"
    shutil.copytree(labels_folder, own, ignore=shutil.ignore_patterns("*.sqlite*"))
    monkeypatch.setenv("NARRATIVES_LABELS", str(own))
    status, _, err = run("labels", "export", own, "--without-text")
    assert status == 2
    assert "name another OUTPUT" in err
    assert (own / "paragraphs.csv").exists()
