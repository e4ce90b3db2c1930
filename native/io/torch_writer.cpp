#include "io/torch_writer.h"

#include <algorithm>
#include <bit>
#include <filesystem>

#include "core/error.h"
#include "io/dtypes.h"
#include "io/pickle_writer.h"
#include "io/zip_writer.h"

namespace svg {
namespace {

// As `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`, the form that torch.save writes.
void put_tensor(PickleWriter& pickle, const at::Tensor& tensor, const std::string& key) {
  pickle.global("torch._utils", "_rebuild_tensor_v2");
  pickle.mark();
  pickle.mark();
  pickle.text("storage");
  pickle.global("torch", storage_name(tensor.scalar_type()));
  pickle.text(key);
  pickle.text("cpu");
  pickle.integer(tensor.numel());
  pickle.tuple();
  pickle.persistent();
  pickle.integer(0);
  pickle.int_tuple(tensor.sizes());
  pickle.int_tuple(tensor.strides());
  pickle.boolean(false);
  pickle.empty_ordered_dict();
  pickle.tuple();
  pickle.reduce();
}

void put_json(PickleWriter& pickle, const Json& value) {
  if (value.is_null()) {
    pickle.none();
  } else if (value.is_bool()) {
    pickle.boolean(value.as_bool());
  } else if (value.is_int()) {
    pickle.integer(value.as_int());
  } else if (value.is_number()) {
    pickle.real(value.as_double());
  } else if (value.is_string()) {
    pickle.text(value.as_string());
  } else if (value.is_array()) {
    pickle.begin_list();
    for (const Json& item : value.as_array()) put_json(pickle, item);
    pickle.end_list();
  } else {
    pickle.begin_dict();
    for (const auto& [key, member] : value.as_object()) {
      pickle.text(key);
      put_json(pickle, member);
    }
    pickle.end_dict();
  }
}

void put_state_dict(PickleWriter& pickle, const TensorMap& tensors) {
  pickle.empty_ordered_dict();
  pickle.mark();
  size_t index = 0;
  for (const auto& [name, tensor] : tensors) {
    pickle.text(name);
    put_tensor(pickle, tensor, std::to_string(index++));
  }
  pickle.end_dict();
}

std::string pickle_of(const TensorMap& tensors, const TorchFileOptions& options) {
  PickleWriter pickle;
  for (size_t i = 0; i < options.root.size(); ++i) {
    pickle.begin_dict();
    if (i == 0 && options.extras.is_object()) {
      for (const auto& [key, value] : options.extras.as_object()) {
        pickle.text(key);
        put_json(pickle, value);
      }
    }
    pickle.text(options.root[i]);
  }
  put_state_dict(pickle, tensors);
  for (size_t i = 0; i < options.root.size(); ++i) pickle.end_dict();
  return pickle.finish();
}

}  // namespace

void write_torch_file(const std::string& path, const TensorMap& tensors, const TorchFileOptions& options) {
  TensorMap contiguous;
  for (const auto& [name, tensor] : tensors) {
    SVG_CHECK(!storage_name(tensor.scalar_type()).empty(), ErrorCode::kInvalidArgument,
              "[torch] cannot write tensor \"", name, "\" of type ", at::toString(tensor.scalar_type()));
    contiguous[name] = tensor.detach().to(at::kCPU).contiguous();
  }
  // torch names the folder after the file; dots and slashes would only confuse other readers.
  std::string folder = std::filesystem::path(path).stem().string();
  std::replace_if(
      folder.begin(), folder.end(), [](unsigned char c) { return c < 0x21 || c > 0x7E; }, '_');
  ZipWriter zip(path);
  zip.add(folder + "/data.pkl", pickle_of(contiguous, options));
  zip.add(folder + "/byteorder", "little");
  size_t index = 0;
  for (const auto& entry : contiguous) {
    zip.add(concat(folder, "/data/", index++), entry.second.nbytes() ? entry.second.data_ptr() : "",
            entry.second.nbytes());
  }
  zip.add(folder + "/version", "3\n");
  zip.commit();
}

}  // namespace svg
