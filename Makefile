# The developer's commands. PYTHON is the interpreter of the environment that the project is installed in.
PYTHON ?= .venv/bin/python

.PHONY: lint format types test test-all bench wheel

lint:  ## style and formatting
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

format:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

types:  ## strict types, on the installed wheel: that also proves the wheel complete
	rm -rf build/types build/lib && $(PYTHON) -m pip wheel -q --no-deps --no-build-isolation -w build/types . && $(PYTHON) -m pip install -q --no-deps --target build/types build/types/*.whl
	MYPYPATH=build/types $(PYTHON) -m mypy -p adapt_embed
	MYPYPATH=build/types:tests $(PYTHON) -m mypy --explicit-package-bases tests/typed_api.py  # as a program sees it

test:  ## quick tests
	$(dir $(PYTHON))pytest -m "not slow"

test-all:  ## all tests, those on real weights among them
	$(dir $(PYTHON))pytest

bench:  ## speed, then quality of training against sentence-transformers + peft (hours on two cores; resumes)
	$(PYTHON) benchmarks/train_speed.py
	$(PYTHON) benchmarks/train_quality.py

wheel:
	$(PYTHON) -m build
