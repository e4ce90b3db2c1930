// Whether pictures fit into memory while they are drawn, and what to say where they do not.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/error.h"
#include "engine/models.h"

namespace svg {

/// Free on a device, of the GPU with what libtorch keeps for later, or of this process. 0 where the system does not
/// tell.
int64_t free_memory(at::Device device);

/// "1.5 GB"
std::string gigabytes(int64_t bytes);

class DrawingMemory {
 public:
  /// Of pictures that go through the models together. Keeps a reference to the models.
  DrawingMemory(const EngineModels& models, VelocityLoad load);

  /// Held at once beside the weights; 0 where nobody counts the model.
  int64_t needed() const { return needed_; }
  /// Whether as much is free, as far as anybody knows.
  bool fits() const;
  /// Throws Error(kOutOfMemory) where far more is needed than there is: a system that gives what it has not ends the
  /// process for it later.
  void check() const;
  /// An error of the drawing: one of memory with what is needed, what is free and which settings help, others as they
  /// are.
  Error told(const Error& error) const;

 private:
  int64_t needed_by(const VelocityLoad& load) const;
  Error too_little(const std::string& cause) const;
  std::string hint(int64_t free) const;
  using Fits = std::function<bool(const VelocityLoad& load)>;
  /// Of the shape of `one`'s picture.
  std::optional<Cells> largest_that_fits(VelocityLoad one, const Fits& fits) const;

  const EngineModels& models_;
  VelocityLoad load_;
  int64_t needed_ = 0;
};

}  // namespace svg
