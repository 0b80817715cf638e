# All commands of the project. `make help` lists them; each command installs what it needs.
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3 python3.13 python3.14 python3.12 python3.11 python; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
BUILT := tests/bench/.build
PUBSUB ?= auto
PORT ?= 8080
DIST ?= dist

# the commands start many processes, and with this variable each would compile every module again
unexport PYTHONDONTWRITEBYTECODE

# make splits the names of targets at blanks, so VENV must have none; the folder of the clone may have some
ifneq ($(words $(VENV)),1)
$(error VENV is "$(VENV)": choose a path without blanks for the virtual environment)
endif

# a variable that nothing here reads, such as type=co2 for TYPE=co2, is an error, because make would ignore it
GIVEN := $(foreach name,$(foreach word,$(MAKEOVERRIDES),$(firstword $(subst =, ,$(word)))),$(if $(filter command,$(origin $(name))),$(name)))
ifneq ($(GIVEN),)
MENTIONED := $(shell grep -oE '[A-Z][A-Z_]+' $(firstword $(MAKEFILE_LIST)))
UNKNOWN := $(filter-out $(MENTIONED),$(GIVEN))
ifneq ($(UNKNOWN),)
MEANT := $(filter $(MENTIONED),$(shell echo "$(UNKNOWN)" | tr a-z A-Z))
$(error no command of this Makefile reads the variable $(UNKNOWN): $(if $(MEANT),did you mean $(MEANT)?,make help shows the variables))
endif
endif

.PHONY: help run serve send sign rehearse sandbox fault test coverage covered test-tools test-deploy test-install test-web test-examples picture heat-map day prove bench bench-gate scaling check lint types audit mutate format lock schema wheel clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.runtime  ## send one signed event of each type through the function
	@exec $(BIN)/python -m tests.emulators run --pubsub $(PUBSUB)

serve: $(VENV)/.runtime  ## keep it running on PORT=8080, show each request; LOG=1
	@exec $(BIN)/python -m tests.emulators serve --pubsub $(PUBSUB) --port $(PORT) $(if $(filter-out 0,$(LOG)),--log)

# the shell, not make, puts in what a user writes, so that a file's name may have blanks
send: $(VENV)/.runtime  ## send events to serve: TYPE=co2 or all, FILE=, RATE=, COUNT=
	@exec $(BIN)/python -m tests.emulators send --port $(PORT) $(if $(TYPE),--type "$$TYPE") $(if $(FILE),--file "$$FILE") \
		$(if $(AS_IS),--as-is) $(if $(RATE),--rate "$$RATE") $(if $(COUNT),--count "$$COUNT")

sign: $(VENV)/.runtime  ## print the headers that sign FILE=body.json for serve
	@exec $(BIN)/python -m tests.emulators sign --port $(PORT) $(if $(FILE),--file "$$FILE")

rehearse: $(VENV)/.clouds  ## run a whole deployment on this machine, with real gcloud
	@exec $(BIN)/python -m tests.emulators rehearse --pubsub $(PUBSUB)

sandbox: $(VENV)/.clouds  ## keep both offline clouds up, with a shell in them
	@exec $(BIN)/python -m tests.emulators sandbox $(SANDBOX)

fault: $(VENV)/.deploy  ## list the sandbox's faults; NAME=pubsub-down begins one
	@exec $(BIN)/python -m tests.emulators fault $(if $(filter command line,$(origin NAME)),"$$NAME")

test: $(VENV)/.tests  ## run all tests of the product
	@exec $(BIN)/python -m pytest $(PYTEST)

prove: $(VENV)/.tests  ## fault-injection and load tests; PROVE="zero-loss --short"
	@exec $(BIN)/python -m tests.prove $(PROVE)

bench: $(BUILT)/.tools $(BUILT)/.project $(BUILT)/.plain $(BUILT)/.node  ## update docs/performance.md; BENCH="share imports"
	@exec $(BUILT)/tools/bin/python -m tests.bench --project $(BUILT)/project/bin/python --plain $(BUILT)/plain/bin/python --node $(BUILT)/node $(BENCH)

bench-gate: $(VENV)/.tests  ## instructions and system calls per event: fails at +5 %
	@exec $(BIN)/python -m tests.bench.counts $(GATE)

scaling: $(VENV)/.tests  ## update docs/scaling.md: capacity and cost model
	@exec $(BIN)/python -m tests.bench.scaling

# the files that have tests with a mark, because to collect all tests takes longer; none if PYTEST names tests itself
MARKED = $(if $(filter tests/%,$(PYTEST)),,$(shell grep -rlE '$(1)' tests --include='test_*.py'))

