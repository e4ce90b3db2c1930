#!/usr/bin/env bash
# libgomp: GOMP_SPINCOUNT counts pauses of the processor, not cycles: what 10,000 of them last is told by the machine.
#
# Seen (Xeon of the Sapphire Rapids kind, gcc 12's libgomp): 1,000 looks with a pause between them take 18 us, so that threads
#   which wait "10000" spin for 180 us: longer than most operations of a small model. On 2 cores that other processes use, 25
#   small steps of a transformer took twice as long with 10,000 as with 1,000 or 0, and 1.7 times the processor time.
# Expected: a number of microseconds, or the same length on all machines.
# What to do: set GOMP_SPINCOUNT before libgomp is loaded (it reads it once); 1,000 is long enough for operations that follow
#   one another at once.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/pauses.c" <<'C'
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec * 1e-3;
}

/* The shortest of many tries: others may use the core. */
int main(void) {
  double best = 1e9;
  volatile int never = 0;
  for (int run = 0; run < 2000; run++) {
    double start = now();
    for (int look = 0; look < 1000 && !never; look++) _mm_pause();
    double time = now() - start;
    if (time < best) best = time;
  }
  printf("1000 looks with a pause: %.1f us; GOMP_SPINCOUNT=10000: %.0f us\n", best, 10 * best);
  return best < 5;
}
C
cc -O2 "$folder/pauses.c" -o "$folder/pauses"
"$folder/pauses"
