#!/bin/sh
# image.sh -- what the Dockerfile builds, in a chroot: there need be no Docker.
#
#   tests/hosted/image.sh build DIR             as root; needs mmdebstrap
#   tests/hosted/image.sh run DIR APP COMMAND... the entry point; APP is mounted as
#                                               the working folder, as by docker -v
#   tests/hosted/image.sh remove DIR
#
# Reads the Dockerfile's own lines: FROM debian:SUITE…, COPY . TO, RUN, WORKDIR
# and ENTRYPOINT ["PROGRAM"], one line each.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)

line() { sed -n "s/^$1 //p" "$root/Dockerfile"; }

in_chroot() {
  chroot "$dir" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
}

mounts() {
  for path in proc dev; do
    mountpoint -q "$dir/$path" || mount --bind "/$path" "$dir/$path"
  done
}

build() {
  suite=$(line FROM | sed 's/^debian:\([a-z]*\).*/\1/')
  mmdebstrap --variant=minbase "$suite" "$dir" >"$dir.log" 2>&1
  # this machine's way to the packages
  cp /etc/resolv.conf "$dir/etc/resolv.conf"
  cp /etc/apt/apt.conf.d/* "$dir/etc/apt/apt.conf.d/" 2>/dev/null || true
  mounts
  to=$(line COPY | sed 's/^\. //')
  mkdir -p "$dir$to"
  # what git knows, which is what .dockerignore leaves
  (cd "$root" && git ls-files -z | xargs -0 tar -cf -) | tar -xf - -C "$dir$to"
  in_chroot sh -c "$(line RUN)" >>"$dir.log" 2>&1 || { tail -n 20 "$dir.log" >&2; exit 1; }
  mkdir -p "$dir$(line WORKDIR)"
}

run() {
  app=$1
  shift
  mounts
  work=$(line WORKDIR)
  mount --bind "$app" "$dir$work"
  status=0
  in_chroot ${SOURCE_URL:+SOURCE_URL="$SOURCE_URL"} ${CONVEX_URL:+CONVEX_URL="$CONVEX_URL"} \
    ${CONVEX_DEPLOY_KEY:+CONVEX_DEPLOY_KEY="$CONVEX_DEPLOY_KEY"} \
    sh -c "cd '$work' && exec $(line ENTRYPOINT | tr -d '[]"') \"\$@\"" sh "$@" || status=$?
  umount "$dir$work"
  return "$status"
}

command=$1
dir=$2
shift 2
case $command in
  build) build ;;
  run) run "$@" ;;
  remove)
    for path in app proc dev; do
      ! mountpoint -q "$dir/$path" || umount "$dir/$path"
    done
    rm -rf --one-file-system "$dir" "$dir.log" ;;
esac
