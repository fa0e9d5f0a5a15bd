#!/usr/bin/env bash
# Makes this folder the Zhinao that runs for good on this machine: its user, its settings, its units and
# the command `zhinao`. From a newer folder it upgrades: a backup by the old program, then the new one.
# usage, as root: bash /opt/zhinao-VERSION/deploy/service.sh
set -euo pipefail
umask 022
here=$(dirname "$(dirname "$(readlink -f "$0")")")
link=/opt/zhinao
settings=/etc/zhinao/zhinao.env
units=/etc/systemd/system
ours=(zhinao zhinao-watch zhinao-sensors zhinao-backup)
owner=zhinao
state=/var/lib/zhinao

say() { echo "$*" >&2; exit 1; }

setting() { sed -n "s/^$1=//p" "$settings" | tail -n 1 | tr -d '\r'; }

# A page that a browser on this machine would get.
answers() { (exec 3<>"/dev/tcp/${host/#0.0.0.0/127.0.0.1}/$port") 2>/dev/null; }

is_running() { systemctl is-active --quiet "$1"; }

as_owner() { setpriv --reuid "$owner" --regid "$(id -g "$owner")" --init-groups "$@"; }

# A folder of the owner's: made where there is none, and what is there is never given to anybody. Where
# the owner could have put a link, it is made with the owner's rights: root's would follow it anywhere.
make_folder() {
    local folder=$1
    if [ ! -d "$folder" ]; then
        if may_be_led_away "$folder"; then
            as_owner mkdir -p -m 0700 -- "$folder" || say "$owner 不能建立 $folder（路上有链接）：请自己建好再运行"
        else
            install -d -m 0700 -o "$owner" -g "$(id -g "$owner")" -- "$folder"
        fi
    fi
    as_owner test -w "$folder" || say "$owner 不能写 $folder（实为 $(readlink -f -- "$folder")）：请核对后用 chown 交给它"
}

# Whether a folder above it is a link, or the owner's to change.
may_be_led_away() {
    local above=$1
    while [ "$above" != / ]; do
        above=$(dirname -- "$above")
        if [ -L "$above" ] || as_owner test -w "$above" || as_owner test -O "$above"; then return 0; fi
    done
    return 1
}

[ "$0" = "${BASH_SOURCE[0]}" ] || return 0  # read for its functions

[ "$(id -u)" = 0 ] || say "请用 root 运行"
[ -x "$here/.venv/bin/python" ] || say "$here 里还没有 .venv：请先运行 install.sh"
[ "$here" != "$link" ] || say "程序须装在带版本号的目录，如 /opt/zhinao-0.1.0；$link 是指向它的链接"
[ -L "$link" ] || [ ! -e "$link" ] || say "$link 是一个目录，不是链接：请先把它改名"

id zhinao >/dev/null 2>&1 ||
    useradd --system --user-group --home-dir /var/lib/zhinao --no-create-home --shell /usr/sbin/nologin zhinao
install -d -m 0755 /etc/zhinao
[ -e "$settings" ] || install -m 0600 "$here/deploy/zhinao.env.example" "$settings"
home=$(setting ZHINAO_HOME) backups=$(setting ZHINAO_BACKUPS) anchor=$(setting ZHINAO_AUDIT_ANCHOR)
host=$(setting HOST) port=$(setting PORT)
host=${host:-127.0.0.1} port=${port:-8050}
[ -n "$home" ] || say "$settings 里没有 ZHINAO_HOME"
for folder in "$home" "${backups:-/}"; do
    [[ $folder = /* ]] || say "$settings 里的目录须从 / 写起：$folder"
done
[ ! -L "$state" ] || say "$state 是链接：请换成目录，或挂载到这里"
install -d -m 0700 -o "$owner" -g "$owner" "$state"
make_folder "$home"
[ -z "$backups" ] || make_folder "$backups"

again=()
if [ -L "$link" ] && [ "$(readlink -f "$link")" != "$here" ]; then
    if [ -n "$backups" ] && [ -e "$home/CURRENT" ]; then
        echo "升级之前先备份到 $backups…"
        systemctl start zhinao-backup || say "没有备份成，没有升级；原因：journalctl -u zhinao-backup"
    fi
    for unit in zhinao-sensors; do
        if is_running "$unit"; then again+=("$unit"); fi
    done
    systemctl stop zhinao-watch zhinao zhinao-sensors
fi
ln -sfnT "$here" "$link"
ln -sfnT "$link/deploy/zhinao.sh" /usr/local/bin/zhinao
for unit in "${ours[@]}"; do
    install -m 0644 "$here/deploy/$unit.service" "$units/"
    # The folders of the settings: units may write nowhere else.
    install -d "$units/$unit.service.d"
    {
        echo "[Service]"
        for folder in "$home" "$backups" "${anchor%/*}"; do
            if [ -n "$folder" ]; then echo "ReadWritePaths=\"-$folder\""; fi
        done
    } >"$units/$unit.service.d/folders.conf"
done
install -m 0644 "$here/deploy/zhinao-backup.timer" "$units/"
systemctl daemon-reload
systemctl enable --quiet zhinao zhinao-watch ${backups:+zhinao-backup.timer}
systemctl restart zhinao zhinao-watch "${again[@]}" ${backups:+zhinao-backup.timer}

for _ in {1..60}; do
    if answers; then break; fi
    sleep 1
done
answers || say "启动了，但一分钟内没有应答；原因：journalctl -u zhinao"
echo "$link -> $here，正在运行：http://$host:$port"
echo "设置在 $settings，改后再运行一次本脚本；命令如 zhinao upkeep status"
[ -e "$home/CURRENT" ] || echo "还没有数据。试用：zhinao etl demo；自己的：zhinao etl run --site 站点目录 --input 文件所在目录"
