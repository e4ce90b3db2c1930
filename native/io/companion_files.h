// The small files beside weights that a model is read with: they go along where the weights of a folder are written
// anew.
#pragma once

#include <string>
#include <vector>

namespace svg {

/// Names of those that lie beside the weights at `input`, a folder or a file: config.json, the tokenizer's and the
/// like.
std::vector<std::string> companion_files(const std::string& input);

/// Copies of them, each of which appears whole or not at all.
class CompanionCopies {
 public:
  /// Into `folder`; nothing where that is the folder of `input` itself. Throws Error(kInvalidArgument) for another file
  /// in the way unless `overwrite`; kIo.
  CompanionCopies(const std::string& input, const std::string& folder, bool overwrite);
  /// Throws Error(kIo | kDiskFull).
  void write() const;
  /// Paths of all of them.
  std::vector<std::string> paths() const;

 private:
  struct Copy {
    std::string from, to;
    bool is_there;
  };
  std::vector<Copy> copies_;
};

}  // namespace svg
