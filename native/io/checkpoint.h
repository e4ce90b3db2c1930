// Opens a state dict of any form, and gives it to models as a source of weights.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/weights.h"
#include "io/int8_layout.h"
#include "io/stored_tensors.h"

namespace svg {

/// Opens a .safetensors file, a *.safetensors.index.json, a folder that holds either, or a
/// .pth/.pt/.ckpt as torch.save wrote it. The kind is told from the bytes, not from the name.
/// Throws Error(kFileNotFound | kFileFormat | kUnsafeFile) naming the file and the cause.
std::shared_ptr<Checkpoint> open_checkpoint(const std::string& path, const CheckpointOptions& options = {});

/// Weights of a checkpoint as a source for models: matrices cast to `dtype`, all moved to `device`; fp32 on the CPU is
/// not copied. Matrices that are stored as int8 are multiplied out, or taken as they are by int8_rows().
class CheckpointSource : public WeightSource {
 public:
  CheckpointSource(std::shared_ptr<Checkpoint> checkpoint, at::Device device, at::ScalarType dtype);

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override;
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override;
  std::string description() const override { return checkpoint_->path(); }
  std::vector<std::string> unused() const override;

  /// Whether matrices are stored as int8 (io/int8_layout.h).
  bool is_int8() const override { return int8_.has_value(); }
  /// A matrix as it is stored, values as a view of the mapped bytes; empty where it is plain or absent. Throws
  /// Error(kFileFormat).
  std::optional<Int8Rows> int8_rows(const std::string& name) override;
  /// Tells that the bytes behind a tensor were copied and may leave memory.
  void release(const std::string& name) override { checkpoint_->release(name); }

 private:
  std::shared_ptr<Checkpoint> checkpoint_;
  std::optional<Int8Layout> int8_;
  std::set<std::string> used_;
  at::Device device_;
  at::ScalarType dtype_;
};

}  // namespace svg
