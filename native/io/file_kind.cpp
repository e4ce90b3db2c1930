#include "io/file_kind.h"

#include <algorithm>
#include <cctype>

#include "io/text.h"

namespace svg {
namespace {

struct Signature {
  std::string_view bytes;
  const char* what;
};

constexpr Signature kSignatures[] = {
    {"version https://git-lfs.github.com/spec/", "is a git-lfs pointer, not the file itself: run `git lfs pull`"},
    {std::string_view("PK\x05\x06", 4), "is an empty zip file"},
    {"\x1f\x8b", "is compressed with gzip: unpack it first"},
    {"\xfd"
     "7zXZ",
     "is compressed with xz: unpack it first"},
    {"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first"},
    {"BZh", "is compressed with bzip2: unpack it first"},
    {"7z\xbc\xaf", "is a 7-zip archive: unpack it first"},
    {"Rar!", "is a RAR archive: unpack it first"},
    {"GGUF", "is a GGUF file, which is not supported"},
    {"\x89HDF", "is an HDF5 file, which is not supported"},
    {"\x93NUMPY", "is a NumPy array, which is not supported"},
    {"\x89PNG", "is a PNG picture"},
    {"\xff\xd8\xff", "is a JPEG picture"},
    {"\x7f"
     "ELF",
     "is a program"},
    {"%PDF", "is a PDF document"},
};

constexpr std::string_view kPageStarts[] = {"<!doctype html", "<html", "<head", "<?xml", "<error"};

std::string lower_start(std::string_view file) {
  const size_t first = file.substr(0, 256).find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == std::string_view::npos) return "";
  std::string text(file.substr(first, 32));
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool is_plain_text(std::string_view file) {
  while (!file.empty() && (file.back() & 0x80)) file.remove_suffix(1);  // a character that the end of the view cuts
  return is_utf8(file) && std::all_of(file.begin(), file.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte >= 0x20 || byte == '\t' || byte == '\n' || byte == '\r';
         });
}

}  // namespace

std::string describe_foreign_file(std::string_view file) {
  for (const Signature& signature : kSignatures) {
    if (file.substr(0, signature.bytes.size()) == signature.bytes) return signature.what;
  }
  if (file.size() > 262 && file.substr(257, 5) == "ustar") {
    return "is a tar archive; PyTorch 0.1 saved such files: load and save it again with a newer PyTorch";
  }
  const std::string start = lower_start(file);
  for (const std::string_view page : kPageStarts) {
    if (start.substr(0, page.size()) == page) return "looks like a web page: the download failed";
  }
  const std::string_view head = file.substr(0, 4096);
  if (std::all_of(head.begin(), head.end(), [](char c) { return c == 0; }))
    return "holds only zeros: it was cut or never filled";
  if (is_plain_text(head))
    return start.substr(0, 1) == "{" ? "is JSON text, not a checkpoint" : "is text, not a checkpoint";
  return "";
}

}  // namespace svg
