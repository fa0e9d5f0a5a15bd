#!/usr/bin/env bash
# Gathers all that a machine without internet needs into one folder: the wheels, the program, and
# install.sh. To be run on a machine with internet, of the same Debian and Python as the other one.
# usage: tools/wheelhouse.sh DIR   (PYTHON names the interpreter whose pip is asked)
set -euo pipefail
target=${1:?usage: tools/wheelhouse.sh DIR}
cd "$(dirname "$(readlink -f "$0")")/.."
python=${PYTHON:-.venv/bin/python}

mkdir -p "$target/wheels"
[ -z "$(ls "$target/wheels")" ] || { echo "$target/wheels 不是空的" >&2; exit 1; }
echo "下载 requirements.txt 所列的安装包…"
"$python" -m pip download -qq --disable-pip-version-check --only-binary=:all: --dest "$target/wheels" \
    -r requirements.txt
version=$("$python" -c 'import tomllib; print(tomllib.load(open("pyproject.toml", "rb"))["project"]["version"])')
git archive --format=tar.gz --prefix=zhinao/ --output "$(readlink -f "$target")/zhinao-$version.tar.gz" HEAD
cp tools/offline/install.sh "$target/install.sh"
(cd "$target" && find wheels zhinao-*.tar.gz install.sh -type f -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS)
echo "$target：$(ls "$target/wheels" | wc -l) 个安装包，共 $(du -sh "$target" | cut -f1)；整个目录拷到目标机，以 root 运行 bash install.sh"
