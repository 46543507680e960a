# The commands for developers and build servers. Each target first installs its tools, once.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --silent
PYTHON ?= python3
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

# The emulator has a separate environment, so that the Lambda functions cannot import test packages.
EMULATOR := .local/venv/bin/python
TOOLS := .venv/bin
TEST_TOOLS := .venv/installed .local/venv/installed .local/security/installed .local/generators/installed \
	node_modules/installed

UP_OPTIONS = $(if $(PORT),--port $(PORT)) $(if $(LAMBDA_ENDPOINT),--lambda-endpoint $(LAMBDA_ENDPOINT)) \
	$(if $(filter 1,$(DOCKER)),--docker) $(if $(filter 1,$(KEEP)),--keep) \
	$(if $(filter 1,$(AUTH)),--auth) $(if $(REPOURI),--repouri $(REPOURI)) $(if $(SPEED),--speed $(SPEED))

.PHONY: help setup cli up down logs push demo lint security test proofs test-busy check acceptance template-check reference lock crash \
	races stateful fuzz attack mutants scale rates bench bench-swap clean

help: ## List the targets
	sed -n -e 's/^##@ \(.*\)/\n\1/p' -e 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 14

##@ Use the service on this machine

setup: ## Install the laptop cloud and the deploy tool
	$(MAKE) -j2 .local/venv/installed node_modules/installed $(if $(filter 1,$(DOCKER)),.local/venv/docker)

cli: .local/cli/installed ## Install the command line into .local/cli: .local/cli/bin/devops --help

up: setup ## Start the laptop cloud with the service (PORT= AUTH=1 DOCKER=1 KEEP=1 REPOURI= SPEED= LAMBDA_ENDPOINT=)
	$(EMULATOR) -m tools.laptop up $(UP_OPTIONS)

down: ## Stop the laptop cloud and its processes
	if [ -x $(EMULATOR) ]; then $(EMULATOR) -m tools.laptop down; else echo "Nothing was running."; fi

logs: .local/venv/installed ## Show the log of the Lambda functions (APP=name OPERATION=id FOLLOW=1)
	$(EMULATOR) -m tools.laptop logs $(if $(filter 1,$(FOLLOW)),--follow) \
		$(if $(APP),--application $(APP)) $(if $(OPERATION),--operation $(OPERATION))

push: .local/venv/installed ## Push an image (IMAGE=name:tag, BEHAVIOUR=crash or unhealthy, ERRORS=percent)
	$(EMULATOR) -m tools.laptop push $(IMAGE) $(if $(BEHAVIOUR),--$(BEHAVIOUR)) $(if $(ERRORS),--errors $(ERRORS))

demo: setup ## Demonstrate the service on a laptop cloud
	$(EMULATOR) -m tools.laptop.demo

##@ Check a change (durations: two idle cores, after the installation)

lint: .venv/installed ## Check format, style, types, imports and templates
	$(TOOLS)/ruff format --check .
	$(TOOLS)/ruff check .
	$(TOOLS)/mypy
	$(TOOLS)/lint-imports
	$(TOOLS)/cfn-lint cloudformation/*.yml docs/examples/*.yml

security: ## Search for security problems with six tools (2 min; ARGS="checkov", ARGS=--online)
	$(MAKE) -j3 .venv/installed .local/security/installed node_modules/installed
	$(TOOLS)/python -m tools.security $(ARGS)

test: ## Run the tests of each module and one story on a laptop cloud (8 min; ARGS=paths)
	$(MAKE) -j5 $(TEST_TOOLS)
	$(TOOLS)/python -m pytest -n auto --cov --cov-report=term-missing $(ARGS)

proofs: ## Run all proofs in CI size: crash, races, stateful, scale, rates, laptop, fuzz, attack (25 min)
	$(MAKE) -j5 $(TEST_TOOLS)
	$(TOOLS)/python -m pytest -n auto tests/proofs
	$(MAKE) fuzz
	$(MAKE) attack

# A loop ends with the shell that started it, also after Ctrl-C or a failure.
test-busy: ## Run test and proofs while two other processes use both cores (one hour)
	busy() { while kill -0 $$$$ 2>/dev/null; do :; done; }; \
	busy & busy & \
	$(MAKE) test && $(MAKE) proofs

check: lint security test proofs ## Run all checks that a change must pass

acceptance: .venv/installed ## Test an installation with a small application (API_URL=, ARGS=--help)
	$(TOOLS)/python -m tools.acceptance $(ARGS)

template-check: .venv/installed ## Check a custom application template (FILE=path)
	$(TOOLS)/python -m tools.template_check $(FILE)

reference: .venv/installed ## Generate docs/openapi.yml, docs/api.md and the tables of other pages
	$(TOOLS)/python -m tools.contract.reference

# The packages of the command line and of its build, for all platforms and supported versions.
lock: .local/lock/installed ## Renew the hashes in devops_cli/requirements.lock after a change of versions
	sed -n '/^requires = \[/,/^\]/s/^ *"\([^"]*\)".*/\1/p' pyproject.toml | \
	.local/lock/venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--only-binary :all: --emit-build-options --no-annotate --upgrade --custom-compile-command "make lock" \
		--output-file devops_cli/requirements.lock devops_cli/requirements.txt -

