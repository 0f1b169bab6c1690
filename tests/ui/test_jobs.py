"""Long work in a separate process."""

import time

from narratives.ui.session.jobs import BackgroundProcess


def finished(code):
    process = BackgroundProcess(code)
    process.start()
    deadline = time.monotonic() + 30
    while process.running and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not process.running
    return process


def test_progress_and_result_are_read_from_json_lines_and_other_lines_are_passed_over():
    process = finished("""print('a warning'); print('{"step": "sorting", "share": 0.5}'); print('{"number": 3}')""")
    assert (process.step, process.share, process.number, process.complaint) == ("sorting", 0.5, 3, "")


def test_a_process_that_fails_says_where_its_error_can_be_seen():
    process = finished("raise SystemExit(3)")
    assert process.complaint == "The job failed; run it in a terminal to see the error."


def test_an_error_for_the_user_is_kept_until_it_is_forgotten():
    process = finished("""print('{"error": "labels.csv: no label"}'); raise SystemExit(1)""")
    assert process.complaint == "labels.csv: no label"
    process.forget()
    assert process.complaint == ""


def test_a_process_that_is_stopped_says_that_nothing_was_changed():
    process = BackgroundProcess("import time; time.sleep(60)")
    process.start()
    process.stop()
    deadline = time.monotonic() + 30
    while process.running and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.complaint == "Stopped; nothing was changed."
