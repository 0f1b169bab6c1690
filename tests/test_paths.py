import os
from pathlib import Path

import pytest

from narratives import paths
from narratives.errors import UserError
from narratives.model.persistence import load, save
from narratives.model.releases import release


@pytest.fixture
def installed(monkeypatch, tmp_path, labels_folder):
    """The package as if installed: no checkout around it, the labels shipped in it, an empty data folder."""
    package, data = tmp_path / "site" / "narratives", tmp_path / "data"
    (package / "shipped").mkdir(parents=True)
    (package / "shipped" / "labels").symlink_to(labels_folder)
    monkeypatch.setattr(paths, "_PACKAGE", package)
    monkeypatch.setattr("platformdirs.user_data_path", lambda *names, **rest: data)
    for name in ("NARRATIVES_LABELS", "NARRATIVES_MODELS"):
        monkeypatch.delenv(name, raising=False)
    return package, data


@pytest.fixture
def models(monkeypatch, tmp_path, classifier):
    monkeypatch.setenv("NARRATIVES_MODELS", str(tmp_path / "models"))
    save(classifier, tmp_path / "models" / "one", {}, "card")
    return tmp_path / "models"


def test_in_a_checkout_labels_and_models_are_those_of_the_checkout(monkeypatch):
    for name in ("NARRATIVES_LABELS", "NARRATIVES_MODELS"):
        monkeypatch.delenv(name, raising=False)
    root = Path(paths.__file__).parent.parent
    assert paths.checkout() == paths.home() == root
    assert paths.labels_folder() == paths.writable_labels_folder() == root / "labels"
    assert paths.models_folder() == root / "models"


def test_the_environment_overrides_the_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("NARRATIVES_LABELS", str(tmp_path / "labels"))
    monkeypatch.setenv("NARRATIVES_MODELS", str(tmp_path / "trained"))
    assert paths.labels_folder() == paths.writable_labels_folder() == tmp_path / "labels"
    assert paths.models_folder() == tmp_path / "trained"


def test_an_installed_package_reads_its_own_labels_and_keeps_models_with_the_user(installed):
    package, data = installed
    assert paths.checkout() is None
    assert paths.labels_folder() == package / "shipped" / "labels"
    assert paths.models_folder() == data / "models"
    assert not data.exists()


def test_the_first_change_copies_the_shipped_labels_to_the_user_once(installed):
    _, data = installed
    assert paths.writable_labels_folder() == data / "labels"
    (data / "labels" / "labels.csv").write_text("changed")
    assert paths.labels_folder() == paths.writable_labels_folder() == data / "labels"
    assert (data / "labels" / "labels.csv").read_text() == "changed"


def test_the_model_in_the_package_is_the_shipped_one(installed, classifier, monkeypatch):
    package, _ = installed
    monkeypatch.delenv("NARRATIVES_SHIPPED")
    assert paths.shipped_model() is None
    (package / "shipped" / "model").mkdir()
    assert paths.shipped_model() is None, "a folder without a manifest is no model"
    save(classifier, package / "shipped" / "model", {}, "card")
    assert paths.shipped_model() == package / "shipped" / "model"


def test_the_environment_names_another_shipped_model_or_none(installed, shipped, monkeypatch):
    package, _ = installed
    (package / "shipped" / "model").mkdir()
    (package / "shipped" / "model" / "manifest.json").write_text("{}")
    assert paths.shipped_model() == shipped
    monkeypatch.setenv("NARRATIVES_SHIPPED", "")
    assert paths.shipped_model() is None


def test_the_shipped_model_is_called_shipped_and_others_like_their_folder(shipped, models):
    assert paths.model_folder_name(shipped) == "shipped"
    assert paths.model_folder_name(models / "one") == "one"
    assert load(shipped).name.startswith("shipped@")


def test_a_model_is_the_released_one_until_another_is_released(models):
    assert paths.released_model() is None
    release(models / "one")
    assert paths.released_model() == models / "one"
    (models / "one").rename(models / "two")
    release(models / "two")
    assert paths.released_model() == models / "two"
    assert sorted(path.name for path in models.iterdir()) == ["released", "two"]


def test_a_missing_released_model_is_named_in_the_error(models):
    release(models / "one")
    (models / "one" / "manifest.json").unlink()
    with pytest.raises(UserError, match="released names one, which holds no model; run `narratives train`"):
        paths.released_model()


@pytest.fixture
def code_cache(installed, monkeypatch, tmp_path):
    """The user's cache folder, with a package that keeps no machine code yet and names no folder for it."""
    for name in ("kernel", "tables", "tables/readers"):
        (installed[0] / name).mkdir()
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *names, **rest: tmp_path / "cache")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")  # so that it is put back after the test
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    return tmp_path / "cache" / "machine-code"


def test_machine_code_is_kept_beside_the_program_where_that_can_be_written(code_cache):
    paths.choose_code_cache()
    assert "NUMBA_CACHE_DIR" not in os.environ


@pytest.mark.parametrize("folder", ["kernel", "tables/readers", "tables/__pycache__"])
def test_machine_code_is_kept_in_the_users_cache_where_the_program_is_read_only(
    code_cache, installed, monkeypatch, folder
):
    (installed[0] / "tables" / "__pycache__").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: path != installed[0] / folder)
    paths.choose_code_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == str(code_cache)
    assert code_cache.is_dir()


def test_without_any_folder_machine_code_is_kept_for_the_process_where_nobody_else_writes(code_cache, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    paths.choose_code_cache()
    chosen = Path(os.environ["NUMBA_CACHE_DIR"])
    assert chosen != code_cache
    assert chosen.stat().st_mode & 0o777 == 0o700
    chosen.rmdir()


def test_a_folder_for_machine_code_that_the_user_names_is_kept(code_cache, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/named")
    paths.choose_code_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == "/named"
