#!/bin/sh
#
# convex-bridge -- move a PostgreSQL database that is hosted elsewhere into Convex.
#
# Built by make from bridge/*.sh and bridge/sql/*.sql of convex_migrate; edit
# those. Each part's head says what it is responsible for.
#
# POSIX sh: runs in dash, bash 3.2 and busybox. Functions leave their results in
# the variables that their comments name, or print them.
set -eu

# Folder of the PostgreSQL programs whose server has the extension.
bin='@BINDIR@'
