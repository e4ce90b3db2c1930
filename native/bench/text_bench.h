// The text encoder, beside the plain path on the same weights.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "core/json.h"
#include "models/conditioners/gemma2_config.h"

namespace svg {

/// Gemma-2-2B but for the number of layers that run and the vocabulary, which is only looked up.
/// Source: arXiv 2408.00118, table 1.
Gemma2Config gemma_2b(int64_t layers);

/// Rows whose name holds `only`, {"rows"}: "text-encoder-<tokens>-<dtype>", four layers of Gemma-2-2B's width on a
/// prompt and the unconditional caption; plain pads the second to the first's length, as the original does.
Json bench_text_encoder(const std::string& only, int64_t repeats, at::Device device);

}  // namespace svg
