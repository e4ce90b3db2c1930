#include "engine/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/DeviceGuard.h>
#include <torch/version.h>

#include "core/cpu_flags.h"
#include "core/error.h"
#include "ops/int8_product.h"

namespace svg {
namespace {

bool cpu_has_bf16_matrix() { return cpu_has_any({"avx512_bf16", "amx_bf16", "bf16"}); }

/// Also where no GPU answers, which at::hasCUDA() asks for.
bool is_cuda_build() { return at::CUDAHooksRegistry()->Has("CUDAHooks"); }

int cuda_device_count() { return at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0; }

/// Compute capability 8.0 or more, by the only question about it that libtorch answers without CUDA's headers.
bool gpu_has_bf16(at::Device device) {
  const c10::DeviceGuard guard(device);
  return at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8();
}

int parse_cuda_index(const std::string& name) {
  if (name == "cuda") return 0;
  const bool numbered = name.rfind("cuda:", 0) == 0 && name.size() > 5 && name.size() < 9 &&
                        name.find_first_not_of("0123456789", 5) == std::string::npos;
  SVG_CHECK(numbered, ErrorCode::kInvalidArgument, "unknown device \"", name, "\": use cpu, cuda or cuda:N");
  return std::stoi(name.substr(5));
}

}  // namespace

at::Device parse_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  const int index = parse_cuda_index(name);
  const int count = cuda_device_count();
  if (count == 0) {
    throw Error(ErrorCode::kDeviceUnavailable,
                concat("device \"", name, "\" was asked for, but ",
                       is_cuda_build() ? "no GPU answers" : "this libtorch is a CPU build"),
                "Run `npx svg-t2i doctor` to see why, or use --device cpu.");
  }
  SVG_CHECK(index < count, ErrorCode::kDeviceUnavailable, "no device \"", name, "\": ", count, " GPU(s) are visible");
  at::globalContext().lazyInitDevice(at::kCUDA);  // its allocator is asked for statistics before there is a tensor
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
}

const char* Precision::name() const { return int8 ? "int8" : dtype_short_name(compute); }

Precision parse_precision(const std::string& name, at::Device device) {
  if (name != "int8") return {parse_dtype(name, device), /*int8=*/false};
  if (!device.is_cpu()) {
    throw Error(
        ErrorCode::kInvalidArgument, concat("dtype int8 is for a CPU, the device is ", device.str()),
        "Use --dtype auto on a GPU, or --device cpu. A file of int8 weights serves a GPU too: it computes in bf16.");
  }
  return {at::kFloat, /*int8=*/true};
}

Precision parse_precision(const std::string& name, at::Device device, bool stored_int8) {
  return parse_precision(stored_int8 && name == "auto" && device.is_cpu() ? "int8" : name, device);
}

at::ScalarType parse_dtype(const std::string& name, at::Device device) {
  if (name == "fp32") return at::kFloat;
  if (name == "bf16") return at::kBFloat16;
  if (name == "fp16") {
    SVG_CHECK(device.is_cuda(), ErrorCode::kInvalidArgument, "dtype fp16 needs a GPU: use bf16 or fp32 on a CPU");
    return at::kHalf;
  }
  SVG_CHECK(name != "int8", ErrorCode::kInvalidArgument,
            "dtype int8 is for drawing and for reading prompts alone: use auto, fp32 or bf16");
  SVG_CHECK(name == "auto", ErrorCode::kInvalidArgument, "unknown dtype \"", name,
            "\": use auto, fp32, bf16, fp16 or int8");
  return (device.is_cuda() ? gpu_has_bf16(device) : cpu_has_bf16_matrix()) ? at::kBFloat16 : at::kFloat;
}

const char* dtype_short_name(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat: return "fp32";
    case at::kBFloat16: return "bf16";
    case at::kHalf: return "fp16";
    default: return c10::toString(dtype);
  }
}

Json runtime_info() {
  Json info = Json::object();
  info.set("torch", TORCH_VERSION);
  info.set("cpuCapability", at::get_cpu_capability());
  info.set("cpuBf16", cpu_has_bf16_matrix());
  info.set("cpuInt8", int8_units_name(int8_units()));
  info.set("threads", at::get_num_threads());
  info.set("cudaBuild", is_cuda_build());
  info.set("cudaDevices", cuda_device_count());
  return info;
}

}  // namespace svg
