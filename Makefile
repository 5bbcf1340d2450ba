# make demo   base package only, no torch        make test, make check   with everything that the tests need
PYTHON ?= python3
CLIP ?=
SECONDS ?= 600
DEMO_VENV := .venv
TEST_VENV := .venv-test
# Where an environment forbids bytecode, every program that the tests start compiles all of ours anew.
export PYTHONDONTWRITEBYTECODE :=
# Each process of the tests takes about 1 GB.
SPREAD := --numprocesses logical --maxprocesses 4 --dist worksteal
PIP_INSTALL := -m pip install --disable-pip-version-check --quiet --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-camera check campaign faults fuzz clean python-is-new-enough

help: ## this list
	@echo "usage: make TARGET"
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1	\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(DEMO_VENV)/.installed ## paint the built-in scene, or CLIP=my.mp4, and say where the results are
	@$(DEMO_VENV)/bin/python -m realtime.commands.demo $(if $(CLIP),"$(CLIP)")

test: $(TEST_VENV)/.installed ## run the tests
	@$(TEST_VENV)/bin/python -m pytest $(SPREAD)

check: $(TEST_VENV)/.installed ## ruff, mypy --strict and the tests
	@$(TEST_VENV)/bin/ruff check .
	@$(TEST_VENV)/bin/mypy
	@$(TEST_VENV)/bin/python -m pytest $(SPREAD) --hypothesis-profile default

fuzz: $(TEST_VENV)/.installed ## each reader of foreign bytes for SECONDS=600
	@PYTHONPATH=. nice -n 19 $(TEST_VENV)/bin/python -W error tests/fuzz_foreign_bytes.py --seconds $(SECONDS)

test-camera: $(TEST_VENV)/.installed ## a webcam and a virtual camera, in a guest under QEMU
	@$(TEST_VENV)/bin/python $(PIP_INSTALL) --editable '.[virtualcam]'
	@$(TEST_VENV)/bin/python tests/camera_guest.py

campaign: $(TEST_VENV)/.installed ## 300 files of every kind through `impasto video`, a quarter of an hour at most
	@$(TEST_VENV)/bin/python tests/campaign.py

faults: $(TEST_VENV)/.installed ## kills, full disks, clocks set back: what is left; twenty minutes
	@$(TEST_VENV)/bin/python tests/faults.py

clean: ## remove the environments and what they left
	rm -rf $(DEMO_VENV) $(TEST_VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist demo
	find realtime engines trainers tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

python-is-new-enough:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "impasto needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1 || true): try make PYTHON=python3.11" >&2; exit 1; }

$(DEMO_VENV)/.installed: pyproject.toml constraints.txt | python-is-new-enough
	@echo "Installing impasto into $(@D) ..."
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python $(PIP_INSTALL) --editable .
	@touch $@

$(TEST_VENV)/.installed: pyproject.toml constraints.txt | python-is-new-enough
	@echo "Installing impasto and what its tests need into $(@D) ..."
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python $(PIP_INSTALL) --editable '.[test]'
	@touch $@
