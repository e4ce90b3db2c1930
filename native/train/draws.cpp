#include "train/draws.h"

#include "core/rng.h"

namespace svg {
namespace {

// Spreads neighbouring numbers over all 64 bits. Source: SplitMix64, doi 10.1145/2714064.2660195.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

at::Generator draw_generator(int64_t seed, int64_t draw) {
  return torch_generator(mix(mix(static_cast<uint64_t>(seed)) ^ static_cast<uint64_t>(draw)) >> 1);
}

}  // namespace svg
