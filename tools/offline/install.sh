#!/usr/bin/env bash
# Installs Zhinao from this folder, without internet. Needs python3.11 and python3.11-venv of Debian.
# usage: bash install.sh DIR   (a new folder; by default /opt/zhinao-VERSION; PYTHON names another interpreter)
set -euo pipefail
umask 022  # whom the service runs as must be able to read it
here=$(dirname "$(readlink -f "$0")")
python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}

say() { echo "$*" >&2; exit 1; }

# What fails leaves nothing behind, so that the same command can be given again.
undo() { [ -n "${is_done:-}" ] || find "$target" -mindepth 1 -delete; }

version=$(basename "$here"/zhinao-*.tar.gz .tar.gz)
target=${1:-/opt/$version}
[ ! -e "$target" ] || [ -z "$(ls -A "$target")" ] ||
    say "$target 不是空的。已经装好的：bash $target/deploy/service.sh；要装到另一个目录：bash install.sh 目录"
command -v "${python:-python3.11}" >/dev/null ||
    say "找不到 Python：请先安装 python3.11 和 python3.11-venv（apt-get install python3.11 python3.11-venv）"
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
    say "安装包是为 Python 3.11 准备的，$python 是 $("$python" -V 2>&1)"
"$python" -c 'import ensurepip, venv' 2>/dev/null || say "缺少 venv：apt-get install python3.11-venv"
echo "核对文件…"
(cd "$here" && sha256sum --quiet --check SHA256SUMS) || say "文件不完整或被改动，请重新拷贝"

mkdir -p "$target" || say "不能建立 $target：请用 root 运行，或装到自己的目录"
trap undo EXIT
target=$(readlink -f "$target")
tar -xzf "$here"/zhinao-*.tar.gz -C "$target" --no-same-owner --strip-components=1
"$python" -m venv "$target/.venv"
echo "安装（约一分钟）…"
"$target/.venv/bin/python" -m pip --isolated install -qq --no-input --disable-pip-version-check \
    --no-index --find-links "$here/wheels" -r "$target/requirements.txt" ||
    say "没有装成；什么也没有留下"
# The service may not write here: without this it would compile everything at each start.
"$target/.venv/bin/python" -m compileall -q -x '/\.venv/' "$target"
touch "$target/.venv/run.stamp"  # for `make run`: everything is there
is_done=yes
echo "已装到 $target"
echo "试用演示县：cd $target && .venv/bin/python tools/start.py"
echo "长期运行（或升级）：bash $target/deploy/service.sh"
