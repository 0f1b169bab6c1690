import hashlib
from dataclasses import replace

from conftest import paragraph
from narratives.codebook.frames import Codebook
from narratives.labels.files import read_labels, write_labels
from narratives.labels.label_set import LabelSet, reading_key
from narratives.labels.simple_table import read_simple_table
from narratives.labels.source import canonical, codebook_hash, label_source, table_source
from narratives.model import persistence


def test_the_hashes_of_a_label_set_are_those_of_the_files_written_of_it(label_set, labels_folder):
    hashes = label_source(label_set).hashes
    assert list(hashes) == ["paragraphs.csv", "labels.csv"]
    for name, digest in hashes.items():
        assert digest == hashlib.sha256((labels_folder / name).read_bytes()).hexdigest()


def test_order_and_unlabelled_paragraphs_do_not_count_but_a_changed_label_does(label_set):
    mixed = LabelSet((paragraph("Nobody read this."), *label_set.paragraphs[::-1]), label_set.labels[::-1])
    assert label_source(mixed) == label_source(label_set)
    changed = (replace(label_set.labels[0], sure="no"), *label_set.labels[1:])
    assert label_source(replace(label_set, labels=changed)) != label_source(label_set)


def test_what_was_drawn_at_random_is_part_of_the_source(label_set):
    known = {reading_key(label): "random" for label in label_set.labels[:3]}
    source = label_source(replace(label_set, reasons=known))
    assert source.hashes.items() > label_source(label_set).hashes.items()
    chosen = replace(label_set, reasons=known | {reading_key(label_set.labels[0]): "near"})
    assert label_source(chosen).hashes["how chosen"] != source.hashes["how chosen"]


def test_what_was_written_and_read_back_has_the_source_of_what_was_written(label_set, codebook, tmp_path):
    text = label_set.paragraphs[0].text.replace(" ", "\r\n", 1)
    wrapped = replace(label_set, paragraphs=(replace(label_set.paragraphs[0], text=text), *label_set.paragraphs[1:]))
    write_labels(tmp_path, wrapped)
    read = read_labels(tmp_path, codebook)
    assert canonical(read) == canonical(wrapped)
    assert label_source(read) == label_source(wrapped)


def test_a_table_has_one_source_whatever_the_order_of_the_codebook_s_frames(codebook, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,frames,voices\nA.,mayor;flood,reports;promotes\nB.,,\n", encoding="utf-8")
    backwards = Codebook("", codebook.frames[::-1])
    source = table_source(path.name, read_simple_table(path, codebook))
    assert source == table_source(path.name, read_simple_table(path, backwards))
    assert source == table_source(path.name, read_simple_table(path))
    path.write_text("text,frames,voices\nA.,mayor;flood,promotes;reports\nB.,,\n", encoding="utf-8")
    assert source != table_source(path.name, read_simple_table(path, codebook))


def test_the_hash_of_a_codebook_is_that_of_the_file_in_a_model_folder(classifier, tmp_path):
    persistence.save(classifier, tmp_path / "model", {}, "card")
    kept = (tmp_path / "model" / "codebook.json").read_bytes()
    assert codebook_hash(classifier.codebook) == hashlib.sha256(kept).hexdigest()
