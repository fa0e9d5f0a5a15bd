# 智脑 Zhinao. A plain Debian 12 with git, make, python3.11 and python3.11-venv is enough.
VENV := .venv
PY := $(VENV)/bin/python
export PYTHON PORT ZHINAO_HOME ZHINAO_SITE

.PHONY: help run test bench soak lint audit wheelhouse

help:
	@echo "make run    生成演示县（一次），在 http://127.0.0.1:8050 提供大屏；PORT、ZHINAO_HOME 可改；Ctrl-C 结束"
	@echo "make test   装好测试所需的一切并运行测试；ARGS=... 传给 pytest"
	@echo "make bench  测量所有性能指标；NAME=... 只测其中几项"
	@echo "make soak   长时间测试"
	@echo "make lint   代码格式与类型检查"
	@echo "make wheelhouse  备好离线安装所需的一切；DIR=... 放到哪里"
	@echo "make audit  已知漏洞检查（需要能访问 PyPI）"

run: $(VENV)/run.stamp
	@exec $(PY) tools/start.py

# Twice the cores of a small machine: tests of a wall wait long for clocks of its page.
# Compiled modules are kept even where a container asks not to: workers and servers are many.
test: $(VENV)/dev.stamp
	@tools/need.sh chromium fonts-noto-cjk postgresql mosquitto nginx redis-server openssl
	@PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -m "not soak" -rs -n 4 --dist worksteal $(ARGS)

bench: $(VENV)/dev.stamp
	@$(PY) -m bench $(NAME)

soak: $(VENV)/dev.stamp
	@tools/need.sh chromium fonts-noto-cjk postgresql mosquitto nginx redis-server openssl
	@$(PY) -m pytest -m soak -rs --timeout=0 $(ARGS)

lint: $(VENV)/dev.stamp
	@tools/need.sh nodejs
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/pyright

audit: $(VENV)/dev.stamp
	@$(VENV)/bin/pip-audit --requirement requirements.txt --disable-pip --no-deps

wheelhouse: $(VENV)/run.stamp
	@tools/wheelhouse.sh $(or $(DIR),wheelhouse)

$(VENV)/run.stamp: requirements.txt
	@tools/install.sh $(VENV) $<
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt requirements.txt
	@tools/install.sh $(VENV) $<
	@touch $@ $(VENV)/run.stamp
