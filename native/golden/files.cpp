// Golden cases of the module "torch_file": what must be read to the byte, and what must be refused.
#include "golden/files.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/error.h"
#include "core/sha256.h"
#include "io/checkpoint.h"
#include "io/dtypes.h"

namespace svg {
namespace {

namespace fs = std::filesystem;

std::string hash_of(const at::Tensor& tensor) {
  const at::Tensor bytes = tensor.contiguous();
  return sha256_hex(bytes.data_ptr(), bytes.nbytes());
}

void compare_tensors(GoldenCase& golden, const std::string& file, const Checkpoint& checkpoint, const Json& wanted) {
  std::set<std::string> names;
  for (const auto& [name, want] : wanted.as_object()) {
    names.insert(name);
    if (!checkpoint.has(name)) {
      golden.fail(concat(file, ": tensor \"", name, "\" was not found"));
      continue;
    }
    const TensorInfo& info = checkpoint.tensors().at(name);
    if (torch_name(info.dtype) != want.at("dtype").as_string() || info.shape != want.at("shape").as_int_list()) {
      golden.fail(
          concat(file, ": tensor \"", name, "\" is ", torch_name(info.dtype), " ", at::IntArrayRef(info.shape)));
    } else if (hash_of(checkpoint.read(name)) != want.at("sha256").as_string()) {
      golden.fail(concat(file, ": tensor \"", name, "\" holds other bytes"));
    }
  }
  for (const auto& entry : checkpoint.tensors()) {
    if (!names.count(entry.first)) golden.fail(concat(file, ": tensor \"", entry.first, "\" is not wanted"));
  }
}

void read_file(GoldenCase& golden, const std::string& file, const Json& entry) {
  CheckpointOptions options;
  if (const Json* root = entry.find("root")) {
    options.root.emplace();
    for (const Json& key : root->as_array()) options.root->push_back(key.as_string());
  }
  const Json* wanted = entry.find("tensors");
  try {
    const auto checkpoint = open_checkpoint((fs::path(golden.folder()) / file).string(), options);
    compare_tensors(golden, file, *checkpoint, wanted ? *wanted : golden.spec().at("tensors"));
  } catch (const Error& error) {
    golden.fail(concat(file, " was not read: ", error.what()));
  }
}

// Everything of the file is asked for, so that a fault which shows late is met too.
void refuse_file(GoldenCase& golden, const std::string& file) {
  try {
    const auto checkpoint = open_checkpoint((fs::path(golden.folder()) / file).string());
    for (const auto& entry : checkpoint->tensors()) checkpoint->read(entry.first);
    golden.fail(file + " was not refused");
  } catch (const Error& error) {
    const std::string message = error.what();
    const bool known = error.code() == ErrorCode::kFileFormat || error.code() == ErrorCode::kUnsafeFile;
    if (!known || message.find(file) == std::string::npos || message.find('\n') != std::string::npos) {
      golden.fail(concat(file, " was refused without its name and one line of cause: ", message));
    }
  }
}

void read_plain_values(GoldenCase& golden, const std::string& file) {
  try {
    const auto checkpoint = open_checkpoint((fs::path(golden.folder()) / file).string());
    if (checkpoint->tensors().empty() && !checkpoint->metadata().is_object()) golden.fail(file + " shows no values");
  } catch (const Error& error) {
    golden.fail(concat(file, " was not read: ", error.what()));
  }
}

}  // namespace

void run_torch_file(GoldenCase& golden) {
  std::set<std::string> seen = {"case.json"};
  if (const Json* files = golden.spec().find("files")) {
    for (const auto& [file, entry] : files->as_object()) {
      read_file(golden, file, entry);
      seen.insert(file);
    }
  }
  if (const Json* refuse = golden.spec().find("refuse")) {
    for (const Json& file : refuse->as_array()) {
      refuse_file(golden, file.as_string());
      seen.insert(file.as_string());
    }
  }
  // Files that the case does not list: hostile by their name, or plain values and other good files.
  for (const auto& entry : fs::directory_iterator(golden.folder())) {
    const std::string file = entry.path().filename().string();
    if (!entry.is_regular_file() || seen.count(file)) continue;
    if (file.rfind("refuse_", 0) == 0) {
      refuse_file(golden, file);
    } else if (file.ends_with(".pth") || file.ends_with(".pt") || file.ends_with(".ckpt")) {
      read_plain_values(golden, file);
    }
  }
  if (fs::exists(fs::path(golden.folder()) / "PWNED") || fs::exists("PWNED")) golden.fail("code of a file was run");
}

}  // namespace svg
