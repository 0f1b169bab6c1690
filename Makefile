PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: app test test-fast fuzz check bench clean

app: .venv/app.done
	$(BIN)/narratives app

test: .venv/kernel.done
	$(BIN)/python -m pytest -n auto

test-fast: .venv/kernel.done
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

# Compiles the kernel once: without it every worker and every server of the tests would. Two tables, because what is read
# from cells with doubled quotes is compiled on its own; large ones, because few rows are scored without the kernel.
.venv/kernel.done: .venv/dev.done $(wildcard narratives/kernel/*.py narratives/model/*.py narratives/tables/*.py narratives/tables/readers/*.py)
	(echo text; yes 'The choir sings on Sunday.' | head -n 600) > .venv/plain.csv
	(echo text; yes '"The ""choir"" sings on Sunday."' | head -n 600) > .venv/quoted.csv
	for table in plain quoted; do \
	  $(BIN)/narratives score .venv/$$table.csv -o .venv/scored.csv --model narratives/shipped/model --force || exit 1; \
	done
	touch $@

clean:
	rm -rf .venv models build dist
