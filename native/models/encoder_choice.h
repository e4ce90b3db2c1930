// Which encoder an autoencoder has whose checkpoint holds one and that comes with a file of another.
#pragma once

#include "models/autoencoder.h"

namespace svg {

/// Whether encoder.* of the checkpoint is another model than the file: it was trained along with the decoder. As in the
/// reference, whose loader puts the checkpoint's over the file's, the checkpoint's own counts then. A copy of the file,
/// perhaps rounded to bf16 or fp16, is none. False without either. Takes files that are opened in fp32. Throws as
/// infer() of the encoder's kind.
bool holds_another_encoder(const AutoencoderFiles& files);

}  // namespace svg
