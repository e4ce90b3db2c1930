#include "engine/captions.h"

#include "core/error.h"
#include "models/conditioners/gemma2.h"
#include "models/next_dit/next_dit.h"

namespace svg {
namespace {

constexpr size_t kKeptCaptions = 16;

}  // namespace

std::vector<at::Tensor> CaptionCache::encode(const Gemma2& text_encoder, const NextDit& dit,
                                             const std::vector<std::vector<int64_t>>& prompts) {
  std::vector<at::Tensor> captions;
  for (const auto& tokens : prompts) {
    SVG_CHECK(!tokens.empty(), ErrorCode::kInvalidArgument, "a caption needs at least the begin token");
    const auto limit = static_cast<size_t>(dit.config.max_caption_tokens());
    SVG_CHECK(tokens.size() <= limit, ErrorCode::kInvalidArgument, "a caption of ", tokens.size(),
              " tokens: the DiT takes at most ", limit);
    if (const at::Tensor* known = find(tokens)) {
      captions.push_back(*known);
      continue;
    }
    const at::Tensor features = text_encoder.encode({tokens})[0];
    captions.push_back(dit.encode_caption(features.to(dit.device())));
    entries_.emplace_back(tokens, captions.back());
    if (entries_.size() > kKeptCaptions) entries_.pop_front();
  }
  return captions;
}

const at::Tensor* CaptionCache::find(const std::vector<int64_t>& tokens) const {
  for (const auto& entry : entries_) {
    if (entry.first == tokens) return &entry.second;
  }
  return nullptr;
}

}  // namespace svg
