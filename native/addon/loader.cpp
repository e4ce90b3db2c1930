// Opens libraries by absolute path, so that the main addon needs neither a run path nor LD_LIBRARY_PATH: what it
// asks for by SONAME is open already. A library of its own, since the main addon cannot load before this has run.
#include <dlfcn.h>
#include <napi.h>

#include <cstdlib>
#include <string>

namespace {

// open(paths): all of them, in order. Handles are never closed: libtorch does not survive dlclose.
// RTLD_LOCAL keeps libtorch's symbols (protobuf, OpenMP) from other addons of the process; RTLD_NOW finds a missing
// dependency here rather than in the middle of a job.
void open(const Napi::CallbackInfo& info) {
  // libgomp reads it once. Waiting threads sleep after some 10 us: by default they spin, and on a machine that is busy
  // with something else small operations then take a hundred times as long.
  setenv("GOMP_SPINCOUNT", "10000", /*overwrite=*/0);
  const auto paths = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < paths.Length(); ++i) {
    const std::string path = paths.Get(i).ToString();
    if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) == nullptr) {
      throw Napi::Error::New(info.Env(), dlerror());
    }
  }
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New(env, open));
  return exports;
}

NODE_API_MODULE(svg_t2i_loader, init)

}  // namespace
