PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: app test test-fast fuzz check bench clean

app: .venv/warm.done
	$(BIN)/narratives app

test: .venv/dev.done .venv/warm.done
	$(BIN)/python -m pytest -n auto

test-fast: .venv/dev.done .venv/warm.done
	$(BIN)/python -m pytest -n logical -m "not slow and not browser"

# Damaged tables for so many seconds; SEED makes another sequence of them.
SECONDS ?= 60
SEED ?= 0
fuzz: .venv/dev.done
	PYTHONPATH=tests $(BIN)/python -m fuzz.fuzzer --seconds $(SECONDS) --seed $(SEED)

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

# Compiles ahead, so that nothing compiles in front of a user, in a worker or in a server of the tests.
.venv/warm.done: .venv/app.done $(wildcard narratives/kernel/*.py narratives/model/*.py narratives/tables/*.py narratives/tables/readers/*.py)
	$(BIN)/narratives warm --model narratives/shipped/model
	touch $@

clean:
	rm -rf .venv models build dist
