#include "engine/training/losses.h"

#include <c10/core/GradMode.h>

#include "core/error.h"
#include "plain/plain_training.h"
#include "train/autoencoder_loss.h"

namespace svg {
namespace {

/// The original reconstructs anew for the discriminator's update.
at::Tensor plain_reconstruct_twice(const TrainableAutoencoder& model, const at::Tensor& images,
                                   const std::vector<int64_t>&) {
  at::Tensor reconstruction = plain_reconstruct(model, images);
  c10::NoGradGuard no_grad;
  plain_reconstruct(model, images);
  return reconstruction;
}

template <typename Entry>
const Entry& find_entry(const std::vector<Entry>& entries, const std::string& name) {
  std::string known;
  for (const Entry& entry : entries) {
    if (entry.name == name) return entry;
    known += (known.empty() ? "" : ", ") + entry.name;
  }
  throw Error(ErrorCode::kInvalidArgument, concat("unknown losses \"", name, "\": known are ", known));
}

template <typename Entry>
Json titles_of(const std::vector<Entry>& entries) {
  Json rows = Json::array();
  for (const Entry& entry : entries) rows.push_back(Json::object().set("name", entry.name).set("title", entry.title));
  return rows;
}

}  // namespace

const std::vector<DitLoss>& dit_losses() {
  static const std::vector<DitLoss> losses = {
      {"flow-matching", "flow matching", flow_matching_losses},
      {"plain", "flow matching by plain operations, as the original computes it", plain_flow_matching_losses,
       /*fused=*/false},
  };
  return losses;
}

const std::vector<ReconstructionPath>& reconstruction_paths() {
  static const std::vector<ReconstructionPath> paths = {
      {"usual", "our operations",
       [](const TrainableAutoencoder& model, const at::Tensor& images, const std::vector<int64_t>& draws) {
         return model.reconstruct(images, draws);
       }},
      {"plain", "plain operations, as the original computes it", plain_reconstruct_twice, /*fused=*/false},
  };
  return paths;
}

const DitLoss& find_dit_loss(const std::string& name) { return find_entry(dit_losses(), name); }

const ReconstructionPath& find_reconstruction_path(const std::string& name) {
  return find_entry(reconstruction_paths(), name);
}

Json loss_rows() {
  return autoencoder_loss_names()
      .set("dit", titles_of(dit_losses()))
      .set("autoencoder", titles_of(reconstruction_paths()));
}

}  // namespace svg
