#!/usr/bin/env bash
# Makes the virtual environment where there is none and installs a requirements file into it.
# usage: tools/install.sh VENV REQUIREMENTS   (PYTHON names another interpreter)
set -euo pipefail
venv=$1 requirements=$2
python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}

say() { echo "$*" >&2; exit 1; }

if [ ! -x "$venv/bin/pip" ]; then
    command -v "${python:-python3.11}" >/dev/null || say "找不到 ${python:-Python}：请先安装 python3.11 和 python3.11-venv"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        say "需要 Python 3.11 或更新，$python 是 $("$python" -V 2>&1)；可用 make PYTHON=... 指定"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        say "缺少 venv：apt-get install python3.11-venv"
    "$python" -m venv --clear "$venv"
fi
echo "安装 $requirements（首次需几分钟）…"
"$venv/bin/python" -m pip install -qq --no-input --disable-pip-version-check -r "$requirements"
