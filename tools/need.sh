#!/usr/bin/env bash
# Installs the named Debian packages that are missing where this user may; else says what to do.
# usage: tools/need.sh PACKAGE...
set -euo pipefail
missing=()
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=()
elif sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
else
    echo "缺少系统软件包，请先运行：sudo apt-get install -y ${missing[*]}" >&2
    exit 1
fi
echo "安装系统软件包 ${missing[*]}…"
export DEBIAN_FRONTEND=noninteractive
install=(apt-get install -y -qq --no-install-recommends "${missing[@]}")
"${as_root[@]}" "${install[@]}" >/dev/null ||
    { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" "${install[@]}" >/dev/null; } ||
    { echo "apt 未能安装：${missing[*]}" >&2; exit 1; }
