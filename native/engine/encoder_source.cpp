#include "engine/encoder_source.h"

#include "io/checkpoint.h"
#include "io/identify.h"
#include "io/model_config.h"
#include "models/encoder_choice.h"

namespace svg {

bool own_encoder_counts(const std::string& checkpoint, const std::string& encoder) {
  // Mapped, on the CPU, in fp32: as they are stored, and nothing stays in memory.
  const auto open = [](const std::string& path, const char* wanted) {
    return Weights(std::make_shared<CheckpointSource>(open_model(path, wanted), at::kCPU, at::kFloat));
  };
  AutoencoderFiles files{open(checkpoint, "an autoencoder"), open(encoder, "a vision encoder")};
  files.beside_encoder = [&] { return read_model_config(encoder); };
  return holds_another_encoder(files);
}

}  // namespace svg
