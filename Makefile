# Works on a bare machine: Python 3.11 or newer, git and make. The first target that needs packages makes
# .venv and fills it; `make PYTHON=python3.12 ...` picks the interpreter, `make ARGS=... test` passes options.

.POSIX:
.SUFFIXES:
.NOTPARALLEL:
.PHONY: help demo test bare slim lint docs bench results clean

PYTHON =
ARGS =
python = .venv/bin/python
bare_tests = tests/data tests/experiments/study/test_file.py tests/test_bare_machine.py \
	tests/cli/test_commands.py tests/cli/test_describing.py tests/docs tests/test_extras.py

help:
	@echo 'make demo    train, steer and compare in a few minutes: the tour of rlflood'
	@echo 'make test    run the tests (make test ARGS="tests/data -k csv" runs some)'
	@echo 'make bare    run those that a machine without data, network and optional packages could fail'
	@echo 'make slim    steers loops with the wheel and PyTorch, NumPy and safetensors alone'
	@echo 'make lint    ruff check, ruff format --check, mypy'
	@echo 'make docs    build the site into build/docs; a warning is an error'
	@echo 'make bench   measure the speed of training on this machine'
	@echo 'make results writes the tables and figures of docs/results from the runs there'
	@echo 'make clean   remove what make has made: .venv, caches and builds (never your runs)'

demo: .venv/.with-plot
	@.venv/bin/rlflood demo $(ARGS)

# one thread a worker: two workers that each take all cores are slower than one; Python keeps what it has
# compiled even where it was told not to, as in many containers: else each process compiles PyTorch again
test: .venv/.with-test
	@PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(python) -m pytest -n 2 $(ARGS)

# what tests/bare hides is not seen by these tests nor by what they start; what needs it is skipped
bare: .venv/.with-test
	@RLFLOOD_DATA= PYTHONPATH="$$PWD/tests/bare" PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 \
		$(python) -m pytest -n 2 $(bare_tests) $(ARGS)

# the wheel, with nothing but what steering a loop needs
slim: .venv/.with-test
	@.ci/slim

lint: .venv/.with-dev
	@$(python) -m ruff check .
	@$(python) -m ruff format --check .
	@$(python) -m mypy

docs: .venv/.with-docs
	@$(python) -m sphinx --fail-on-warning --keep-going --quiet docs build/docs $(ARGS)
	@echo 'build/docs/index.html'

bench: .venv/.with-plot
	@$(python) -m benchmarks.speed $(ARGS)

results: .venv/.with-plot
	@$(python) -m benchmarks.results

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# a stamp for each extra: a second call costs nothing, a change of the dependencies installs anew
.venv/.with-plot: pyproject.toml .ci/setup
	@PYTHON='$(PYTHON)' .ci/setup plot && touch $@

.venv/.with-test: pyproject.toml .ci/setup
	@PYTHON='$(PYTHON)' .ci/setup test && touch $@

.venv/.with-docs: pyproject.toml .ci/setup
	@PYTHON='$(PYTHON)' .ci/setup docs && touch $@

.venv/.with-dev: pyproject.toml .ci/setup
	@PYTHON='$(PYTHON)' .ci/setup dev && touch $@
