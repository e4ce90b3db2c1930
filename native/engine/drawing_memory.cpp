#include "engine/drawing_memory.h"

#include <c10/core/CachingDeviceAllocator.h>

#include <algorithm>
#include <iomanip>

#include "core/system_memory.h"
#include "kernels/cuda.h"

namespace svg {
namespace {

/// A count is no measurement: more than this many times of what is free is refused before it is tried.
constexpr double kBeyondDoubt = 1.5;
/// Of what is free, that much may be planned with.
constexpr double kPlannedShare = 0.8;

std::string size_text(const Cells& cells, int64_t cell_pixels) {
  return concat(cells.columns * cell_pixels, "x", cells.rows * cell_pixels);
}

/// What libtorch keeps of memory that was given back: its next tensors take it, and the driver does not call it free.
int64_t kept_for_later(at::Device device) {
  constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(device.has_index() ? device.index() : 0);
  return stats.reserved_bytes[kAll].current - stats.allocated_bytes[kAll].current;
}

}  // namespace

int64_t free_memory(at::Device device) {
  if (!device.is_cuda()) return available_memory();
  const int64_t free = cuda::device_memory().free;
  return free > 0 ? free + kept_for_later(device) : 0;
}

std::string gigabytes(int64_t bytes) {
  std::ostringstream text;
  text << std::setprecision(3) << static_cast<double>(bytes) / 1e9 << " GB";
  return text.str();
}

DrawingMemory::DrawingMemory(const EngineModels& models, VelocityLoad load)
    : models_(models), load_(std::move(load)), needed_(needed_by(load_)) {}

int64_t DrawingMemory::needed_by(const VelocityLoad& load) const {
  if (!models_.velocity_work || !models_.autoencoder || load.pictures.empty()) return 0;
  const DecoderPlan& decoder = models_.autoencoder->config().decoder;
  int64_t most = models_.velocity_work(load).peak_bytes;
  if (!decoder.work) return most;
  // Latents are decoded one after the other.
  for (const PictureLoad& picture : load.pictures) {
    most = std::max(most, decoder.work(picture.cells, load.element_bytes).peak_bytes);
  }
  return most;
}

bool DrawingMemory::fits() const {
  const int64_t free = free_memory(models_.device);
  return free <= 0 || needed_ <= free;
}

void DrawingMemory::check() const {
  const int64_t free = free_memory(models_.device);
  if (free <= 0 || static_cast<double>(needed_) <= kBeyondDoubt * static_cast<double>(free)) return;
  throw too_little("");
}

Error DrawingMemory::told(const Error& error) const {
  return error.code() == ErrorCode::kOutOfMemory && needed_ > 0 ? too_little(error.what()) : error;
}

Error DrawingMemory::too_little(const std::string& cause) const {
  const int64_t free = free_memory(models_.device);
  const size_t count = load_.pictures.size();
  const std::string size = size_text(load_.pictures[0].cells, models_.autoencoder->grid().cell_pixels);
  const std::string what =
      count == 1 ? concat("a picture of ", size, " needs") : concat(count, " pictures at a time of ", size, " need");
  return Error(ErrorCode::kOutOfMemory,
               concat("too little memory on ", models_.device.str(), ": ", what, " about ", gigabytes(needed_),
                      " beside the weights", free > 0 ? concat(", ", gigabytes(free), " are free") : "",
                      cause.empty() ? "" : " (", cause, cause.empty() ? "" : ")"),
               hint(free));
}

std::string DrawingMemory::hint(int64_t free) const {
  std::vector<std::string> ways;
  const auto fits = [&](const VelocityLoad& load) {
    return static_cast<double>(needed_by(load)) <= kPlannedShare * static_cast<double>(free);
  };
  VelocityLoad one = load_, half = load_;
  one.pictures.resize(1);
  half.element_bytes = kFloatBytes / 2;
  if (load_.pictures.size() > 1) ways.push_back(concat("--batch-size 1 (about ", gigabytes(needed_by(one)), ")"));
  if (load_.element_bytes == kFloatBytes && fits(half)) {
    ways.push_back(concat("--dtype bf16 (about ", gigabytes(needed_by(half)), ", and half of the weights)"));
  }
  if (models_.device.is_cuda() && models_.text_encoder) {
    ways.push_back("--offload, which keeps the text encoder out of the GPU");
  }
  if (!fits(one)) {
    if (const std::optional<Cells> size = largest_that_fits(one, fits)) {
      ways.push_back("--size " + size_text(*size, models_.autoencoder->grid().cell_pixels));
    }
  }
  std::string text;
  for (const std::string& way : ways) text += (text.empty() ? "Try " : ", or ") + way;
  return (text.empty() ? "Free memory" : text) + ". `svg-t2i estimate` shows what fits.";
}

std::optional<Cells> DrawingMemory::largest_that_fits(VelocityLoad one, const Fits& fits) const {
  constexpr int64_t kSteps = 16;
  const Cells asked = one.pictures[0].cells;
  const int64_t patch = models_.velocity_model->patch_size();
  for (int64_t step = kSteps - 1; step > 0; --step) {
    const auto side = [&](int64_t cells) { return std::max<int64_t>(patch, cells * step / kSteps / patch * patch); };
    one.pictures[0].cells = {side(asked.rows), side(asked.columns)};
    if (fits(one)) return one.pictures[0].cells;
  }
  return std::nullopt;
}

}  // namespace svg
