#!/bin/sh
# fuzz.sh -- the property tests for as long as one likes; `make fuzz` calls this.
#
#   tests/property/fuzz.sh     FUZZ_PROPERTY_SECONDS, 180 by default, and
#                              FUZZ_DRIFT_SCHEMAS, 1000 by default
#
# Every run takes other schemas and values. The extension must be installed; a
# failure prints the variables that repeat it, and its smallest form.
set -eu
cd "$(dirname "$0")/.."
PROPERTY_SECONDS=${FUZZ_PROPERTY_SECONDS:-180}
DRIFT_SCHEMAS=${FUZZ_DRIFT_SCHEMAS:-1000}
export PROPERTY_SECONDS DRIFT_SCHEMAS
exec node --test property/