test-tools: $(VENV)/.tests  ## test the bench, the sandbox, the workbench, the stand-ins
	@exec $(BIN)/python -m pytest -m tools $(call MARKED,mark[.]tools) $(PYTEST)

test-deploy: $(VENV)/.tests  ## test deployments with gcloud and injected failures; minutes
	@exec $(BIN)/python -m pytest -m real_gcloud -n 3 --dist worksteal $(call MARKED,mark[.]real_gcloud|REAL_GCLOUD|THOROUGH) $(PYTEST)

test-install: $(VENV)/.tests  ## install the locks with old and new pips; needs an index
	@exec $(BIN)/python -m pytest -m installs -n 2 --dist loadfile $(call MARKED,mark[.]installs) $(PYTEST)

test-web: $(VENV)/.web  ## test the live page in Chromium
	@$(BIN)/python -m tests.web.chromium
	@exec $(BIN)/python -m pytest -m web -n 2 tests/web $(PYTEST)

test-examples: $(VENV)/.tests $(VENV)/.beam $(VENV)/.plot  ## run the examples with Beam and matplotlib; needs an index
	@EXAMPLES_VENVS="$(abspath $(VENV))" exec $(BIN)/python -m pytest -m examples -n 0 tests/examples $(PYTEST)

picture: $(VENV)/.web  ## make the picture of the live page
	@$(BIN)/python -m tests.web.chromium
	@exec $(BIN)/python -m tests.web.picture docs/pictures/live-page.png

heat-map: $(VENV)/.deploy  ## make the picture of an audit
	@exec $(BIN)/python -m tests.deploy.repair.audit.audited_day docs/pictures/audit.svg

day: $(VENV)/.tests $(VENV)/.plot  ## make the day of the example that plots, and its picture
	@$(BIN)/python -m tests.examples.a_day docs/examples/plot/a-day.jsonl
	@exec $(VENV)/plot/bin/python docs/examples/plot/plot_day.py docs/examples/plot/a-day.jsonl 2026-11-02 docs/pictures/a-day.png --zone=Europe/Oslo

# test itself measures no coverage, because measured tests in process take twice their time
coverage: $(VENV)/.tests  ## test, and at least 95 % coverage of function/ and deploy/
	@$(BIN)/python -m pytest --cov --cov-report= $(PYTEST)
	@$(MAKE) --no-print-directory covered

covered: $(VENV)/.tests  ## check the coverage that tests with --cov measured
	@failed=0; for package in function deploy; do \
		echo "coverage of $$package/:"; \
		$(BIN)/python -m coverage report --include="$$package/*" --show-missing --skip-covered --fail-under=95 || failed=1; done; exit $$failed

check: lint types audit coverage  ## lint, types, audit and coverage; run it before a commit

lint: $(VENV)/.tests  ## ruff: rules and formatting; import-linter: imports
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -c 'import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))'

types: $(VENV)/.tests  ## mypy in strict mode, for Linux and for Windows
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy --platform win32 --cache-dir .mypy_cache/win32 main.py function deploy

audit: $(VENV)/.tools  ## check hashes, licences, vulnerabilities, secrets
	@exec $(BIN)/python -m tests.audit

mutate: $(VENV)/.tools  ## mutation testing; MUTATE="deploy/stages/plan": a part
	@exec $(BIN)/python -m tests.prove.mutants $(MUTATE)

format: $(VENV)/.tests  ## format the code with ruff
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

lock: $(VENV)/.venv  ## pin and hash all requirements; UPGRADE= keeps versions
	$(BIN)/python -m pip install -qq uv
	$(BIN)/python -m uv pip compile requirements.in -o requirements.txt $(LOCK)
	$(BIN)/python -m uv pip compile deploy/requirements.in -o deploy/requirements.txt $(LOCK)
	$(BIN)/python -m uv pip compile tests/requirements.in -o tests/requirements.txt $(LOCK)
	$(BIN)/python -m uv pip compile tests/tools.in -o tests/tools.txt $(LOCK)
	$(BIN)/python -m uv pip compile tests/emulators/requirements.in -o tests/emulators/requirements.txt $(LOCK)
	$(BIN)/python -m uv pip compile tests/web/requirements.in -o tests/web/requirements.txt $(LOCK)
	$(BIN)/python -m uv pip compile docs/examples/beam/requirements.in -o docs/examples/beam/requirements.txt $(LOCK)
	$(BIN)/python -m uv pip compile docs/examples/plot/requirements.in -o docs/examples/plot/requirements.txt $(LOCK)
	$(BIN)/python -m uv pip compile tests/bench/requirements.in -o tests/bench/requirements.txt $(LOCK)
	$(BIN)/python -m uv pip compile tests/bench/plain.in -o tests/bench/plain.txt $(LOCK)
	$(BIN)/python -m tests.locks requirements.txt deploy/requirements.txt tests/requirements.txt tests/tools.txt tests/emulators/requirements.txt tests/web/requirements.txt tests/bench/requirements.txt tests/bench/plain.txt docs/examples/beam/requirements.txt docs/examples/plot/requirements.txt
