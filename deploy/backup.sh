#!/usr/bin/env bash
# Backs the centre up into a folder of dated files and deletes those that are older than wanted.
#   ZHINAO_BACKUPS       the folder, on another disk than the home      (needed)
#   ZHINAO_BACKUPS_KEPT  days                                           [30]
set -euo pipefail
: "${ZHINAO_BACKUPS:?ZHINAO_BACKUPS is not set: the folder for the backups}"
cd "$(dirname "$(readlink -f "$0")")/.."
umask 077
mkdir -p "$ZHINAO_BACKUPS"
"${PYTHON:-.venv/bin/python}" -m upkeep backup --to "$ZHINAO_BACKUPS/zhinao-$(date +%Y%m%d-%H%M%S).tar.zst"
# Only once there is a new one; and never one that is not ours.
find "$ZHINAO_BACKUPS" -maxdepth 1 -type f -name 'zhinao-*.tar.zst' -mtime "+${ZHINAO_BACKUPS_KEPT:-30}" -delete
