// Which encoder an autoencoder has whose checkpoint holds one and that comes with a file of another.
#pragma once

#include <string>

#include "models/autoencoder.h"

namespace svg {

struct EncoderChoice {
  bool inside = false;  // the checkpoint's own counts; else the file's, where there is one
  std::string remark;   // on an encoder inside that cannot be read; empty: nothing
};

/// encoder.* of the checkpoint counts where it is another model than the file: it was trained along with the decoder.
/// As in the reference, whose loader puts the checkpoint's over the file's. A copy of the file is none, under whatever
/// names and perhaps rounded to bf16 or fp16; nor is what cannot be read. Large matrices are compared by some of their
/// rows, since training changes them all. Throws as infer() of the file's kind.
EncoderChoice choose_encoder(const AutoencoderFiles& files);

/// Whether two encoders have the same kind and sizes. Heads do not count: weights alone do not always tell them.
bool same_encoder_sizes(const EncoderPlan& a, const EncoderPlan& b);

}  // namespace svg
