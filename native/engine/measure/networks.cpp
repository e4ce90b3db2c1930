#include "engine/measure/networks.h"

#include "core/error.h"
#include "io/identify.h"
#include "models/recognise.h"

namespace svg {
namespace {

const char* const kInceptionTitle = "FID's Inception v3";
const char* const kInceptionHint =
    "Take pt_inception-2015-12-05-6726825d.pth of pytorch-fid or weights-inception-2015-12-05-6726825d.pth of "
    "torch-fidelity, which hold the same weights.";

std::shared_ptr<Checkpoint> open_inception_file(const std::string& path) {
  try {
    return open_model(path, kInceptionTitle);
  } catch (const Error& error) {
    // TensorFlow's graph and the TorchScript program of other scorers hold the same network in forms that are not read.
    if (error.code() != ErrorCode::kFileFormat) throw;
    throw Error(error.code(), error.what(), kInceptionHint);
  }
}

void refuse_other_networks(const Weights& weights, const Checkpoint& checkpoint) {
  const int64_t classes = Inception::classes_of(weights);
  if (classes == 0) {
    const std::optional<RecognisedModel> other = recognise_model(weights);
    throw Error(ErrorCode::kWeightsMismatch,
                concat(checkpoint.path(), " is not ", kInceptionTitle,
                       other ? concat(": it is ", other->description)
                             : concat(": it has no tensor \"fc.weight\" of 2048 features behind \"Mixed_7c\"")),
                kInceptionHint);
  }
  if (classes != Inception::kClasses) {
    throw Error(ErrorCode::kWeightsMismatch,
                concat(checkpoint.path(), " is an Inception v3 of ", classes,
                       " classes, as torchvision has it; FID is ", "defined by the weights of 2015 with ",
                       Inception::kClasses, " classes, and others give other ", "distances"),
                kInceptionHint);
  }
  for (const auto& [name, info] : checkpoint.tensors()) {
    if (Inception::is_spare(name) || (info.listed.empty() && info.dtype == at::kFloat)) continue;
    throw Error(ErrorCode::kWeightsMismatch,
                concat(checkpoint.path(), ": \"", name, "\" is ", info.type_name(),
                       "; distances are defined by the weights in float32, and rounded ones give others"),
                kInceptionHint);
  }
}

Weights fp32_weights(const std::shared_ptr<Checkpoint>& checkpoint, at::Device device) {
  return Weights(std::make_shared<CheckpointSource>(checkpoint, device, at::kFloat));
}

}  // namespace

OpenedInception open_inception(const std::string& path, at::Device device) {
  const std::shared_ptr<Checkpoint> checkpoint = open_inception_file(path);
  const Weights weights = fp32_weights(checkpoint, device);
  refuse_other_networks(weights, *checkpoint);
  OpenedInception opened{Inception(weights), checkpoint->format(), checkpoint->remark()};
  refuse_unknown_tensors(weights, kInceptionTitle, Inception::is_spare);
  return opened;
}

Lpips open_lpips(const std::string& net, const std::string& lin, at::Device device, Json& remarks) {
  const auto opened = [&](const std::string& path) {
    const std::shared_ptr<Checkpoint> checkpoint = open_model(path, "the LPIPS metric");
    if (!checkpoint->remark().empty()) remarks.push_back(concat(path, ": ", checkpoint->remark()));
    return fp32_weights(checkpoint, device);
  };
  const Weights of_net = opened(net);
  const Weights of_lin = lin == net ? of_net : opened(lin);
  Lpips lpips(of_net, of_lin);
  refuse_unknown_tensors(of_net, "LPIPS", Lpips::is_spare);
  if (lin != net) refuse_unknown_tensors(of_lin, "LPIPS", Lpips::is_spare);
  return lpips;
}

}  // namespace svg
