PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: app test test-fast check bench clean

app: .venv/app.done
	$(BIN)/narratives app

test: .venv/dev.done
	$(BIN)/python -m pytest -n auto

test-fast: .venv/dev.done
	$(BIN)/python -m pytest -n auto -m "not slow and not browser"

check: .venv/dev.done
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/narratives codebook check
	$(BIN)/narratives labels check
	$(BIN)/python benchmarks/documents.py --check

bench: .venv/dev.done
	$(BIN)/python benchmarks/quality.py

.venv/app.done: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps -e .
	touch $@

.venv/dev.done: .venv/app.done requirements-dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@

clean:
	rm -rf .venv models build dist
