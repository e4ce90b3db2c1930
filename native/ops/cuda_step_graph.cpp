// CUDA graphs by libtorch's own class, whose allocator keeps the memory of a recording apart. The only file of this
// layer that sees the toolkit's headers.
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <mutex>

#include "ops/step_graph.h"

namespace svg {
namespace {

/// What the recordings of a device share: the stream that they are made on, and memory, which each uses only while it
/// is replayed. A pool ends with the last graph in it, and its name is never used again.
struct GraphPool {
  explicit GraphPool(c10::DeviceIndex device)
      : stream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device)) {}

  at::cuda::MempoolId_t id = at::cuda::graph_pool_handle();
  c10::cuda::CUDAStream stream;
};

std::shared_ptr<GraphPool> shared_pool(c10::DeviceIndex device) {
  static std::mutex mutex;
  static std::vector<std::weak_ptr<GraphPool>> pools;
  const std::lock_guard<std::mutex> lock(mutex);
  pools.resize(std::max(pools.size(), static_cast<size_t>(device) + 1));
  std::weak_ptr<GraphPool>& known = pools[static_cast<size_t>(device)];
  std::shared_ptr<GraphPool> pool = known.lock();
  if (!pool) known = pool = std::make_shared<GraphPool>(device);
  return pool;
}

class CudaStepGraph : public StepGraph {
 public:
  CudaStepGraph(c10::DeviceIndex device, std::function<void()> body)
      : body_(std::move(body)), pool_(shared_pool(device)) {
    // Engines of one device share the stream, each on a thread of its own.
    static std::mutex recording;
    const std::lock_guard<std::mutex> lock(recording);
    // Recording wants another stream than the usual one, after all that this one was given.
    c10::cuda::getCurrentCUDAStream(device).synchronize();
    const c10::cuda::CUDAStreamGuard guard(pool_->stream);
    body_();
    pool_->stream.synchronize();
    record(device);
  }

  void replay() override { graph_.replay(); }

 private:
  void record(c10::DeviceIndex device) {
    try {
      // Other threads may go on allocating: thread-local.
      graph_.capture_begin(pool_->id, cudaStreamCaptureModeThreadLocal);
      body_();
      graph_.capture_end();
    } catch (...) {
      end_failed(device);
      throw;
    }
  }

  // Where a recording fails, libtorch up to 2.14 leaves what it began: the stream may record on, and its two
  // allocators stay in the pool, which none could then be recorded into.
  void end_failed(c10::DeviceIndex device) noexcept {
    try_each({[&] { graph_.capture_end(); },
              [&] { c10::cuda::CUDACachingAllocator::endAllocateToPool(device, pool_->id); },
              [&] { at::getHostAllocator(at::kCUDA)->end_allocate_to_pool(pool_->id); }});
    cudaGetLastError();  // not to be found by the next launch
  }

  static void try_each(std::initializer_list<std::function<void()>> ends) noexcept {
    for (const std::function<void()>& end : ends) {
      try {
        end();
      } catch (...) {  // it had ended by itself
      }
    }
  }

  std::function<void()> body_;
  std::shared_ptr<GraphPool> pool_;
  at::cuda::CUDAGraph graph_;
};

}  // namespace

StepRecorder step_recorder(at::Device device) {
  if (!device.is_cuda()) return {};
  return [](at::Device where, std::function<void()> body) -> std::unique_ptr<StepGraph> {
    const c10::DeviceIndex index = where.has_index() ? where.index() : c10::cuda::current_device();
    const c10::cuda::CUDAGuard guard(index);
    return std::make_unique<CudaStepGraph>(index, std::move(body));
  };
}

}  // namespace svg