##@ Full proofs and measurements

crash: .venv/installed ## Inject every fault into every outgoing call (75 min; ARGS= for a selection)
	$(TOOLS)/python -m tests.proofs.crash $(ARGS)

races: .venv/installed ## Run every interleaving of two callers (2 min; ARGS=--help for a selection)
	$(TOOLS)/python -m tests.proofs.races $(ARGS)

stateful: .venv/installed ## Run random sequences of calls, faults and clocks (ARGS="--seed 1 --examples 2000")
	$(TOOLS)/python -m tests.proofs.stateful $(ARGS)

fuzz: ## Send valid and invalid requests to a laptop cloud (4 min; ARGS="--full --seed 2")
	$(MAKE) -j3 .venv/installed .local/venv/installed node_modules/installed
	$(TOOLS)/python -m tests.proofs.fuzz $(ARGS)

attack: ## Send hostile calls of three callers with different rights (2 min; ARGS="--calls 300 --seed 2")
	$(MAKE) -j3 .venv/installed .local/venv/installed node_modules/installed
	$(TOOLS)/python -m tests.proofs.attack $(ARGS)

mutants: .venv/installed ## Run mutation tests: change the code and check that a test fails (25 min)
	$(TOOLS)/python -m tests.proofs.mutants $(ARGS)

scale: .venv/installed ## Count the reads and writes of each operation with 1 and with 10,000 applications
	$(TOOLS)/python -m tests.proofs.scale $(ARGS)

rates: .venv/installed ## Start many operations at once, with the published request rates of AWS (5 min)
	$(TOOLS)/python -m tests.proofs.rates $(ARGS)

bench: ## Count and time AWS calls, compared with other tools (ARGS="--rounds 9 --write")
	$(MAKE) -j4 .venv/installed .local/venv/installed node_modules/installed .local/bench/installed
	$(TOOLS)/python -m tools.bench $(ARGS)

bench-swap: ## Measure swaps under load (ARGS="--swaps 300 --write")
	$(MAKE) -j3 .venv/installed .local/venv/installed node_modules/installed
	$(TOOLS)/python -m tools.bench.swaps $(ARGS)

##@ Clean up

clean: down ## Remove all files that the other targets installed or generated
	rm -rf .local .venv node_modules .serverless mutants .coverage .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamp files, so that up-to-date tools are not installed again.
.local/venv/installed: tools/laptop/requirements.txt
	echo "installing the emulator ..."
	$(PYTHON) -m venv .local/venv
	$(EMULATOR) $(PIP_INSTALL) -r tools/laptop/requirements.txt
	touch $@

.local/venv/docker: tools/laptop/requirements-docker.txt .local/venv/installed
	$(EMULATOR) $(PIP_INSTALL) -r tools/laptop/requirements-docker.txt
	touch $@

.local/security/installed: tools/security/requirements.txt
	echo "installing checkov ..."
	$(PYTHON) -m venv .local/security/venv
	.local/security/venv/bin/python $(PIP_INSTALL) -r tools/security/requirements.txt
	touch $@

.local/generators/installed: tools/contract/requirements.txt
	echo "installing the generator of Python clients ..."
	$(PYTHON) -m venv .local/generators/venv
	.local/generators/venv/bin/python $(PIP_INSTALL) -r tools/contract/requirements.txt
	touch $@

.local/bench/installed: tools/bench/requirements.txt
	echo "installing the compared tools ..."
	$(PYTHON) -m venv .local/bench/venv
	.local/bench/venv/bin/python $(PIP_INSTALL) -r tools/bench/requirements.txt
	touch $@

.local/cli/installed: pyproject.toml devops_cli/install.sh $(wildcard devops_cli/requirements.*) $(wildcard devops_cli/*.py devops_cli/*.json devops_cli/*/*.py)
	echo "installing the command line ..."
	PYTHON=$(PYTHON) devops_cli/install.sh .local/cli
	touch $@

.local/lock/installed: tools/lock/requirements.txt
	echo "installing uv ..."
	$(PYTHON) -m venv .local/lock/venv
	.local/lock/venv/bin/python $(PIP_INSTALL) -r tools/lock/requirements.txt
	touch $@

.venv/installed: requirements-dev.txt requirements.txt devops_cli/requirements.txt
	echo "installing the test tools ..."
	$(PYTHON) -m venv .venv
	$(TOOLS)/python $(PIP_INSTALL) -r requirements-dev.txt
	touch $@

node_modules/installed: package.json package-lock.json
	echo "installing the deploy tool ..."
	npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	touch $@
