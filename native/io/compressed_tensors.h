// The one scheme of the compressed-tensors library whose files are read: int8, a scale for each output.
#pragma once

#include "core/json.h"

namespace svg {

/// Whether "quantization_config" of a config.json describes just that: quant_method compressed-tensors, format
/// int-quantized, weights of 8 bit, symmetric, a scale a channel, activations of 8 bit, symmetric, scaled a token on
/// the way. Other bits, groups, zero points, rotations, sparsity and static activations are other numbers.
/// Source: compressed-tensors 0.20.1, quant_scheme.py and quant_args.py (QuantizationArgs).
bool is_compressed_int8(const Json& config);

}  // namespace svg
