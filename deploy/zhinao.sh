#!/usr/bin/env bash
# A command of the program as the service runs it: its user, its settings. service.sh links it as `zhinao`.
# usage, as root: zhinao etl|data|access|dispatch|upkeep WORDS...
set -euo pipefail
settings=${ZHINAO_SETTINGS:-/etc/zhinao/zhinao.env}
program=/opt/zhinao

say() { echo "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || say "请用 root 运行：sudo zhinao $*"
[ -r "$settings" ] || say "没有 $settings：请先运行 deploy/service.sh"
case ${1:-} in
    etl | data | access | dispatch | upkeep) ;;
    *) say "用法：zhinao etl|data|access|dispatch|upkeep …，例如 zhinao upkeep status" ;;
esac
# As systemd reads it: a name, =, and the value as it stands.
while IFS= read -r line || [ -n "$line" ]; do
    if [[ $line =~ ^[A-Za-z_][A-Za-z0-9_]*= ]]; then export "${line%$'\r'}"; fi
done <"$settings"
umask 077
export HOME=/var/lib/zhinao PYTHONPATH=$program PYTHONDONTWRITEBYTECODE=1
# -P: a folder `data` where somebody stands is not our package
exec setpriv --reuid zhinao --regid zhinao --init-groups "$program/.venv/bin/python" -P -m "$@"
