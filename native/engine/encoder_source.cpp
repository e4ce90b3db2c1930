#include "engine/encoder_source.h"

#include "io/checkpoint.h"
#include "io/identify.h"
#include "io/model_config.h"

namespace svg {
namespace {

/// Mapped, on the CPU, in fp32: as they are stored, and nothing stays in memory.
Weights open_to_compare(const std::string& path, const char* wanted) {
  return Weights(std::make_shared<CheckpointSource>(open_model(path, wanted), at::kCPU, at::kFloat));
}

EncoderChoice choose(AutoencoderFiles files, const std::string& encoder) {
  files.encoder = open_to_compare(encoder, "a vision encoder");
  files.beside_encoder = [&] { return read_model_config(encoder); };
  return choose_encoder(files);
}

}  // namespace

EncoderChoice choose_encoder(const std::string& checkpoint, const std::string& encoder) {
  AutoencoderFiles files{open_to_compare(checkpoint, "an autoencoder")};
  files.beside_checkpoint = [&] { return read_model_config(checkpoint); };
  return choose(std::move(files), encoder);
}

EncoderChoice choose_encoder(const Weights& checkpoint, const std::string& encoder) {
  return choose(AutoencoderFiles{checkpoint}, encoder);
}

}  // namespace svg
