# What figures have to be read with; sourced by the other scripts.

commit() {
    git rev-parse --short HEAD | tr -d '\n'
    git diff --quiet HEAD || printf ', with changes'
}

machine() {
    local cpu
    cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
    printf '%s, %s, %s processors, load %s' "$(uname -sm)" "${cpu:-unknown processor}" \
        "$(getconf _NPROCESSORS_ONLN)" "$(cut -d ' ' -f 1-3 /proc/loadavg 2>/dev/null || echo unknown)"
}
