#!/usr/bin/env bash
# Installs Zhinao from this folder, without internet. Needs python3.11 and python3.11-venv of Debian.
# usage: bash install.sh DIR   (a new folder, e.g. /opt/zhinao; PYTHON names another interpreter)
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
target=${1:?usage: ./install.sh DIR}
python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}

say() { echo "$*" >&2; exit 1; }

[ ! -e "$target" ] || [ -z "$(ls -A "$target")" ] || say "$target 不是空的；升级见 README 的“升级”"
command -v "${python:-python3.11}" >/dev/null || say "找不到 Python：请先安装 python3.11 和 python3.11-venv"
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
    say "安装包是为 Python 3.11 准备的，$python 是 $("$python" -V 2>&1)"
"$python" -c 'import ensurepip, venv' 2>/dev/null || say "缺少 venv：请安装 python3.11-venv"
echo "核对文件…"
(cd "$here" && sha256sum --quiet --check SHA256SUMS) || say "文件不完整或被改动，请重新拷贝"

mkdir -p "$target"
tar -xzf "$here"/zhinao-*.tar.gz -C "$target" --strip-components=1
"$python" -m venv "$target/.venv"
echo "安装…"
"$target/.venv/bin/python" -m pip install -qq --no-input --disable-pip-version-check \
    --no-index --find-links "$here/wheels" -r "$target/requirements.txt"
touch "$target/.venv/run.stamp"  # for `make run`: everything is there
echo "已装到 $target。接着：cd $target && .venv/bin/python -m etl demo --home var && .venv/bin/python app.py"