# --no-strip-extras, because a pip before 23.3 needs the extras, and Google's build installs requirements.txt with its own pip
UPGRADE ?= --upgrade
LOCK := $(UPGRADE) --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --custom-compile-command "make lock"

schema: $(VENV)/.tests  ## write docs/schema/ and docs/asyncapi.json from the types
	@exec $(BIN)/python -m tests.contract

wheel: $(VENV)/.tests  ## build the wheel of the command dt-pubsub into dist/
	@exec $(BIN)/python -m hatchling build -d "$(DIST)"

clean:  ## remove environments, builds and caches
	rm -rf $(VENV) $(BUILT) dist .workbench-* .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.venv:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name its path: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is not a Python 3.11 or newer: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "making $(VENV), a virtual environment for $(PYTHON) ..."
	@said="$$("$(PYTHON)" -m venv $(VENV) 2>&1)" || { echo "$$said" >&2; echo "$(PYTHON) cannot make a virtual environment: install its venv module (Debian: apt install python3-venv)" >&2; exit 1; }
	@touch $@

$(VENV)/.runtime: requirements.txt | $(VENV)/.venv
	@echo "installing the function's packages into $(VENV) (once, up to a minute) ..."
	@$(BIN)/python -m tests.install requirements.txt
	@touch $@

$(VENV)/.deploy: deploy/requirements.txt $(VENV)/.runtime
	@echo "installing the deployment's packages into $(VENV) ..."
	@$(BIN)/python -m tests.install deploy/requirements.txt
	@touch $@

$(VENV)/.clouds: tests/emulators/requirements.txt $(VENV)/.deploy
	@echo "installing the packages of the offline clouds into $(VENV) ..."
	@$(BIN)/python -m tests.install tests/emulators/requirements.txt
	@touch $@

$(VENV)/.tests: tests/requirements.txt requirements.txt | $(VENV)/.venv
	@echo "installing the tests' packages into $(VENV) (once, up to a minute) ..."
	@$(BIN)/python -m tests.install tests/requirements.txt
	@touch $@

$(VENV)/.web: tests/web/requirements.txt $(VENV)/.tests
	@echo "installing the packages of test-web into $(VENV) ..."
	@$(BIN)/python -m tests.install tests/web/requirements.txt
	@touch $@

$(VENV)/.tools: tests/tools.txt $(VENV)/.tests
	@echo "installing the packages of audit and mutate into $(VENV) ..."
	@$(BIN)/python -m tests.install tests/tools.txt
	@touch $@

# the optional requirements of two examples, each in an environment of its own
$(VENV)/.beam: docs/examples/beam/requirements.txt
$(VENV)/.plot: docs/examples/plot/requirements.txt
$(VENV)/.beam $(VENV)/.plot: | $(VENV)/.venv
	@echo "installing $< into $(@:$(VENV)/.%=$(VENV)/%) ..."
	@$(BIN)/python -m venv $(@:$(VENV)/.%=$(VENV)/%)
	@$(@:$(VENV)/.%=$(VENV)/%)/bin/python -m tests.install $< || { echo "NOT CHECKED: the example in $(<D) needs packages that cannot be installed here" >&2; exit 1; }
	@touch $@

# three environments: the benchmark's own, this project's as deployed, and that of a user's function
$(BUILT)/.tools: tests/bench/requirements.txt
$(BUILT)/.project: requirements.txt
$(BUILT)/.plain: tests/bench/plain.txt
$(BUILT)/.tools $(BUILT)/.project $(BUILT)/.plain: | $(VENV)/.venv
	@echo "installing $< into $(@:$(BUILT)/.%=$(BUILT)/%) ..."
	@$(BIN)/python -m venv $(@:$(BUILT)/.%=$(BUILT)/%)
	@$(@:$(BUILT)/.%=$(BUILT)/%)/bin/python -m tests.install $<
	@touch $@

# without node, or if npm cannot install, the benchmark reports the variant as NOT MEASURED
$(BUILT)/.node: tests/bench/variants/node/index.js tests/bench/variants/node/package-lock.json
	@mkdir -p $(BUILT)/node && cp tests/bench/variants/node/*.js* $(BUILT)/node/
	@if command -v node >/dev/null && command -v npm >/dev/null; then \
		echo "installing the Node.js variant's packages into $(BUILT) ..." && \
		(cd $(BUILT)/node && npm ci --ignore-scripts --silent --no-audit --no-fund) && touch $@; fi || true
