# make demo | test | test-system | check | fuzz | bench | bench-data | bench-peers | serve | clean. Each does its own set-up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: setup models demo test test-system check mypy pyright fuzz bench bench-data bench-peers serve lock train-ocr test-train clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	if test -e $(VENV)/.begun; then echo "The last set-up was cut off: this one begins anew."; rm -rf $(VENV); fi
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	touch $(VENV)/.begun
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	rm $(VENV)/.begun
	touch $@

models: setup
	$(BIN)/ekyc models install

demo: models
	$(BIN)/ekyc demo

# Unit and real-model tests, then lint, types and layers. Parts that lack models or data say so and skip.
test: models
	$(BIN)/python -m pytest -n auto -q
	$(MAKE) --no-print-directory check

# The two judges of types take a core each.
check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory -j2 --output-sync=target mypy pyright

mypy pyright: setup
	$(BIN)/$@

# Independent judges (openssl, pdfsig, qpdf), the built wheel in an empty environment. Installs what Debian offers.
test-system: models
	scripts/install-judges
	$(BIN)/python -m pytest -m system -n auto --dist loadfile --no-loadscope-reorder -q -rs

# One target, or all with RUNS=1000 to look whether they work: make fuzz TARGETS=dg13 RUNS=1000000. The target pdf starts
# a process for every input and is run by name only.
FUZZ_TARGETS := apdu cms_attributes csca_list cwt details dg13 dg2 jws_signature mrz pages pdf_rendering pdf_tail \
	picture qr relay sd_jwt_presentation security_infos sod status_list tlv xml_signature
TARGETS ?= $(FUZZ_TARGETS)
RUNS ?= 1000000

fuzz: setup
	$(BIN)/python -m pip install --quiet --require-hashes -r tests/fuzz/requirements.txt
	set -e; for target in $(TARGETS); do $(BIN)/python tests/fuzz/run.py $$target -runs=$(RUNS); done

bench: models
	$(BIN)/ekyc bench run inference --out reports/inference.json

# Fonts of the OCR benchmark, and the environment of other engines that `ekyc bench run ... --peers` measures beside ours.
bench-data:
	scripts/install-bench-data

PEERS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ekyc/peers-venv

bench-peers: bench-data
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --require-hashes -r scripts/peers-requirements.txt

# The line recogniser's weights from nothing, in an environment of its own: hours of two cores. Stopped and started
# again it goes on. Weights, vocabulary and calibration end up in $(TRAIN_RUN)/export; docs: ocr/data/MODEL_CARD.md.
TRAIN := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ekyc/train-venv
TRAIN_RUN ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ekyc/train-runs/recogniser
TRAIN_MINUTES ?= 100

$(TRAIN)/.installed: ocr/training/requirements.txt
	test -x $(TRAIN)/bin/python || $(PYTHON) -m venv $(TRAIN)
	$(TRAIN)/bin/python -m pip install --quiet -r ocr/training/requirements.txt
	touch $@

train-ocr: models $(TRAIN)/.installed
	PYTHON=$(TRAIN)/bin/python ocr/training/install-fonts
	PYTHON=$(TRAIN)/bin/python ocr/training/recipe $(TRAIN_RUN) $(TRAIN_MINUTES)

# A minute's training of a tiny net must improve its loss. Skipped aloud where the CPU wheel of torch is not offered.
test-train:
	@if $(MAKE) --no-print-directory $(TRAIN)/.installed; then \
	  PYTHONPATH=.:ocr OMP_NUM_THREADS=1 $(TRAIN)/bin/python -m training.trial; \
	else echo "SKIPPED test-train: torch 2.13.0+cpu cannot be installed here"; fi

serve: models
	$(BIN)/ekyc serve

# Renew the lock (needs uv); the header is left out so that the file names no machine.
lock:
	uv pip compile --universal --generate-hashes --no-header --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) build dist *.egg-info .cache .pytest_cache .hypothesis ekyc-demo reports
