// Captions as the DiT wants them, each encoded once: the unconditional one serves every picture of an engine.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace svg {

class Gemma2;
struct NextDit;

class CaptionCache {
 public:
  /// Refined captions (L_i, dim) of token lists without padding. Throws Error(kInvalidArgument) for an empty list
  /// or one beyond the DiT's table.
  std::vector<at::Tensor> encode(const Gemma2& text_encoder, const NextDit& dit,
                                 const std::vector<std::vector<int64_t>>& prompts);
  /// Text encoder or DiT changed.
  void clear() { entries_.clear(); }

 private:
  const at::Tensor* find(const std::vector<int64_t>& tokens) const;

  std::deque<std::pair<std::vector<int64_t>, at::Tensor>> entries_;  // oldest first
};

}  // namespace svg
