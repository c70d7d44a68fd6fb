# ---- say.sh: what the user reads ---------------------------------------------
#
# Results are on standard output, everything else on standard error.

say() { printf '%s\n' "$*" >&2; }

# fail MESSAGE [DETAIL [HINT]]: as PostgreSQL says it, then the end. A DETAIL or
# HINT may have several lines.
fail() {
  printf 'convex-bridge: error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/  /' >&2
  [ -z "${3:-}" ] || printf '%s\n' "$3" | sed '1s/^/  What to do: /; 2,$s/^/  /' >&2
  exit 1
}

# A number of bytes for people.
human_bytes() {
  awk -v n="$1" 'BEGIN {
    split("bytes kB MB GB TB", unit, " ")
    for (i = 1; n >= 1024 && i < 5; i++) n /= 1024
    printf (i == 1 || n >= 100) ? "%.0f %s" : "%.1f %s", n, unit[i]
  }'
}

# A number with its thousands apart.
human_count() {
  awk -v n="$1" 'BEGIN {
    while (length(n) > 3) { rest = "," substr(n, length(n) - 2) rest; n = substr(n, 1, length(n) - 3) }
    printf "%s", n rest
  }'
}
