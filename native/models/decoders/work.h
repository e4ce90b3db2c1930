// What the decoders do with one latent, counted.
#pragma once

#include "models/decoders/conv_decoder.h"
#include "models/decoders/hunyuan.h"
#include "models/decoders/rae.h"
#include "models/work.h"

namespace svg {

Work conv_decoder_work(const ConvDecoderConfig& config, const Cells& cells, int64_t element_bytes);
Work hunyuan_decoder_work(const HunyuanDecoderConfig& config, const Cells& cells, int64_t element_bytes);
Work rae_decoder_work(const RaeDecoderConfig& config, const Cells& cells, int64_t element_bytes);

}  // namespace svg
