# Yoake: `make run` starts the desk, `make test` proves the house. Both begin with `make setup`.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A folder made by `make bundle` on another PC is used instead of a package index when it is there.
PIP_FROM := $(if $(wildcard bundle/*.whl),--no-index --find-links bundle,)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
export YOAKE_DATA ?= var

.PHONY: help setup dev encoder run test check format lock messages bundle wheel bench bench-line bench-detect bench-learn bench-collect bench-desk bench-count bench-near bench-warn bench-checks bench-first-screen soak-line soak-outbox pictures fuzz clean

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

setup: $(VENV)/runtime.stamp ## the environment in .venv, with the `yoake` command

$(VENV)/runtime.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Yoake needs Python 3.11 or newer: make setup PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into .venv (about half a minute) ..."
	@$(PIP) install $(PIP_FROM) --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --no-index -e .
	@touch $@

dev: $(VENV)/dev.stamp ## setup, plus what tests and checks need

$(VENV)/dev.stamp: $(VENV)/runtime.stamp requirements-dev.lock
	@echo "installing test tools ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

encoder: setup ## what text models need: PyTorch's CPU build and transformers (about 1.2 GB; a minute)
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["encoder"], sep="\n")' > $(VENV)/encoder.txt
	@echo 'triton<0' > $(VENV)/cpu-build.txt  # builds for CUDA, several GB, depend on it
	@echo "installing text-model packages into .venv ..."
	@$(PIP) install $(PIP_FROM) -c $(VENV)/cpu-build.txt -r $(VENV)/encoder.txt || { echo \
	  "No CPU build of PyTorch is offered here. Download one from pytorch.org, install it into .venv, and try again; or," \
	  "where a CUDA device is: .venv/bin/pip install -r $(VENV)/encoder.txt"; exit 1; }

run: setup ## start web, worker and patrol on http://localhost:8000
	@$(BIN)/yoake up

test: dev ## the whole suite, on SQLite and then, where it is installed, on PostgreSQL
	@$(BIN)/python -m tests

check: dev ## format, types, floors, licences
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m tests.house.licences requirements.lock requirements-dev.lock

format: dev ## let ruff arrange the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: dev ## resolve the dependencies anew and pin them by hash (no index address is written)
	$(PIP) install uv
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	  --extra postgresql --extra pictures --group build -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	  --extra postgresql --extra pictures --group build --group dev -c requirements.lock -o requirements-dev.lock

messages: dev ## collect the words of pages and commands, and compile the Japanese catalogue (needs gettext)
	$(BIN)/python -m tests.house.messages --write

wheel: dev ## dist/yoake-*.whl
	@rm -f dist/yoake-*.whl
	@$(PIP) wheel --no-deps --no-build-isolation --no-index -w dist .

bundle: wheel ## all wheels for a PC without internet: copy the folder, see bundle/README.txt
	@$(BIN)/python -m tests.house.bundle

bench: bench-line bench-detect bench-learn bench-collect $(if $(wildcard bench/disguise.py),bench-disguise) ## every measurement of collecting, the line and the judge

bench-line: dev ## 200,000 posts end to end
	@$(BIN)/python -m bench.line

bench-detect: dev ## posts a second of gate and judge, beside re, scikit-learn and fastText
	@$(BIN)/python -m bench.detect

bench-learn: dev ## our training against TF-IDF and fastText, on janitr and on held-out writers (half an hour)
	@$(BIN)/python -m bench.learn

bench-collect: dev ## firehose, Jetstream and checks against a real Bluesky server on loopback (six minutes; needs Node.js)
	@$(BIN)/python -m bench.collect

bench-near: dev ## near-duplicates among a million, in SQLite and PostgreSQL: recall, wrong folds, milliseconds (half an hour)
	@$(BIN)/python -m bench.near

bench-warn: dev ## approval to delivered warning against a real Bluesky server on loopback (three minutes; needs Node.js)
	@$(BIN)/python -m bench.warn

bench-checks: dev ## 10,000 outstanding checks and clocks on one worker, in SQLite and PostgreSQL: lateness and CPU (two hours)
	@$(BIN)/python -m bench.checks

bench-desk: dev ## 20 people at a desk of 100,000 open cases and 1 million posts, on SQLite and PostgreSQL (half an hour)
	@$(BIN)/python -m bench.desk

bench-count: dev ## the year's figures over 1 million cases, in SQLite and PostgreSQL: seconds a figure, memory (ten minutes)
	@$(BIN)/python -m bench.count

ifneq ($(wildcard bench/disguise.py),)
bench-disguise: dev ## recall under every disguise, against plain recall
	@$(BIN)/python -m bench.disguise

endif
bench-first-screen: ## fresh clone to the first practice case, in seconds
	@$(PYTHON) bench/first_screen.py

soak-line: dev ## kill the patrol 20 times while 5,000 posts stream; prints the ledger
	@$(BIN)/python -m bench.soak_line

soak-outbox: dev ## kill the worker 200 times while it sends over lines that fail, and web 40 times while people approve; prints the ledgers
	@$(BIN)/python -m bench.soak_outbox

pictures: dev ## the pictures of README and guide, which tests take (needs Chromium and Node.js)
	@YOAKE_KEEP_SCREENS=1 $(BIN)/python -m pytest -n 0 tests/e2e/test_walk.py tests/e2e/test_desk.py -k "walk or pictures_for_the_readme"
	@YOAKE_KEEP_SCREENS=1 $(BIN)/python -m pytest -n 0 tests/casework/test_count_report.py -k of_a_year

fuzz: dev ## random posts against folding and the judge for a minute: no crash, every place inside the text
	@$(BIN)/python -m bench.fuzz --seconds 60

clean: ## remove what was built (not var/)
	rm -rf $(VENV) dist bundle .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
