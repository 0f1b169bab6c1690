"""The charts of the Models page, each alone, with Streamlit's AppTest."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from narratives.codebook.frames import bare
from narratives.model import persistence
from narratives.ui.components.figures import StoredModel, frame_table
from narratives.ui.components.html import aim_colours

pytestmark = pytest.mark.slow

VIEWS = ("F1", "Precision and recall", "Reliability", "Confusion", "Made from")


@pytest.fixture(scope="module")
def manifest(trained_folder):
    return persistence.read_manifest(trained_folder)


def page(manifest, codebook, view):
    def script(manifest, codebook):
        from narratives.ui.components.figures import StoredModel, put_figures

        put_figures(StoredModel(manifest, codebook))

    app = AppTest.from_function(script, default_timeout=30, args=(manifest, codebook)).run()
    app.segmented_control[0].set_value(view)
    app.run()
    assert not app.exception
    return app


def chart(app):
    (only,) = app.get("vega_lite_chart")
    return only.proto


def confused(manifest):
    pair = {"gold": "mayor", "predicted": "flood", "count": 3}
    return manifest | {"figures": manifest["figures"] | {"confusion": [pair]}}


@pytest.mark.parametrize("view", VIEWS)
def test_every_chart_has_its_table(manifest, codebook, view):
    app = page(confused(manifest), codebook, view)
    assert chart(app).alt.endswith("; the table beside it says the same")
    assert len(app.dataframe) == 1


def test_frames_have_their_names_the_colours_of_their_aims_and_intervals_around_f1(manifest, codebook):
    app = page(manifest, codebook, "F1")
    table = app.dataframe[0].value
    assert set(table["frame"]) == {frame.name for frame in codebook.frames}
    assert ((table["from"] <= table["F1"]) & (table["F1"] <= table["to"])).all()
    assert list(table["F1"]) == sorted(table["F1"], reverse=True)
    spec = json.loads(chart(app).spec)
    for layer in spec["layer"]:
        assert layer["encoding"]["color"]["scale"]["range"] == list(aim_colours(codebook).values())
        assert layer["encoding"]["y"]["sort"] == list(table["frame"])


def test_reliability_counts_every_cell_once(manifest, codebook):
    table = page(manifest, codebook, "Reliability").dataframe[0].value
    assert len(table) == 10
    assert table["cells"].sum() == manifest["figures"]["n"] * len(codebook.ids)


def test_the_page_says_what_the_model_was_trained_on(manifest, codebook):
    app = page(manifest, codebook, "Made from")
    facts = app.text[0].value
    assert "102 paragraphs · 3 frames · codebook 7 · seed 0" in facts
    assert manifest["labels"]["paragraphs.csv"] in facts
    assert app.dataframe[0].value["paragraphs"].sum() == 2 * 102  # once by language, once by register


@pytest.mark.parametrize("view", VIEWS)
def test_a_model_of_an_older_version_shows_what_it_has(manifest, codebook, view):
    frames = {
        name: {key: value for key, value in scores.items() if key != "f1_interval"}
        for name, scores in manifest["figures"]["frames"].items()
    }
    stored = {key: manifest["figures"][key] for key in ("n", "languages")}
    app = page({"figures": stored | {"frames": frames}}, codebook, view)
    assert len(app.dataframe) == (view in ("F1", "Precision and recall", "Made from"))
    if view == "F1":
        assert "retrain to see them" in app.caption[0].value
    assert not page({}, codebook, view).dataframe


def test_frames_of_one_name_and_without_labels_keep_a_row_each(manifest, codebook):
    figures = {"frames": manifest["figures"]["frames"], "unsupported": {"a": 2, "b": 0}}
    twins = bare(("a", "b"))
    twins = type(twins)("", tuple(type(frame)(frame.id, "same") for frame in twins.frames))
    table = frame_table(StoredModel({"figures": figures}, twins))
    assert list(table["frame"][3:]) == ["same (a)", "same (b)"]
    assert table["F1"].isna().sum() == 2
