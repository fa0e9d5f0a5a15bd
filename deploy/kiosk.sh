#!/usr/bin/env bash
# Shows the wall on this screen for weeks: starts Chromium in kiosk mode, and starts it again when it
# crashed, hangs, or has shown no page of the wall for a minute.
#
# Settings (the environment, or /etc/zhinao/kiosk.env for the unit):
#   ZHINAO_WALL     address of the server, e.g. http://10.1.2.3:8050/ ; the page may be named, too
#   ZHINAO_TOKEN    token of this wall (python -m access devices add --kind wall)
#   ZHINAO_PROFILE  Chromium's own folder          [~/.local/state/zhinao-kiosk]
#   CHROMIUM        the browser                    [chromium]
#   CHROMIUM_FLAGS  further flags, e.g. --headless=new
#   DEVTOOLS_PORT   on loopback only               [one that is free; others may listen on a fixed one first]
#   CHECK_EVERY, PATIENCE, STARTING   seconds      [10, 60, 30]
set -euo pipefail

: "${ZHINAO_WALL:?ZHINAO_WALL is not set: the address of the wall}"
FOLDER=$(dirname "$(readlink -f "$0")")
WALL=${ZHINAO_WALL%/}
PROFILE=${ZHINAO_PROFILE:-${XDG_STATE_HOME:-$HOME/.local/state}/zhinao-kiosk}
CHROMIUM=${CHROMIUM:-chromium}
PORT=${DEVTOOLS_PORT:-0}
DEVTOOLS=${DEVTOOLS_PORT:-$PROFILE/DevToolsActivePort}  # which Chromium writes where the port is 0
CHECK_EVERY=${CHECK_EVERY:-10}
PATIENCE=${PATIENCE:-60}
STARTING=${STARTING:-30}
browser=

main() {
    mkdir -p "$PROFILE"
    chmod 700 "$PROFILE"  # its cookie lies in it
    trap 'finish 0' TERM INT HUP
    trap stop EXIT
    tell READY=1
    while true; do
        start
        watch
        stop
    done
}

start() {
    mark_as_ended_well
    # shellcheck disable=SC2086  # several flags
    env -u ZHINAO_TOKEN "$CHROMIUM" "${FLAGS[@]}" ${CHROMIUM_FLAGS:-} about:blank >/dev/null 2>&1 &
    browser=$!
    echo "kiosk: chromium $browser shows $WALL"
    # On the input, and by the shell's own printf: everybody may read the arguments of a process.
    printf '%s\n' "$(address)" | env -u ZHINAO_TOKEN "${PYTHON:-python3}" "$FOLDER/open_page.py" "$DEVTOOLS" "$STARTING" ||
        echo "kiosk: chromium does not open the wall"
}

FLAGS=(
    --kiosk --noerrdialogs --no-first-run --no-default-browser-check --hide-crash-restore-bubble
    --disable-session-crashed-bubble --disable-infobars --disable-translate --disable-pinch
    --disable-features=Translate,TranslateUI,MediaRouter,OptimizationHints
    --overscroll-history-navigation=0 --password-store=basic
    --autoplay-policy=no-user-gesture-required                   # the alarm has a sound
    --disable-background-networking --disable-component-update --disable-sync --disable-default-apps
    --disable-background-timer-throttling --disable-renderer-backgrounding
    --disable-backgrounding-occluded-windows                     # another window never slows the clock
    --disk-cache-size=104857600 --media-cache-size=1048576       # bytes
    --user-data-dir="$PROFILE"
    --remote-debugging-address=127.0.0.1 --remote-debugging-port="$PORT"
)

# With its token at every start: a Chromium that was killed may not have written its cookie down.
address() {
    if [ -n "${ZHINAO_TOKEN:-}" ]; then
        echo "$(origin)/sign-in/$ZHINAO_TOKEN?next=$(quoted "${WALL#"$(origin)"}/")"
    else
        echo "$WALL/"
    fi
}

origin() { echo "$WALL" | sed -E 's#^([a-z]+://[^/]+).*#\1#'; }
quoted() { "${PYTHON:-python3}" -c 'import sys, urllib.parse as u; print(u.quote(sys.argv[1]))' "$1"; }

# After a power cut Chromium would offer to restore its windows, over the wall.
mark_as_ended_well() {
    rm -f "$PROFILE"/Singleton* "$PROFILE/DevToolsActivePort"  # another may listen there by now
    local settings="$PROFILE/Default/Preferences"
    [ ! -f "$settings" ] ||
        sed -i 's/"exit_type":"[^"]*"/"exit_type":"Normal"/; s/"exited_cleanly":false/"exited_cleanly":true/' "$settings"
}

# Returns when Chromium is to be started anew.
watch() {
    local good=$SECONDS
    local until_started=$((SECONDS + STARTING))
    while true; do
        tell WATCHDOG=1
        sleep "$CHECK_EVERY" &
        wait $! || true
        if ! kill -0 "$browser" 2>/dev/null; then
            echo "kiosk: chromium has ended"
            return
        fi
        if shows_the_wall; then
            good=$SECONDS
        elif [ "$SECONDS" -ge "$until_started" ] && [ $((SECONDS - good)) -ge "$PATIENCE" ]; then
            echo "kiosk: no page of the wall for $((SECONDS - good)) s"
            return
        fi
    done
}

# Chromium answers, and one of its pages is the wall, alive: the page itself answers, not only its
# browser. A page of Chromium's own (no connection, a crashed tab) is none.
shows_the_wall() {
    "${PYTHON:-python3}" "$FOLDER/page_alive.py" "$DEVTOOLS" "$(origin)"
}

# To systemd, where it started us; it restarts this script if that ever hangs.
tell() { [ -z "${NOTIFY_SOCKET:-}" ] || systemd-notify "$1" || true; }

stop() {
    [ -n "$browser" ] || return 0
    kill "$browser" 2>/dev/null || true
    for _ in $(seq 50); do
        kill -0 "$browser" 2>/dev/null || break
        sleep 0.1
    done
    kill -9 "$browser" 2>/dev/null || true
    wait "$browser" 2>/dev/null || true
    browser=
}

finish() {
    tell STOPPING=1
    exit "$1"
}

main
