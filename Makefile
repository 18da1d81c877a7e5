# Kenal's front door. `make` alone lists what there is.
# Settings are KENAL_* variables, from the environment, from .env, or given here:
#   make serve KENAL_PORT=8080

PYTHON_IN_VENV := .venv/bin/python
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help serve setup setup-dev setup-bench setup-training prepare test check lint demo bench bench-accuracy bench-index bench-index-building clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-21s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

serve: setup ## Install what is needed and run API, watcher and FTP, until Ctrl-C
	@PATH="$(CURDIR)/.venv/bin:$$PATH" exec $(PYTHON_IN_VENV) -m scripts.serve --prepare

setup: ## Create .venv with what the service needs
	@scripts/setup.sh requirements.txt

setup-dev:
	@scripts/setup.sh requirements-dev.txt

setup-training: ## Add what training and evaluation draw with
	@scripts/setup.sh requirements-training.txt

setup-bench: ## Add what the index is compared with and plotted by
	@scripts/setup.sh requirements-bench.txt

prepare: setup ## Create or upgrade the database, prepare the networks
	@$(PYTHON_IN_VENV) -m scripts.prepare

test: setup-dev ## Run the tests
	@$(PYTHON_IN_VENV) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: lint test ## Everything that must be clean before a commit

lint: setup-dev ## Style, types and layers
	@$(PYTHON_IN_VENV) -m ruff check
	@$(PYTHON_IN_VENV) -m ruff format --check
	@$(PYTHON_IN_VENV) -m mypy
	@$(PYTHON_IN_VENV) .venv/bin/lint-imports

demo: setup-dev ## Enroll a public photo, recognize a changed one, refuse a stranger
	@$(PYTHON_IN_VENV) -m scripts.demo

bench: setup-bench ## Measure the whole path beside the plain program: ARGS="--parts process"
	@$(PYTHON_IN_VENV) -m benchmarks.speed $(ARGS)

bench-accuracy: setup-dev ## Measure false accepts and false rejects of the networks
	@$(PYTHON_IN_VENV) -m benchmarks.accuracy

bench-index: setup-bench ## Compare vector indexes: ARGS="--sizes 10000 --dims 512"
	@$(PYTHON_IN_VENV) -m benchmarks.index $(ARGS)

bench-index-building: setup-bench ## Measure searches while the index is built, or ARGS=--start
	@$(PYTHON_IN_VENV) -m benchmarks.index_building $(ARGS)

clean: ## Remove .venv and caches; data in var/ and photo_storage/ stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
